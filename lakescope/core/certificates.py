"""A server's certificate: read whether or not it is trusted, and what is wrong with it by name."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cryptography import x509

from lakescope.core.options import Tls

_EXPIRED, _NOT_YET, _REVOKED = 10, 9, 23
NAMES = (62, 64)  # host name, IP address
"""OpenSSL's codes (openssl/x509_vfy.h)."""


class Trust(NamedTuple):
    """How a handshake is made: strictly first, then with fewer and fewer checks, to read what was refused."""

    context: ssl.SSLContext
    chain: bool
    """Whether it checks that a CA stands behind the certificate."""
    name: bool
    """Whether it checks whose certificate it is."""


def trusts(tls: Tls) -> tuple[Trust, ...]:
    """The strictest first. Raises `OSError` for a file of `tls` that cannot be read."""
    blind = tls.context()
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    if not tls.verify:
        return (Trust(blind, False, False),)
    nameless = tls.context()
    nameless.check_hostname = False
    return Trust(tls.context(), True, True), Trust(nameless, True, False), Trust(blind, False, False)


class Certificate(NamedTuple):
    """What is told of one."""

    not_after: datetime | None
    issuer: str | None
    chain_ok: bool | None
    name_ok: bool | None

    def document(self) -> dict[str, Any]:
        """As plain data."""
        not_after = None if self.not_after is None else f"{self.not_after:%Y-%m-%dT%H:%M:%SZ}"
        return self._asdict() | {"not_after": not_after}


def read(der: bytes | None, *, chain_ok: bool | None, name_ok: bool | None) -> Certificate:
    """The certificate in DER; null for what one that breaks the rules does not tell."""
    try:
        certificate = x509.load_der_x509_certificate(der or b"")
        return Certificate(
            certificate.not_valid_after_utc, certificate.issuer.rfc4514_string(), chain_ok, name_ok
        )
    except (ValueError, TypeError):
        return Certificate(None, None, chain_ok, name_ok)


def fault(
    error: ssl.SSLCertVerificationError, certificate: Certificate, host: str, trusted: str
) -> tuple[str, str]:
    """(class, message) of a certificate that was refused; `trusted`: what it was checked against."""
    code, not_after = error.verify_code, certificate.not_after
    text = error.verify_message
    if code == _EXPIRED:
        if not_after is not None and not_after > datetime.now(UTC):
            return (
                "certificate_expired",
                "a CA certificate in the server's chain has expired; renew the chain",
            )
        when = f" on {not_after:%Y-%m-%d %H:%M} UTC" if not_after else ""
        return "certificate_expired", f"the certificate has expired{when}; renew it"
    if code == _NOT_YET:
        return (
            "certificate_not_yet_valid",
            "the certificate is not valid yet; compare the clocks of both sides",
        )
    if code in NAMES:
        return "certificate_name", f"the certificate is not issued for {host}: {text}"
    if code == _REVOKED:
        return "certificate_revoked", "the certificate is revoked; renew it"
    return "certificate_untrusted", f"the certificate is not trusted: {text}; checked against {trusted}"
