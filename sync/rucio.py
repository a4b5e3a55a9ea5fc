"""Rucio's REST API for synchronisations: one call a change, each tried again where the network or a restart is in the way.

    SyncError
      +- RucioUnreachableError   nobody answered, or no login: nothing can be told
      +- RucioRefusedError       Rucio answered and said no: this call is wrong, or the account may not

Never `/import`: its hard mode deletes the RSEs of every VO, its protocols follow `rse_sync_method` (rucio/core/importer.py of
41.5), and one transaction cannot be journalled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote as quote_path

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from lakescope.core.http import http_client, mask
from lakescope.core.oidc import RefusedLoginError
from lakescope.core.rucio import RucioServer, Tokens, label_of
from lakescope.sync.options import CONCURRENCY
from lakescope.sync.plan import SyncError

if TYPE_CHECKING:  # an instance starts without it
    import httpx

_ATTEMPTS = 4
EXPORT_S = 600.0
_PASSING = (429, 500, 502, 503, 504)
"""Statuses of a server that is overloaded or restarts. Rucio answers 500 for what it did not foresee as well: a last attempt's
is told as a refusal."""


class RucioUnreachableError(SyncError):
    """No answer, or no login."""


class RucioRefusedError(SyncError):
    """Rucio's own refusal."""

    def __init__(self, text: str, status: int, kind: str) -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind
        """Name of Rucio's exception: Duplicate, AccessDenied, RSENotFound, ...; empty if it named none."""


class _PassingError(Exception):
    """Worth another attempt."""


class _Distance(msgspec.Struct):
    distance: int | None = None


class Export(msgspec.Struct):
    """Of `/export` what is compared."""

    rses: dict[str, dict[str, Any]]
    """Name -> columns, attributes and protocols."""
    distances: dict[str, dict[str, _Distance]] = {}
    """Source -> destination -> distance."""


_decode_export = msgspec.json.Decoder(Export).decode
A = TypeVar("A")
T = TypeVar("T")


class Rucio:
    """One account's session, for several threads."""

    def __init__(
        self,
        options: RucioServer,
        *,
        concurrency: int = CONCURRENCY,
        timeout_s: float = 60.0,
        pause_s: float = 0.5,
    ) -> None:
        self.options = options
        self.concurrency = concurrency
        """Calls at a time, of `each` and of whoever applies a plan."""
        self.label = label_of(options)
        """How plans and errors call it."""
        self._client = http_client(tls=options.tls, timeout_s=timeout_s, headers={"accept": "*/*"})
        self._tokens = Tokens(self._client, options)
        self._retrying = Retrying(
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential(pause_s, max=8.0),
            retry=retry_if_exception_type(_PassingError),
            reraise=True,
        )

    def get(self, *path: str, **query: str) -> Any:
        """The answer's JSON. `path`: segments, which are quoted here."""
        return self._decode(self._call("GET", path, query), path)

    def each(self, ask: Callable[[A], T], items: Iterable[A]) -> Iterator[T]:
        """What `ask` answers for each item, in their order, `concurrency` at a time."""
        with ThreadPoolExecutor(self.concurrency) as pool:
            yield from pool.map(ask, items)

    def export(self, *, distances: bool = True) -> Export:
        """All RSEs of the VO, and their distances. Without a cache Rucio looks up the name of each end anew, which takes minutes
        for a large lake: it has `EXPORT_S` to begin its answer."""
        path, query = ("export",), {} if distances else {"distance": "false"}
        content = self._call("GET", path, query, read_s=EXPORT_S).content
        return self._decode_text(content, path, _decode_export)

    def lines(self, *path: str, **query: str) -> Iterator[Any]:
        """The records of a streamed answer (``application/x-json-stream``)."""
        response = self._call("GET", path, query)
        for line in response.content.splitlines():
            if line.strip():
                yield self._decode_text(line, path)

    def post(self, *path: str, body: Any = None) -> None:
        """Creates."""
        self._call("POST", path, {}, body)

    def put(self, *path: str, body: Any = None) -> None:
        """Changes."""
        self._call("PUT", path, {}, body)

    def delete(self, *path: str, body: Any = None) -> None:
        """Removes."""
        self._call("DELETE", path, {}, body)

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def _call(
        self,
        method: str,
        path: tuple[str, ...],
        query: dict[str, str],
        body: Any = None,
        read_s: float | None = None,
    ) -> httpx.Response:
        url = "/".join([self.options.url, *(quote_path(segment, safe="") for segment in path)])
        content = None if body is None else msgspec.json.encode(body)

        def attempt() -> httpx.Response:
            return self._send(method, url, query, content, read_s)

        return self._try(attempt, f"{method} /{'/'.join(path)}")

    def _try(self, attempt: Callable[[], httpx.Response], call: str) -> httpx.Response:
        try:
            response: httpx.Response = self._retrying(attempt)
        except _PassingError as error:
            cause = error.__cause__
            if isinstance(cause, RucioRefusedError):
                raise cause from None
            raise RucioUnreachableError(
                f"{self.label}: {call}: no answer in {_ATTEMPTS} attempts: {self._tokens.mask(str(error))};"
                " is `url` of [sync.rucio] right, and does the server run?"
            ) from error
        return response

    def _send(
        self, method: str, url: str, query: dict[str, str], content: bytes | None, read_s: float | None
    ) -> httpx.Response:
        import httpx

        usual = self._client.timeout
        timeout = usual if read_s is None else httpx.Timeout(usual.connect, read=read_s)
        for is_last in (False, True):
            try:
                response = self._client.request(
                    method,
                    url,
                    params=query,
                    content=content,
                    headers=self._tokens.headers(),
                    timeout=timeout,
                )
            except httpx.HTTPError as error:
                raise _PassingError(
                    self.options.tls.explain(f"{type(error).__name__}: {mask(str(error))}")
                ) from error
            except RefusedLoginError as error:
                text = f"{self.label}: not logged in: {error}"
                raise (_PassingError if error.status in _PASSING else RucioUnreachableError)(text) from error
            kind = response.headers.get("exceptionclass", "")
            if response.status_code == 401 and kind != "AccessDenied" and not is_last:
                self._tokens.forget()  # Rucio 41 refuses a right by 401, too, and names AccessDenied
                continue
            break
        if response.is_success:
            return response
        fault = self._refusal(method, response, kind)
        if response.status_code in _PASSING and not kind:
            raise _PassingError(str(fault)) from fault
        raise fault

    def _refusal(self, method: str, response: httpx.Response, kind: str) -> RucioRefusedError:
        words = response.headers.get("exceptionmessage") or response.text
        remedy = ""
        if kind == "AccessDenied" or response.status_code == 403:
            remedy = f"; give the account {self.options.account} the right to do this (attribute admin), or use another account"
        elif 300 <= response.status_code < 400:
            remedy = (
                f"; a redirect to {mask(response.headers.get('location', ''))}: give that address as `url`"
            )
        text = f"{self.options.url}: {method} {response.request.url.path} answered {response.status_code}"
        return RucioRefusedError(
            self._tokens.mask(f"{text}{f' {kind}' if kind else ''}: {mask(' '.join(words.split()))}{remedy}"),
            response.status_code,
            kind,
        )

    def _decode(self, response: httpx.Response, path: tuple[str, ...]) -> Any:
        return self._decode_text(response.content, path)

    def _decode_text(
        self, content: bytes, path: tuple[str, ...], decode: Callable[[bytes], T] = msgspec.json.decode
    ) -> T:
        try:
            return decode(content)
        except msgspec.DecodeError as error:
            raise RucioUnreachableError(
                f"{self.label}: GET /{'/'.join(path)}: expected JSON, found {mask(content[:80].decode(errors='replace'))!r}:"
                " a proxy or a login page is in between; correct `url` of [sync.rucio]"
            ) from error
