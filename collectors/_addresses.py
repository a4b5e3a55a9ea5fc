"""Where brokers are: a URL, and the addresses behind the name in it."""

from __future__ import annotations

import socket
from typing import NamedTuple
from urllib.parse import urlsplit

DEFAULT_PORT = 61613


class Address(NamedTuple):
    """One broker to connect to."""

    host: str
    """Name, or an address that a name stands for."""
    port: int
    tls: bool
    names: tuple[str, ...]
    """Whom its certificate may be issued for, the likeliest first."""

    def __str__(self) -> str:
        alias = f" ({self.names[0]})" if self.names[0] != self.host else ""
        return f"{self.host}:{self.port}{alias}"


def parse(url: str) -> Address:
    """The address in ``stomp://host:port`` or ``stomp+ssl://host:port``, its name not looked up."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return Address(host, parts.port or DEFAULT_PORT, parts.scheme == "stomp+ssl", (host,))


def resolve(alias: Address) -> list[Address]:
    """Every broker behind a name, by address. Raises `OSError` for a name that does not resolve.

    A host with addresses of both families is one broker: of its addresses only those of the family that the
    system prefers are taken (RFC 6724). It is known as one host by its reverse name.
    """
    lookup = socket.getaddrinfo(alias.host, alias.port, type=socket.SOCK_STREAM)
    preferred_family = lookup[0][0]
    hosts = {(family, str(sockaddr[0])): None for family, *_, sockaddr in lookup}
    reverse_names = {host: _reverse_name(host) for _, host in hosts}
    names_by_address = {reverse_names[host] for family, host in hosts if family == preferred_family}
    return [
        Address(host, alias.port, alias.tls, _names(alias.host, reverse_names[host]))
        for family, host in hosts
        if family == preferred_family or reverse_names[host] not in names_by_address
    ]


def _names(alias: str, reverse: str) -> tuple[str, ...]:
    """A broker behind an alias often shows a certificate of its own name only. Whoever can forge answers of the
    name service can also forge that name, so it counts only within the alias's own domain."""
    domain = alias.partition(".")[2]
    return (alias, reverse) if "." in domain and reverse.endswith(f".{domain}") else (alias,)


def _reverse_name(address: str) -> str:
    try:
        return socket.gethostbyaddr(address)[0]
    except OSError:
        return address
