"""Options of the addresses that Lakescope listens on, and what is not safe about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, Self

from pydantic import Field, SecretStr, model_validator

from lakescope.core.options import Options

_LET_IN = (
    'add token = "${LAKESCOPE_TOKEN}" below [http] and export LAKESCOPE_TOKEN=$(openssl rand -hex 24),'
    " or [access.tokens.NAME] as `lakescope access token NAME` prints it,"
    ' or listen on this machine only: host = "127.0.0.1"'
)


class Listener(Options):
    """An address to listen on."""

    host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` for all."""
    port: int = Field(ge=0, le=65535, examples=[8137])
    """Port to listen on; 0 takes a free one."""
    cert_file: Path | None = Field(default=None, examples=["/etc/lakescope/cert.pem"])
    """Certificate to show (PEM), and its chain: then it speaks TLS. A renewed file is read within seconds."""
    key_file: Path | None = Field(default=None, examples=["/etc/lakescope/key.pem"])
    """Its key (PEM), if not in `cert_file`."""
    insecure: bool = False
    """Whether others may reach this address though nobody needs to say who they are."""

    @model_validator(mode="after")
    def _key_belongs_to_a_certificate(self) -> Self:
        if self.key_file and not self.cert_file:
            raise ValueError("`key_file` without `cert_file`: add the certificate, or remove the key")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


class Http(Listener):
    """The status page, the API and the push routes."""

    port: int = Field(default=8137, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token: SecretStr | None = Field(default=None, min_length=8, examples=["${LAKESCOPE_TOKEN}"])
    """Token that may do all; push routes may have a token of their own. Without it, and without `[access]`, only the loopback can
    be listened on (see `insecure`), and whoever reaches that may do all."""
    allowed_hosts: tuple[str, ...] = Field(default=(), examples=[["lakescope.example.org"]])
    """Names by which it may be asked, beside its addresses, ``localhost`` and its own host's name."""


class PushListener(Listener):
    """An address of the push routes alone; without it they are at that of `[http]`."""

    port: int = Field(default=8138, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    insecure: bool = False
    """Whether everybody who reaches this address may push to collectors that ask for no token."""


class MetricsListener(Listener):
    """An address of ``/metrics`` alone; without it that is at the address of `[http]`."""

    port: int = Field(default=8139, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    insecure: bool = False
    """Whether everybody who reaches this address may read it."""


class Listeners(NamedTuple):
    """Those of a configuration."""

    http: Http
    push: PushListener | None
    metrics: MetricsListener | None
    is_protected: bool
    """Whether one must say who one is."""

    def unsafe(self, collectors: Mapping[str, Any]) -> Iterator[tuple[tuple[str, ...], str, str]]:
        """Place, what is wrong and the remedy of each address that others can reach without having to say who they are.

        `collectors`: name -> options.
        """
        if self.is_protected:
            return
        if _is_exposed(self.http):
            text = f"others can reach {self.http.host!r}, and neither [http] has a token nor [access] says who may come in"
            yield ("http", "host"), text, f"{_LET_IN}; insecure = true leaves it open"
        if self.metrics is not None and _is_exposed(self.metrics):
            text = f"others can reach {self.metrics.host!r}, and nobody needs to say who they are"
            yield ("metrics", "host"), text, f"{_LET_IN}; insecure = true leaves it open"
        open_collectors = [
            name for name, options in collectors.items() if getattr(options, "asks_for_token", None) is False
        ]
        if self.push is not None and _is_exposed(self.push) and open_collectors:
            text = f"others can reach {self.push.host!r}, and the collector {open_collectors[0]} asks for no token"
            remedy = (
                f"add a token as `lakescope access token NAME --collector {open_collectors[0]}` prints it,"
                ' or listen on this machine only: host = "127.0.0.1"; insecure = true leaves it open'
            )
            yield ("push", "host"), text, remedy


def _is_exposed(listener: Listener) -> bool:
    return not listener.is_loopback and not listener.insecure
