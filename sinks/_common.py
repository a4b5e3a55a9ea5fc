"""What the sinks share: their common options, HTTP with judged answers, masking."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import httpx
from pydantic import Field, SecretStr, field_validator

from lakescope.events import DATASETS
from lakescope.messages import FOUND_MAX
from lakescope.options import Options, Tls, check_url
from lakescope.pipeline import RefusedError, TransientError

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
        base_url=url, auth=auth, headers=headers, verify=options.tls.context(), timeout=options.timeout_s
    )


def send(client: httpx.Client, method: str, url: str, **arguments: Any) -> httpx.Response:
    """One request. Raises `TransientError` when no answer came."""
    try:
        return client.request(method, url, **arguments)
    except httpx.HTTPError as error:
        raise TransientError(
            f"{client.base_url.host}: {type(error).__name__}: {masked(str(error))}"
        ) from error


def judge_status(response: httpx.Response, *, good: Sequence[int]) -> None:
    """Returns for a `good` status. Raises `RefusedError` for what fewer or other events would pass (400, 413,
    422), `TransientError` for all else: an operator mends credentials and routes, the events wait."""
    status = response.status_code
    if status in good:
        return
    text = f"{response.request.url.host} answered {status}: {masked(response.text)}{remedy(status)}"
    if status in (400, 413, 422):
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
    return USERINFO.sub("", text)[:FOUND_MAX].strip()
