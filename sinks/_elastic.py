"""The two clients of one wire format: Elasticsearch's refuses OpenSearch, OpenSearch's own serves it."""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import elastic_transport
from elastic_transport.client_utils import url_to_node_config

from lakescope.core.contracts import RefusedError, TransientError
from lakescope.core.http import is_permanent, mask, remedy
from lakescope.core.options import Tls

Flavour = Literal["elasticsearch", "opensearch"]


class Cluster(NamedTuple):
    """Where to and as whom."""

    urls: list[str]
    tls: Tls
    timeout_s: float
    login: tuple[str, str] | None
    api_key: str | None


class BusyError(TransientError):
    """429 for the whole request: the node has no memory left for one of this size."""


class UnauthorisedError(TransientError):
    """401: the login, or the token, is not taken."""


class Connection(Protocol):
    """A client of either kind."""

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, write: bool = False
    ) -> Any:
        """The answer as plain data. Raises `BusyError`, `TransientError` or `RefusedError`.

        A write is tried once: the engine does so again, without end and with backoff. Everything else goes on to the
        next node when one is away, as nobody else would try again.
        """

    def close(self) -> None:
        """Closes the connections."""


def connect(flavour: Flavour, cluster: Cluster) -> Connection:
    """A client for the cluster. Nothing is sent yet."""
    return ElasticsearchConnection(cluster) if flavour == "elasticsearch" else OpensearchConnection(cluster)


_COMPATIBLE = {
    f"application/{kind}": f"application/vnd.elasticsearch+{kind}; compatible-with=8"
    for kind in ("json", "x-ndjson")
}
"""Content type -> that of Elasticsearch's version 8, which 8 and 9 speak. OpenSearch refuses it, before it stores anything."""


class ElasticsearchConnection:
    """By elastic-transport, on which elasticsearch-py stands: the import of its methods, one for each of Elasticsearch's
    requests, would take longer than all else of a start."""

    def __init__(self, cluster: Cluster) -> None:
        self._tls = cluster.tls
        self._timeout_s = cluster.timeout_s
        self._others = len(cluster.urls) - 1
        self._hosts = [urlsplit(url).netloc for url in cluster.urls]
        options: dict[str, Any] = {}
        if _secure(cluster):
            options["ssl_context"] = cluster.tls.context()
            # else the node sets the context back to verifying (elastic/elasticsearch-py#2167)
            options["verify_certs"] = cluster.tls.verify
            options["ssl_show_warn"] = False
        nodes = [url_to_node_config(url) for url in cluster.urls]
        as_it_is = elastic_transport.JsonSerializer()
        self._transport = elastic_transport.Transport(
            [node.replace(headers={**node.headers, **_login(cluster)}, **options) for node in nodes],
            serializers={kind.partition(";")[0]: as_it_is for kind in _COMPATIBLE.values()},
            meta_header=False,
        )

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, write: bool = False
    ) -> Any:
        """See `Connection`."""
        try:
            meta, answer = self._transport.perform_request(
                method,
                path,
                headers={name: _COMPATIBLE.get(value, value) for name, value in headers.items()},
                body=body,
                max_retries=0 if write else self._others,
                retry_on_timeout=not write,
                request_timeout=self._timeout_s,
            )
        except elastic_transport.TransportError as error:
            # its text is "TLS error" or "Connection error"; its message says which
            text = f"{', '.join(self._hosts)}: {type(error).__name__}: {mask(error.message)}"
            raise TransientError(self._tls.explain(text)) from error
        if meta.status == 406:
            raise _stranger(meta.node.host)
        if not 200 <= meta.status < 300:
            raise _judge_error(meta.node.host, meta.status, _reason(answer, answer))
        if meta.headers.get("x-elastic-product") != "Elasticsearch":
            raise _stranger(meta.node.host)
        return answer

    def close(self) -> None:
        """See `Connection`."""
        self._transport.close()


class OpensearchConnection:
    """By opensearch-py."""

    def __init__(self, cluster: Cluster) -> None:
        import opensearchpy  # here: only who needs it pays for its import

        # it logs each failure with a traceback; the engine tells it once, and counts
        logging.getLogger("opensearch").setLevel(logging.CRITICAL)
        self._errors = opensearchpy.exceptions
        self._tls = cluster.tls
        self._hosts = [urlsplit(url).netloc for url in cluster.urls]

        def client(others: int) -> Any:
            return opensearchpy.OpenSearch(
                cluster.urls,
                headers=_login(cluster),
                ssl_context=cluster.tls.context() if _secure(cluster) else None,
                max_retries=others,
                retry_on_timeout=others > 0,
                timeout=cluster.timeout_s,
            )

        self._writer, self._reader = client(0), client(len(cluster.urls) - 1)

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, write: bool = False
    ) -> Any:
        """See `Connection`."""
        client = self._writer if write else self._reader
        try:
            return client.transport.perform_request(method, path, headers=headers, body=body)
        except self._errors.TransportError as error:
            if isinstance(error.status_code, int):
                raise _judge_error("OpenSearch", error.status_code, _reason(error, error.info)) from error
            text = f"{', '.join(self._hosts)}: {mask(str(error))}"
            raise TransientError(self._tls.explain(text)) from error
        except self._errors.SerializationError as error:  # a proxy's page of HTML, say
            raise TransientError(mask(f"not an answer of OpenSearch: {error}")) from error

    def close(self) -> None:
        """See `Connection`."""
        self._writer.close()
        self._reader.close()


def _login(cluster: Cluster) -> dict[str, str]:
    """Basic authentication in UTF-8, which the servers expect; the clients themselves take ASCII or latin-1 only."""
    if cluster.api_key is not None:
        return {"authorization": f"ApiKey {cluster.api_key}"}
    if cluster.login is None:
        return {}
    login = ":".join(cluster.login).encode()
    return {"authorization": f"Basic {base64.b64encode(login).decode()}"}


def _stranger(host: str) -> TransientError:
    return TransientError(
        f'{host} is no Elasticsearch: if it is OpenSearch, set flavour = "opensearch" in this sink'
    )


def _secure(cluster: Cluster) -> bool:
    return any(url.startswith("https") for url in cluster.urls)


def cause(error: Any) -> str | None:
    """The innermost cause of an answer's ``error``, which its own text leaves out ("all shards failed"), and the remedy.

    Masked, and short enough for an error: what is quoted may be cut, the remedy never is.
    """
    if not isinstance(error, dict):
        return mask(str(error)) if error else None
    innermost = error
    while True:
        failed_shards = [
            shard["reason"] for shard in innermost.get("failed_shards", ()) if shard.get("reason")
        ]
        deeper = innermost.get("caused_by") or next(
            iter([*failed_shards, *innermost.get("root_cause", ())]), None
        )
        if not isinstance(deeper, dict) or deeper in (innermost, error):
            break
        innermost = deeper
    reason = innermost.get("reason") or error.get("reason") or ""
    kind = innermost.get("type", "")
    text = f"{kind}: {reason}" if kind else str(reason)
    return mask(text) + REMEDIES.get(kind, "")


REMEDIES = {
    "too_many_buckets_exception": "; raise search.max_buckets there, or ask for fewer groups or longer bins",
    "index_closed_exception": "; open it there, or ask for a range without it",
    "security_exception": "; give this user the right to read the indices",
    "circuit_breaking_exception": "; give the nodes more memory, or ask for fewer groups or longer bins",
}
"""Type of a cause -> what to do."""


def _reason(error: Any, body: Any) -> str:
    """The innermost cause, and the client's own text where there is none."""
    return (cause(body.get("error")) if isinstance(body, dict) else None) or mask(str(error))


def is_full(text: str) -> bool:
    """Whether a cluster takes no new index until an operator raises cluster.max_shards_per_node: a 400 that passes."""
    return "shards open" in text and "would add" in text


def _judge_error(host: str, status: int, reply_text: str) -> TransientError | RefusedError:
    text = f"{host} answered {status}: {reply_text}{remedy(status)}"
    if (status in (400, 413) or (status >= 500 and is_permanent(text))) and not is_full(text):
        return RefusedError("too_large" if status == 413 else "refused", text)
    if status == 429:
        return BusyError(text)
    if status == 401:
        return UnauthorisedError(text)
    return TransientError(text)  # 401 and 403 too: an operator mends them, the events wait
