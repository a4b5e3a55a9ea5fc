"""What is asked: a URL, whose scheme says how, and the RSE that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from lakescope.core.options import check_url

Kind = Literal["tcp", "tls", "http", "xrootd", "token"]


class Scheme(NamedTuple):
    """How services of a scheme are asked."""

    kind: Kind
    port: int | None
    """Where they listen if the URL does not say; null: it must."""
    secure: bool = False


SCHEMES: dict[str, Scheme] = {
    "http": Scheme("http", 80),
    "https": Scheme("http", 443, True),
    "dav": Scheme("http", 80),
    "davs": Scheme("http", 443, True),
    "root": Scheme("xrootd", 1094),
    "xroot": Scheme("xrootd", 1094),
    "roots": Scheme("xrootd", 1094, True),
    "xroots": Scheme("xrootd", 1094, True),
    "oidc": Scheme("token", 443, True),
    "tls": Scheme("tls", None, True),
    "stomp+ssl": Scheme("tls", 61614, True),
    "amqps": Scheme("tls", 5671, True),
    "tcp": Scheme("tcp", None),
    "stomp": Scheme("tcp", 61613),
    "amqp": Scheme("tcp", 5672),
    "srm": Scheme("tcp", 8443),
    "gsiftp": Scheme("tcp", 2811),
}


class Target(NamedTuple):
    """One service."""

    url: str
    rse: str | None = None
    site: str | None = None

    @property
    def scheme(self) -> Scheme:
        """How it is asked."""
        return SCHEMES[urlsplit(self.url).scheme]


def check_target(url: str) -> None:
    """Raises `ValueError` for what is no URL that can be asked."""
    check_url(url, tuple(SCHEMES), "davs://se01.example.org:8443/", "`headers`")
    parts = urlsplit(url)
    if parts.port is None and SCHEMES[parts.scheme].port is None:
        raise ValueError(f"expected a port: {parts.scheme}://{parts.hostname}:PORT")


def read_rses(path: Path) -> list[Target]:
    """The protocols of CRIC's RSEs that can be asked. Raises `RuntimeError` naming a file that cannot be used."""
    try:
        document = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RuntimeError(f"{path}: expected CRIC's JSON: {reason}") from error
    rses = document.get("rses", document) if isinstance(document, dict) else None
    if not isinstance(rses, dict):
        raise RuntimeError(f"{path}: expected a JSON object as CRIC answers, found {type(document).__name__}")
    return [
        Target(url, name, attributes.get("site") or attributes.get("rcsite") or None)
        for name, attributes in rses.items()
        if isinstance(attributes, Mapping)
        for url in dict.fromkeys(_urls(attributes))
    ]


def _urls(attributes: Mapping[str, Any]) -> Iterator[str]:
    """With the doma preset a list of scheme, hostname, port, prefix; without it label -> flavour, endpoint, path."""
    protocols = attributes.get("protocols") or ()
    for protocol in protocols.values() if isinstance(protocols, Mapping) else protocols:
        if not isinstance(protocol, Mapping):
            continue
        scheme = str(protocol.get("scheme") or protocol.get("flavour") or "").lower()
        host, port = protocol.get("hostname"), protocol.get("port")
        authority = f"{host}:{port}" if host and port else host or protocol.get("endpoint")
        path = str(protocol.get("prefix") or protocol.get("path") or "/")
        url = f"{scheme}://{authority}{path if path.startswith('/') else f'/{path}'}"
        try:
            check_target(url)
        except ValueError:
            continue  # CRIC has schemes that nobody can be asked by: file, s3 with its keys, globus
        yield url
