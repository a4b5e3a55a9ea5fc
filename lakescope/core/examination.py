"""What examinations of plugins have in common: certificates, clocks, versions, directories.

Everything here yields `Finding`s, one line each, and raises nothing for what an operator can mend.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from lakescope.core.contracts import EXAMINE_S, Finding
from lakescope.core.options import Tls
from lakescope.core.versions import TESTED

RENEW_DAYS = 21
"""With fewer days left a certificate is a warning."""
OFFSET_S, WRONG_CLOCK_S = 5.0, 60.0
"""From here on a difference of two clocks is a warning, and an error."""
FREE_BYTES, FREE_SHARE = 2**30, 0.05
"""With less room than both a disk is a warning."""
ROOM_BYTES = 2**22
"""With less it is an error."""


def examine_certificates(urls: Sequence[str], tls: Tls, *, port: int | None = None) -> Iterator[Finding]:
    """Days left of the servers' certificates and of the client's own; nothing for a URL without TLS.

    `port`: where a URL names none.
    """
    for url in urls:
        yield from _examine_certificate(url, tls, port)
    yield from _examine_client_certificate(tls)


def _examine_certificate(url: str, tls: Tls, port: int | None) -> Iterator[Finding]:
    parts = urlsplit(url)
    if parts.scheme.endswith(("s", "ssl")) and parts.hostname:
        try:
            with socket.create_connection(
                (parts.hostname, parts.port or port or 443), EXAMINE_S
            ) as connection:
                yield from _examine_handshake(connection, parts.hostname, tls)
        except OSError as error:
            yield Finding("error", f"{parts.hostname}: TLS fails: {error}", "see the log of the server")


def _examine_handshake(connection: socket.socket, host: str, tls: Tls) -> Iterator[Finding]:
    """The certificate that a server shows on a connection; raises `OSError` where it shows none."""
    from lakescope.core import certificates  # cryptography takes 40 ms to import

    address = connection.getpeername()[:2]
    try:
        with tls.context().wrap_socket(connection, server_hostname=host) as secured:
            certificate = certificates.read(
                secured.getpeercert(binary_form=True), chain_ok=None, name_ok=None
            )
    except ssl.SSLCertVerificationError as error:
        with socket.create_connection(address, EXAMINE_S) as again:
            blind = certificates.trusts(tls)[-1].context
            try:
                with blind.wrap_socket(again, server_hostname=host) as secured:
                    der = secured.getpeercert(binary_form=True)
            except OSError:  # a server that waits for STARTTLS first
                der = None
        certificate = certificates.read(der, chain_ok=None, name_ok=None)
        trusted = str(tls.ca_file or tls.ca_dir or "the CAs of the system")
        kind, text = certificates.fault(error, certificate, host, trusted)
        yield Finding("error", f"{host}: {text}", _CERTIFICATE_REMEDIES.get(kind, ""))
        return
    yield from _days_left(f"certificate of {host}", certificate.not_after, "renew it on that server")


def examine_shown_certificate(connection: ssl.SSLSocket, host: str) -> Iterator[Finding]:
    """Days left of the certificate on a connection that is encrypted already."""
    from lakescope.core import certificates

    certificate = certificates.read(connection.getpeercert(binary_form=True), chain_ok=None, name_ok=None)
    yield from _days_left(f"certificate of {host}", certificate.not_after, "renew it on that server")


_CERTIFICATE_REMEDIES = {
    "certificate_untrusted": "name the file of the CA that signed it: option tls.ca_file",
    "certificate_name": "ask for the server by a name in its certificate",
}


def _examine_client_certificate(tls: Tls) -> Iterator[Finding]:
    if tls.cert_file is None:
        return
    from cryptography import x509

    try:
        not_after = x509.load_pem_x509_certificate(tls.cert_file.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        yield Finding(
            "error", f"{tls.cert_file}: {error}", "name a certificate in PEM that this user may read"
        )
        return
    yield from _days_left(f"client certificate {tls.cert_file}", not_after, "renew it")


def _days_left(what: str, not_after: datetime | None, remedy: str) -> Iterator[Finding]:
    if not_after is None:
        return
    days = (not_after - datetime.now(UTC)).total_seconds() / 86_400
    if days <= 0:
        yield Finding("error", f"{what} has expired on {not_after:%Y-%m-%d %H:%M} UTC", remedy)
    elif days < RENEW_DAYS:
        yield Finding("warning", f"{what} expires in {days:.0f} days, on {not_after:%Y-%m-%d}", remedy)
    else:
        yield Finding("ok", f"{what} is valid for {days:.0f} days")


def examine_clock(host: str, server_time: str | float | None) -> Iterator[Finding]:
    """This machine's clock beside a server's: the header ``Date`` of an answer that has just come, or POSIX seconds."""
    try:
        seconds = (
            parsedate_to_datetime(server_time).timestamp() if isinstance(server_time, str) else server_time
        )
    except ValueError:
        return
    if seconds is None:
        return
    offset = time.time() - seconds
    if abs(offset) < OFFSET_S:
        yield Finding("ok", f"clock agrees with that of {host}")
        return
    direction = "ahead of" if offset > 0 else "behind"
    text = f"clock of this machine is {_duration(abs(offset))} {direction} that of {host}"
    remedy = "compare both with `chronyc tracking`, and let the one that is wrong follow a time server"
    yield Finding("error" if abs(offset) >= WRONG_CLOCK_S else "warning", text, remedy)


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def examine_version(product: str, version: str | None) -> Finding:
    """A server's version beside those that Lakescope is tested with (`lakescope.core.versions`)."""
    tested = TESTED.get(product, ())
    text = f"{product} {version or 'of an unknown version'}"
    if version and version.split(".")[0] in {one.split(".")[0] for one in tested}:
        return Finding("ok", f"{text} (tested with {', '.join(tested)})")
    return Finding(
        "warning",
        f"{text} is not tested with Lakescope",
        f"tested: {product} {', '.join(tested)}" if tested else "",
    )


def examine_directory(what: str, directory: Path) -> Iterator[Finding]:
    """Whether a file can be written, synced and removed there, or in the nearest parent that exists; room on its disk."""
    existing = directory.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        usage = shutil.disk_usage(existing)
        free = f"{usage.free:,} of {usage.total:,} bytes free"
        if usage.free < ROOM_BYTES:
            yield Finding("error", f"{what} {directory}: the disk is full ({free})", "make room on it")
            return
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".lakescope-doctor-") as file:
            file.write(b"lakescope doctor\n" * 256)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        user = f"user {os.geteuid()}"
        remedy = f"let {user} write there: chown {os.geteuid()} {existing}"
        if error.errno == 28:
            remedy = "make room on its disk"
        yield Finding("error", f"{what} {directory}: cannot be written: {error.strerror}", remedy)
        return
    if usage.free < min(FREE_BYTES, FREE_SHARE * usage.total):
        yield Finding("warning", f"{what} {directory}: can be written; {free}", "make room on the disk")
    else:
        yield Finding("ok", f"{what} {directory}: can be written; {free}")


def examine_readable(paths: Sequence[Path]) -> Iterator[Finding]:
    """Files that this user may read; a directory by its entries."""
    for path in paths:
        try:
            if path.is_dir():
                next(path.iterdir(), None)
            else:
                with path.open("rb") as file:
                    file.read(1)
        except OSError as error:
            remedy = f"let this user read it: chmod u+r {path}, or correct the path"
            yield Finding("error", f"{path}: cannot be read: {error.strerror}", remedy)


def examine_connection(host: str, port: int) -> Finding:
    """Whether anybody listens there."""
    try:
        socket.create_connection((host, port), EXAMINE_S).close()
    except OSError as error:
        return Finding("error", f"{host}:{port}: no connection: {error}", CONNECTION_REMEDY)
    return Finding("ok", f"{host}:{port}: connected")


CONNECTION_REMEDY = (
    "correct name and port, or open the firewall; `getent hosts NAME` says whether the name is known"
)
