"""The two clients of one wire format: Elasticsearch's refuses OpenSearch, OpenSearch's own serves it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

import elastic_transport
import elasticsearch

from lakescope.options import Tls
from lakescope.pipeline import RefusedError, TransientError
from sinks._common import masked, remedy

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


class Connection(Protocol):
    """A client of either kind; it tries nothing twice: the engine does, for ever and with backoff."""

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        """The answer as plain data. Raises `BusyError`, `TransientError` or `RefusedError`."""

    def close(self) -> None:
        """Closes the connections."""


def connect(flavour: Flavour, cluster: Cluster) -> Connection:
    """A client for the cluster. Nothing is sent yet."""
    return ElasticsearchConnection(cluster) if flavour == "elasticsearch" else OpensearchConnection(cluster)


class ElasticsearchConnection:
    """By elasticsearch-py."""

    def __init__(self, cluster: Cluster) -> None:
        chosen: dict[str, Any] = {}
        if cluster.api_key is not None:
            chosen["api_key"] = cluster.api_key
        elif cluster.login is not None:
            chosen["basic_auth"] = cluster.login
        if _secure(cluster):
            chosen["ssl_context"] = cluster.tls.context()
        self._client = elasticsearch.Elasticsearch(
            cluster.urls,
            max_retries=0,
            retry_on_timeout=False,
            request_timeout=cluster.timeout_s,
            **chosen,
        )

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        """See `Connection`."""
        try:
            return self._client.perform_request(method, path, headers=headers, body=body).body
        except elasticsearch.ApiError as error:
            if error.status_code == 406:  # OpenSearch does not know the client's own content type
                raise _stranger(error.meta.node.host) from error
            raise _judged(error.meta.node.host, error.status_code, str(error)) from error
        except elasticsearch.UnsupportedProductError as error:
            raise _stranger(error.meta.node.host) from error
        except elastic_transport.TransportError as error:
            # its text is "TLS error" or "Connection error"; its message says which
            raise TransientError(masked(f"{type(error).__name__}: {error.message}")) from error

    def close(self) -> None:
        """See `Connection`."""
        self._client.close()


class OpensearchConnection:
    """By opensearch-py."""

    def __init__(self, cluster: Cluster) -> None:
        import opensearchpy  # here: only who needs it pays for its import

        # it logs each failure with a traceback; the engine tells it once, and counts
        logging.getLogger("opensearch").setLevel(logging.CRITICAL)
        self._errors = opensearchpy.exceptions
        self._client = opensearchpy.OpenSearch(
            cluster.urls,
            http_auth=cluster.login,
            ssl_context=cluster.tls.context() if _secure(cluster) else None,
            max_retries=0,
            retry_on_timeout=False,
            timeout=cluster.timeout_s,
        )

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        """See `Connection`."""
        try:
            return self._client.transport.perform_request(method, path, headers=headers, body=body)
        except self._errors.TransportError as error:
            if isinstance(error.status_code, int):
                raise _judged("OpenSearch", error.status_code, _told(error)) from error
            raise TransientError(masked(str(error))) from error
        except self._errors.SerializationError as error:  # a proxy's page of HTML, say
            raise TransientError(masked(f"not an answer of OpenSearch: {error}")) from error

    def close(self) -> None:
        """See `Connection`."""
        self._client.close()


def _stranger(host: str) -> TransientError:
    return TransientError(
        f'{host} is no Elasticsearch: if it is OpenSearch, set flavour = "opensearch" in this sink'
    )


def _secure(cluster: Cluster) -> bool:
    return any(url.startswith("https") for url in cluster.urls)


def _told(error: Any) -> str:
    """The innermost cause, which the client's own text leaves out, and that text."""
    cause = error.info.get("error") if isinstance(error.info, dict) else None
    while isinstance(cause, dict) and isinstance(cause.get("caused_by"), dict):
        cause = cause["caused_by"]
    reason = cause.get("reason") if isinstance(cause, dict) else None
    return f"{reason} ({error})" if reason else str(error)


def _judged(host: str, status: int, said: str) -> TransientError | RefusedError:
    text = f"{host} answered {status}: {masked(said)}{remedy(status)}"
    if status in (400, 413):
        return RefusedError("too_large" if status == 413 else "refused", text)
    if status == 429:
        return BusyError(text)
    return TransientError(text)  # 401 and 403 too: an operator mends them, the events wait
