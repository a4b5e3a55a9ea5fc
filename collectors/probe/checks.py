"""The checks themselves: name, connection, TLS, then what the target's scheme speaks.

Each ends within `Settings.timeout_s` as a whole, whatever the other side does: a server that sends a byte a second is
as late as one that sends none. What fails has a class of a closed list (`Failure`) and a sentence that says what was
awaited, what came and, where there is one, the remedy.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple
from urllib.parse import urljoin, urlsplit

import h11
import msgspec

from lakescope.collectors.probe import xrootd
from lakescope.collectors.probe.targets import SCHEMES, Target
from lakescope.collectors.probe.threads import in_thread
from lakescope.core import certificates
from lakescope.core.certificates import Certificate, Trust
from lakescope.core.http import USERINFO
from lakescope.core.messages import quote
from lakescope.core.options import Tls

Failure = Literal[
    "dns",
    "refused",
    "unreachable",
    "timeout",
    "closed",
    "tls",
    "certificate_expired",
    "certificate_not_yet_valid",
    "certificate_name",
    "certificate_untrusted",
    "certificate_revoked",
    "status",
    "redirects",
    "content",
    "protocol",
    "prober",  # this side has no name service, no file descriptors: it says nothing of the target
]
REDIRECTS = 5
_LONGEST = 64 * 1024
"""Bytes of an HTTP answer that are looked at."""
_REDIRECTED = (301, 302, 303, 307, 308)


class Settings(NamedTuple):
    """What all checks have in common."""

    timeout_s: float
    method: str | None
    statuses: frozenset[int]
    contains: str | None
    headers: Mapping[str, str]
    client: tuple[str, str] | None
    """Id and secret of an OAuth client."""
    tls: Tls


class FailedError(Exception):
    """A check has failed."""

    def __init__(self, failure: str, text: str):
        self.failure = failure
        super().__init__(text)


class Result:
    """What a check found, filled as it goes on."""

    def __init__(self, pinned: str | None = None) -> None:
        self.pinned = pinned
        """The only one of the name's addresses that is asked; null: the first that answers."""
        self.failure: str | None = None
        self.message = ""
        self.operation: str | None = None
        self.address: str | None = None
        self.http_status: int | None = None
        self.certificate: Certificate | None = None
        self.duration_s: float | None = None
        self.awaited = "an address of the name"
        """What the other side must do next."""

    def encoded(self, target: Target, start: float) -> bytes:
        """The message's body: see the format ``probes``."""
        fields = {
            "probe": target.scheme.kind,
            "target": target.url,
            "rse": target.rse,
            "site": target.site,
            "time": start,
            "duration_s": self.duration_s,
            "status": "ok" if self.failure is None else "unknown" if self.failure == "prober" else "critical",
            "failure": self.failure,
            "message": self.message or None,
            "operation": self.operation,
            "address": self.address,
            "http_status": self.http_status,
            "certificate": self.certificate and self.certificate.document(),
        }
        return msgspec.json.encode({key: value for key, value in fields.items() if value is not None})


class Place(NamedTuple):
    """Where a connection goes."""

    host: str
    port: int
    secure: bool

    @property
    def authority(self) -> str:
        """As a Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def place_of(url: str) -> Place:
    """Of a URL whose scheme is known."""
    parts = urlsplit(url)
    scheme = SCHEMES[parts.scheme]
    return Place(parts.hostname or "", parts.port or scheme.port or 0, scheme.secure)


class Line(NamedTuple):
    """An open connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    address: str


Greet = Callable[[Line], Awaitable[None]]


class Checks:
    """Asks targets. Of no state but who is being looked up."""

    def __init__(self, settings: Settings, trusts: tuple[Trust, ...]) -> None:
        self._settings = settings
        self._trusts = trusts
        self._lookups: dict[tuple[str, int], asyncio.Task[list[Any]]] = {}

    async def addresses(self, target: Target) -> list[str | None]:
        """Those behind a target's name, each to be checked; null alone for a name that has none, which the check then says."""
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return [address for address, _ in await self._looked_up(place_of(target.url))]
        except (TimeoutError, FailedError, OSError):
            return [None]

    async def check(self, target: Target, address: str | None = None) -> Result:
        """Never raises for what a target does; an exception is a bug."""
        result, start = Result(address), time.monotonic()
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                await self._ask(target, result)
        except TimeoutError:
            result.failure = "timeout"
            result.message = f"no answer within {self._settings.timeout_s:g} s, waiting for {result.awaited}"
        except FailedError as error:
            result.failure, result.message = error.failure, str(error)
        except asyncio.IncompleteReadError as error:
            result.failure = "closed"
            got = f"after {len(error.partial)} bytes" if error.partial else "without a word"
            result.message = f"the server closed the connection {got}, waiting for {result.awaited}"
        except OSError as error:
            result.failure, result.message = _fault_of(error, result.awaited)
        result.message = quote(" ".join(result.message.split()), 500)
        result.duration_s = time.monotonic() - start
        return result

    async def _ask(self, target: Target, result: Result) -> None:
        match target.scheme.kind:
            case "http":
                await self._ask_http(target, result)
            case "token":
                await self._ask_issuer(target, result)
            case "xrootd":
                await self._ask_xrootd(target, result)
            case kind:
                result.operation = kind
                async with self._line(place_of(target.url), result, secure=kind == "tls"):
                    result.message = "the TLS handshake succeeded" if kind == "tls" else "the port is open"

    # --- connections

    @asynccontextmanager
    async def _line(
        self, place: Place, result: Result, *, secure: bool, greet: Greet | None = None
    ) -> AsyncIterator[Line]:
        """A connection, with TLS if it is `secure`; `greet`: what is said before. All are aborted in the end: a farewell
        would be one more wait."""
        opened: list[Line] = []

        async def dial() -> Line:
            line = await self._connected(place, result)
            opened.append(line)
            if greet is not None:
                await greet(line)
            return line

        try:
            yield await (self._secured(dial, place, result) if secure else dial())
        finally:
            for line in opened:
                line.writer.transport.abort()

    async def _connected(self, place: Place, result: Result) -> Line:
        """To the first address that answers. Each gets a fair part of the time that is left."""
        all_addresses = await self._looked_up(place)
        addresses = [one for one in all_addresses if one[0] == result.pinned] or all_addresses
        end = asyncio.get_running_loop().time() + self._settings.timeout_s
        first: OSError | None = None
        for number, (address, port) in enumerate(addresses):
            result.awaited, result.address = f"the connection to {address} port {port}", address
            left = end - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(left / (len(addresses) - number)):
                    return Line(*await asyncio.open_connection(address, port), address)
            except TimeoutError:
                if number == len(addresses) - 1:
                    raise
            except OSError as error:
                first = first or error
        assert first is not None
        raise first

    async def _looked_up(self, place: Place) -> list[tuple[str, int]]:
        """A look-up that hangs goes on, and is asked again by the next check instead of a second one beside it."""
        key = place.host, place.port
        task = self._lookups.get(key)
        if task is None:
            task = asyncio.create_task(
                in_thread(socket.getaddrinfo, *key, 0, socket.SOCK_STREAM), name="look-up"
            )
            self._lookups[key] = task
            task.add_done_callback(
                lambda done: (self._lookups.pop(key, None), done.cancelled() or done.exception())
            )
        try:
            infos = await asyncio.shield(task)
        except socket.gaierror as error:
            failure = "prober" if error.errno == socket.EAI_AGAIN else "dns"
            why = "the name service does not answer" if failure == "prober" else str(error.strerror)
            raise FailedError(failure, f"{place.host}: no address: {why}") from error
        except UnicodeError as error:
            raise FailedError("dns", f"{place.host}: no name that a name service knows: {error}") from error
        return list(dict.fromkeys(sockaddr[:2] for *_, sockaddr in infos))

    async def _secured(self, dial: Callable[[], Awaitable[Line]], place: Place, result: Result) -> Line:
        """A connection with TLS. What strict checks refuse is connected to anew with fewer, to read its certificate."""
        refused: ssl.SSLCertVerificationError | None = None
        for trust in self._trusts:
            line = await dial()
            result.awaited = f"the TLS handshake with {place.authority}"
            try:
                await line.writer.start_tls(trust.context, server_hostname=place.host)
            except ssl.SSLCertVerificationError as error:
                refused = refused or error
                continue
            except ssl.SSLError as error:
                raise FailedError("tls", f"the TLS handshake failed: {_words(error)}") from error
            result.certificate = _read(line, trust, refused)
            if refused is None:
                return line
            break
        assert refused is not None  # the last of them checks nothing
        certificate = result.certificate or Certificate(None, None, False, None)
        tls = self._settings.tls
        trusted = f"{tls.ca_file or tls.ca_dir or 'the CAs of the system'} (options tls.ca_file, tls.ca_dir)"
        raise FailedError(*certificates.fault(refused, certificate, place.host, trusted)) from refused

    # --- HTTP

    async def _ask_http(self, target: Target, result: Result) -> None:
        settings = self._settings
        webdav = urlsplit(target.url).scheme in ("dav", "davs")
        method = settings.method or ("OPTIONS" if webdav else "GET")
        result.operation = method.lower()
        url = target.url
        for _ in range(REDIRECTS + 1):
            body = settings.contains is not None
            own = urlsplit(url).hostname == urlsplit(target.url).hostname
            status, headers, text = await self._exchange(
                url, method, settings.headers if own else {}, b"", result, body=body
            )
            if status not in _REDIRECTED or "location" not in headers or status in settings.statuses:
                break
            url = _redirected(url, headers["location"])
        else:
            raise FailedError("redirects", f"more than {REDIRECTS} redirects, the last to {_plain(url)}")
        self._judge(status, url, target.url)
        if settings.contains is not None and settings.contains not in text.decode(errors="replace"):
            raise FailedError(
                "content",
                f"answered {status} without the text {settings.contains!r}: {_excerpt(headers, text)}",
            )
        result.message = f"answered {status}"

    def _judge(self, status: int, url: str, target_url: str) -> None:
        if 200 <= status <= 299 or status in self._settings.statuses:
            return
        where = "" if url == target_url else f" at {_plain(url)}"
        remedy = {
            401: "; if that means alive, add it to `statuses`; else show who asks: `headers`, `tls.cert_file`",
            403: "; if that means alive, add it to `statuses`; else show who asks: `headers`, `tls.cert_file`",
            405: "; ask by another `method`",
        }.get(status, "")
        raise FailedError("status", f"answered {status}{where}{remedy}")

    async def _exchange(
        self, url: str, method: str, headers: Mapping[str, str], sent: bytes, result: Result, *, body: bool
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, headers (names in lower case), and with `body` the beginning
        of the body."""
        place, parts = place_of(url), urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        own_headers = {
            "host": place.authority,
            "user-agent": "lakescope-probe",
            "accept": "*/*",
            "connection": "close",
        }
        if sent or method == "POST":
            own_headers["content-length"] = str(len(sent))
        async with self._line(place, result, secure=place.secure) as line:
            result.awaited = f"the answer to {method}"
            connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST)
            try:
                request = h11.Request(
                    method=method, target=path, headers=list((own_headers | dict(headers)).items())
                )
                data = [connection.send(request), connection.send(h11.Data(sent)) if sent else b""]
                line.writer.write(b"".join(filter(None, [*data, connection.send(h11.EndOfMessage())])))
                answer = await _received(connection, line.reader, body=body)
            except h11.LocalProtocolError as error:
                raise FailedError("protocol", f"this cannot be asked: {error}") from error
            except h11.RemoteProtocolError as error:
                raise FailedError("protocol", f"expected an HTTP answer: {error}") from error
        result.http_status = answer[0]
        return answer

    # --- tokens

    async def _ask_issuer(self, target: Target, result: Result) -> None:
        """OpenID Connect Discovery 1.0, section 4; then RFC 6749, section 4.4, or its section 5.2 for who is nobody."""
        result.operation = "token"
        issuer = f"https{target.url.removeprefix('oidc')}".rstrip("/")
        url = f"{issuer}/.well-known/openid-configuration"
        status, headers, text = await self._exchange(
            url, "GET", {"accept": "application/json"}, b"", result, body=True
        )
        self._judge(status, url, url)
        endpoint = _object(headers, text, "the issuer's configuration").get("token_endpoint")
        if not isinstance(endpoint, str) or urlsplit(endpoint).scheme != "https":
            raise FailedError(
                "content", f"expected token_endpoint with an https URL, found {quote(str(endpoint))}"
            )
        client = self._settings.client
        asking = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if client is not None:
            asking["authorization"] = "Basic " + base64.b64encode(":".join(client).encode()).decode()
        status, headers, text = await self._exchange(
            endpoint, "POST", asking, b"grant_type=client_credentials", result, body=True
        )
        answer = _object(headers, text, f"the token endpoint ({status})")
        if client is None and status in (400, 401) and "error" in answer:
            result.message = (
                f"the token endpoint answers: {quote(str(answer['error']))} to a client without a name"
            )
        elif status == 200 and "access_token" in answer:
            result.message = "the token endpoint gave a token"
        else:
            why = quote(str(answer.get("error") or sorted(answer)))
            raise FailedError("status", f"the token endpoint answered {status}: {why}")

    # --- XRootD

    async def _ask_xrootd(self, target: Target, result: Result) -> None:
        result.operation = "protocol"
        place = place_of(target.url)

        async def greet(line: Line) -> None:
            result.awaited = "the answer to the XRootD handshake"
            line.writer.write(xrootd.request(secure=place.secure))
            try:
                server = await xrootd.answer(line.reader.readexactly)
            except xrootd.NotXrootdError as error:
                raise FailedError("protocol", str(error)) from error
            if place.secure and not server.goes_to_tls:
                raise FailedError("tls", f"the server offers no TLS (XRootD protocol {server.version})")
            result.message = f"XRootD protocol {server.version}, {server.role}"

        async with self._line(place, result, secure=place.secure, greet=greet):
            pass


def _read(line: Line, trust: Trust, refused: ssl.SSLCertVerificationError | None) -> Certificate:
    """The certificate of a connection that was made with that trust, after what stricter ones refused."""
    der = line.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    if refused is None:
        return certificates.read(der, chain_ok=trust.chain or None, name_ok=trust.name or None)
    wrong_name = refused.verify_code in certificates.NAMES
    return certificates.read(der, chain_ok=trust.chain, name_ok=False if wrong_name else None)


async def _received(
    connection: h11.Connection, reader: asyncio.StreamReader, *, body: bool
) -> tuple[int, dict[str, str], bytes]:
    status, headers, text, has_data = 0, {}, bytearray(), False
    while len(text) < _LONGEST:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(65_536)
            if not data and not has_data:
                raise asyncio.IncompleteReadError(b"", None)
            if not has_data and not data.startswith(
                b"HTTP/"[: len(data)]
            ):  # h11 would wait for an empty line
                raise FailedError("protocol", f"expected an HTTP answer, found {data[:40]!r}")
            has_data = True
            connection.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
            if not body:
                break
        elif isinstance(event, h11.Data):
            text += event.data
        elif not isinstance(event, h11.InformationalResponse):
            break
    return status, headers, bytes(text[:_LONGEST])


def _redirected(url: str, location: str) -> str:
    """Where a redirect leads. Raises `FailedError` where that cannot be asked."""
    try:
        there = urljoin(url.replace("davs://", "https://", 1).replace("dav://", "http://", 1), location)
        if urlsplit(there).scheme in ("http", "https") and urlsplit(there).hostname:
            place_of(there)
            return there
    except ValueError:
        pass
    raise FailedError("redirects", f"expected a redirect to an HTTP URL, found {quote(_plain(location))}")


def _plain(url: str) -> str:
    """Without user, query and fragment: they may be secrets."""
    return USERINFO.sub("", url.partition("?")[0].partition("#")[0])


def _object(headers: Mapping[str, str], text: bytes, what: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise FailedError("content", f"expected JSON from {what}, found {_excerpt(headers, text)}")
    return document


def _excerpt(headers: Mapping[str, str], text: bytes) -> str:
    kind = headers.get("content-type", "")
    if "html" in kind or text.lstrip()[:1] == b"<":
        return "a web page: a login page or a proxy is in between"
    return quote(" ".join(text.decode(errors="replace").split()), 120) or "nothing"


_FAULTS = {
    errno.ECONNREFUSED: ("refused", "the port is closed: is the service running?"),
    errno.ECONNRESET: ("closed", "the server reset the connection"),
    errno.EPIPE: ("closed", "the server closed the connection"),
    errno.EHOSTUNREACH: ("unreachable", "no route to the host"),
    errno.ENETUNREACH: ("unreachable", "no route to its network"),
    errno.EADDRNOTAVAIL: ("prober", "no free address on this side"),
    errno.EMFILE: ("prober", "this process has too many files open"),
    errno.ENFILE: ("prober", "this machine has too many files open"),
}


def _fault_of(error: OSError, awaited: str) -> tuple[str, str]:
    if isinstance(error, ssl.SSLError):
        return "tls", f"TLS failed, waiting for {awaited}: {_words(error)}"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "closed", f"the server closed the connection, waiting for {awaited}"
    failure, text = _FAULTS.get(error.errno or 0, ("unreachable", error.strerror or type(error).__name__))
    return failure, f"{text}, waiting for {awaited}"


def _words(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
