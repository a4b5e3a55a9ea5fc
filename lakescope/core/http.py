"""HTTP for collectors, sinks and commands alike: one way to make a client, to send, and to read what an answer means."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.messages import quote
from lakescope.core.options import Tls

if TYPE_CHECKING:  # every configuration has options of HTTP, and not every command sends a request
    import httpx

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


def http_client(
    url: str = "",
    *,
    tls: Tls | None = None,
    timeout_s: float = 30.0,
    headers: Mapping[str, str] | None = None,
    login: tuple[str, SecretStr | None] | None = None,
    token: SecretStr | None = None,
    auth: httpx.Auth | None = None,
    follow_redirects: bool = False,
    proxy: str | None = None,
) -> httpx.Client:
    """A client for requests below `url`; it tries nothing twice.

    `login`: user and password for basic authentication; `token`: for ``Authorization: Bearer``; `auth`: another way
    (`lakescope.core.oidc.bearer`); `proxy`: through which all requests go. Raises `OSError` for a
    file of `tls` that cannot be read.
    """
    import httpx

    user = (login[0], login[1].get_secret_value() if login[1] else "") if login else None
    bearer = {} if token is None else {"authorization": f"Bearer {token.get_secret_value()}"}
    return httpx.Client(
        base_url=url,
        auth=user or auth,
        headers=dict(headers or {}) | bearer,
        verify=(tls or Tls()).context(),
        timeout=timeout_s,
        follow_redirects=follow_redirects,
        proxy=proxy,
        trust_env=False,  # no proxies of the environment: docs/how-to/production.md
    )


def send(client: httpx.Client, tls: Tls, method: str, url: str, **arguments: Any) -> httpx.Response:
    """One request. Raises `TransientError` when no answer came."""
    import httpx

    try:
        return client.request(method, url, **arguments)
    except httpx.HTTPError as error:
        host = httpx.URL(url).host or client.base_url.host
        text = f"{host}: {type(error).__name__}: {mask(str(error))}"
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
    text = f"{host} answered {status}: {mask(response.text)}{remedy(status)}"
    if is_page:
        text = f"{host} answered {status} with a web page: a proxy or a login page is in between"
    elif 300 <= status < 400:
        text = f"{host} answered {status}, a redirect to {mask(response.headers.get('location', ''))}: give that address"
    elif status in (400, 413, 422) or (status >= 500 and is_permanent(response.text)):
        raise RefusedError("too_large" if status == 413 else "refused", text)
    raise TransientError(text)


def remedy(status: int) -> str:
    """What an operator can do where a store knows the sender not, or lets it not write."""
    return {
        401: "; correct `username` and `password`, or the token",
        403: "; give this user, or this token, the right to write there",
    }.get(status, "")


def mask(text: str) -> str:
    """`text` without user names and passwords in URLs, short enough for an error."""
    return quote(mask_passwords(text).strip())


def mask_passwords(text: str) -> str:
    """`text` without user names and passwords in URLs."""
    return USERINFO.sub("", text)
