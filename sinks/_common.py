"""What the sinks share: their common options, HTTP with judged answers, masking."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import httpx
from pydantic import Field, SecretStr, field_validator

from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.events import DATASETS
from lakescope.core.messages import quote
from lakescope.core.options import Options, Tls, check_url
from lakescope.kpis.model import Found, StoreQuery, UnsupportedError

Compiled = TypeVar("Compiled")

PERMANENT = (
    "partial write:",  # without the colon it is a cluster's that lacked a node, which passes
    "points beyond retention policy",
    "outside retention policy",
    "field type conflict",
    "max-values-per-tag limit exceeded",
    "max-series-per-database limit exceeded",
    "illegal_argument_exception",
    "mapper_parsing_exception",
    "document_parsing_exception",
)
"""What servers say, with a status of 500 or more, of what they will never take: InfluxDB 1.x of any error but its
PartialWriteError (influxdata/influxdb, services/httpd/handler.go, `serveWrite`), 2.x as "internal error" (Telegraf's
outputs/influxdb tells them by these words too); Elasticsearch and OpenSearch of one node's refusal in another's 503."""
USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


class SinkOptions(Options):
    """Options of every sink."""

    datasets: list[str] | None = Field(default=None, examples=[["transfers", "deletions"]])
    """Which datasets this sink takes; without it all."""

    @field_validator("datasets")
    @classmethod
    def _known(cls, names: Sequence[str] | None) -> Sequence[str] | None:
        for name in names or ():
            if name not in DATASETS:
                raise ValueError(f"no dataset {name!r}; there are {', '.join(DATASETS)}")
        return names

    @field_validator("url", "urls", check_fields=False)
    @classmethod
    def _are_urls(cls, urls: Any) -> Any:
        for url in [urls] if isinstance(urls, str) else urls:
            check_url(url, ("http", "https"), "https://store.example.org:9200")
        return urls


class HttpOptions(SinkOptions):
    """Options of every sink that speaks plain HTTP."""

    username: str | None = None
    """User for basic authentication."""
    password: SecretStr | None = Field(default=None, examples=["${STORE_PASSWORD}"])
    """Password for basic authentication."""
    tls: Tls = Tls()
    """TLS towards the server."""
    timeout_s: float = Field(default=30.0, gt=0)
    """Longest wait for an answer (seconds)."""


def http_client(options: HttpOptions, url: str, headers: dict[str, str] | None = None) -> httpx.Client:
    """A client with the options' credentials and TLS; it follows no redirects and tries nothing twice."""
    auth = (
        (options.username, options.password.get_secret_value() if options.password else "")
        if options.username
        else None
    )
    return httpx.Client(
        base_url=url,
        auth=auth,
        headers=headers,
        verify=options.tls.context(),
        timeout=options.timeout_s,
        trust_env=False,  # no proxies: docs/how-to/production.md
    )


def send(client: httpx.Client, tls: Tls, method: str, url: str, **arguments: Any) -> httpx.Response:
    """One request. Raises `TransientError` when no answer came."""
    try:
        return client.request(method, url, **arguments)
    except httpx.HTTPError as error:
        text = f"{client.base_url.host}: {type(error).__name__}: {masked(str(error))}"
        raise TransientError(tls.explain(text)) from error


def is_permanent(text: str) -> bool:
    """Whether a server says that it will never take what was sent, whatever its status."""
    return any(words in text for words in PERMANENT)


def judge_status(response: httpx.Response, *, good: Sequence[int]) -> None:
    """Returns for a `good` status. Raises `RefusedError` for what fewer or other events would pass (400, 413, 422, or
    what says so in words), `TransientError` for all else: an operator mends credentials and routes, the events wait.

    A page of HTML is nobody's answer: a login page or a proxy stands in between.
    """
    status, host = response.status_code, response.request.url.host
    is_page = response.headers.get("content-type", "").startswith("text/html")
    if status in good and not is_page:
        return
    text = f"{host} answered {status}: {masked(response.text)}{remedy(status)}"
    if is_page:
        text = f"{host} answered {status} with a web page: a proxy or a login page is in between"
    elif 300 <= status < 400:
        text = f"{host} answered {status}, a redirect to {masked(response.headers.get('location', ''))}: give that address"
    elif status in (400, 413, 422) or (status >= 500 and is_permanent(response.text)):
        raise RefusedError("too_large" if status == 413 else "refused", text)
    raise TransientError(text)


def remedy(status: int) -> str:
    """What an operator can do where a store knows the sender not, or lets it not write."""
    return {
        401: "; correct `username` and `password`, or the token, of the sink",
        403: "; give the sink's user the right to write there",
    }.get(status, "")


def masked(text: str) -> str:
    """`text` without user names and passwords in URLs, short enough for an error."""
    return quote(USERINFO.sub("", text).strip())


def answer_each(
    queries: Sequence[StoreQuery],
    compile_: Callable[[StoreQuery], Compiled],
    run: Callable[[Sequence[tuple[StoreQuery, Compiled]]], list[Found]],
) -> list[Found | UnsupportedError]:
    """An `Answering` sink's answer: `compile_` each query, then `run` those that it does not refuse, together."""
    answers: list[Any] = []
    compiled: dict[int, tuple[StoreQuery, Compiled]] = {}
    for place, query in enumerate(queries):
        try:
            compiled[place] = query, compile_(query)
            answers.append(None)
        except UnsupportedError as error:
            answers.append(error)
    if compiled:
        for place, found in zip(compiled, run(list(compiled.values())), strict=True):
            answers[place] = found
    return answers
