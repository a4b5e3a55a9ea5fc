"""How Elasticsearch and OpenSearch answer KPIs: one request for all, further ones for further pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from lakescope.core.contracts import RefusedError, TransientError
from lakescope.kpis import elasticsearch
from lakescope.kpis.increases import Increases, is_of_increases
from lakescope.kpis.model import EventsQuery, Query, ReportsQuery, StoreAnswer, StoreQuery, UnsupportedError

PAGES = 100
"""Most pages of counters' values that one question may read (`elasticsearch.VALUES` each)."""


class Cluster(Protocol):
    """What is asked."""

    def search_many(self, searches: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
        """The answers to (dataset, body)."""

    def closed_indices(self) -> list[str]:
        """Names of closed indices."""


def compile_bodies(query: StoreQuery) -> list[dict[str, Any]]:
    """The searches that answer a query. Raises `UnsupportedError`."""
    if isinstance(query, ReportsQuery):
        return elasticsearch.compile_reports(query)
    if isinstance(query, EventsQuery):
        return [elasticsearch.compile_events(query)]
    return [elasticsearch.compile_query(query)]


def run(
    compiled_queries: Sequence[tuple[StoreQuery, list[dict[str, Any]]]], cluster: Cluster, prefix: str
) -> list[StoreAnswer | UnsupportedError]:
    """What each found. Raises `RefusedError` or `TransientError`."""
    queries = [query for query, _ in compiled_queries]
    refuse_closed(
        cluster,
        prefix,
        lambda dataset, period: any(_is_asked(query, dataset, period) for query in queries),
        "or ask for a range without it",
    )
    readers = [_reader(query) for query in queries]
    pending = [(place, body) for place, (_, bodies) in enumerate(compiled_queries) for body in bodies]
    while pending:
        responses = cluster.search_many([(queries[place].dataset, body) for place, body in pending])
        following = []
        for (place, body), answer in zip(pending, responses, strict=True):
            is_wanted = readers[place].add(answer)
            if is_wanted and (page := elasticsearch.next_page(body, answer)):
                following.append((place, page))
        pending = following
    return [reader.result() for reader in readers]


class _Reader:
    """The answer to a query from all its pages."""

    def __init__(self, query: StoreQuery) -> None:
        self._query = query
        self._pages: list[dict[str, Any]] = []

    def add(self, answer: dict[str, Any]) -> bool:
        """One page; whether the next one is wanted."""
        self._pages.append(answer)
        limit = self._query.limit if isinstance(self._query, EventsQuery) else None
        return limit is None or len(self._pages) * elasticsearch.PAGE < limit

    def result(self) -> StoreAnswer | UnsupportedError:
        """Once all pages are there."""
        query = self._query
        if isinstance(query, ReportsQuery):
            return elasticsearch.reports(self._pages)
        if isinstance(query, EventsQuery):
            return elasticsearch.event_rows(query, self._pages)
        return elasticsearch.rows(query, self._pages)


class _CounterReader(_Reader):
    """The same for increases of counters: no page is kept."""

    def __init__(self, query: Query) -> None:
        super().__init__(query)
        self._name = query.kpi.name
        self._increases = Increases(query)
        self._count = 0

    def add(self, answer: dict[str, Any]) -> bool:
        """As of `_Reader`."""
        self._count += 1
        for time, fields in elasticsearch.values(answer):
            self._increases.add(time, fields)
        return self._count <= PAGES

    def result(self) -> StoreAnswer | UnsupportedError:
        """As of `_Reader`."""
        if self._count > PAGES:
            return UnsupportedError(
                f"{self._name}: more than {PAGES * elasticsearch.VALUES:,} values of counters in this range, as many as"
                " are read from Elasticsearch for one number: ask for a shorter range or filter; a store of type duckdb"
                " can answer"
            )
        return self._increases.rows()


def _reader(query: StoreQuery) -> _Reader:
    return _CounterReader(query) if isinstance(query, Query) and is_of_increases(query) else _Reader(query)


def refuse_closed(
    cluster: Cluster, prefix: str, is_asked: Callable[[str, str], bool], otherwise: str
) -> None:
    """An answer without a closed index would lack something, without a word.

    `is_asked` tells by a dataset and a period (``2026-01``) whether such an index belongs to the answer; `otherwise`:
    what helps beside opening it. Raises `RefusedError`.
    """
    try:
        closed_names = cluster.closed_indices()
    except (RefusedError, TransientError):  # who may only search: a store that is away fails right after
        return
    for index in closed_names:
        dataset, _, period = index.removeprefix(f"{prefix}-").rpartition("-")
        if is_asked(dataset, period.replace(".", "-")):
            text = f"{index} is closed: open it (POST /{index}/_open), {otherwise}"
            raise RefusedError("refused", text)


def _is_asked(query: StoreQuery, dataset: str, period: str) -> bool:
    return dataset == query.dataset and overlaps(period, query.since, query.until)


def overlaps(period: str, since: datetime | None, until: datetime | None) -> bool:
    """Whether a period (``2026``, ``2026-01``, ``2026-01-05``) has a part in that range."""
    begin, end = (f"{one.astimezone(UTC):%Y-%m-%d}"[: len(period)] if one else None for one in (since, until))
    return (begin is None or begin <= period) and (end is None or period <= end)
