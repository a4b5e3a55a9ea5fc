"""What of the stored events a viewer may see: the one place that decides it, and the stores as a viewer has them.

- An event with a VO is seen by viewers of that VO, whatever its dataset.
- An event without one is seen by viewers of all VOs; of the datasets `SHARED`, which belong to the whole lake, also by
  viewers with the right `shared`.

`restricted` binds a store to a viewer. Its answers are those of a store that holds nothing but what the viewer may see, so
that KPIs, snapshots, timelines and comparisons need not know of viewers, nor have ``vo`` among their dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from lakescope.app.pseudonymous import answer_with_pseudonyms
from lakescope.app.pseudonyms import Pseudonyms
from lakescope.app.viewer import Viewer
from lakescope.core.contracts import SearchableSink, Sink
from lakescope.core.personal import PERSONAL
from lakescope.kpis.model import (
    UNKNOWN,
    Condition,
    EventsQuery,
    KpiSink,
    Query,
    ReportsQuery,
    StoreAnswer,
    StoreQuery,
    UnsupportedError,
)

SHARED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("network", "hosts", "fts_queue", "probes", "downtimes", "daemons", "expected_tests"), ()
    ),
    **dict.fromkeys(("polls", "pipeline", "annotations", "syncs"), ()),
    # what an account, a scope or an experiment uses is somebody's, and a share may name the VOs that it is for
    "storage": ("account", "scope", "experiment", "share"),
}
"""Datasets of what all VOs use: their events without a VO are shown with the right `shared`, if these fields are null, too. In
all others an event without a VO may be any VO's, or count several."""


def sees(viewer: Viewer, event: Mapping[str, Any]) -> bool:
    """Whether a viewer sees an event, as plain data with its ``dataset``."""
    if viewer.vos is None or event.get("vo") in viewer.vos:
        return True
    if event.get("vo") is not None or not viewer.shared:
        return False
    null_fields = SHARED.get(str(event.get("dataset")))
    return null_fields is not None and all(event.get(name) is None for name in null_fields)


def missing_right(viewer: Viewer, dataset: str) -> str | None:
    """The right with which a viewer would see more events of a dataset, the lesser one first; null for who sees all."""
    if viewer.vos is None:
        return None
    return "shared" if dataset in SHARED and not viewer.shared else "all_vos"


def conditions_of(viewer: Viewer, dataset: str) -> tuple[Condition, ...]:
    """What an event must meet for a viewer to see it, as `sees` has it."""
    if viewer.vos is None:
        return ()
    own = (Condition("vo", "in", tuple(sorted(viewer.vos))),)
    shared = tuple(Condition(name, "unknown") for name in ("vo", *SHARED.get(dataset, ())))
    ways = ((own,) if viewer.vos else ()) + ((shared,) if viewer.shared and dataset in SHARED else ())
    match ways:
        case ():
            return Condition("vo", "known"), Condition("vo", "unknown")  # nothing
        case (way,):
            return way
        case _:
            return (Condition("vo", "any", ways),)


def vos_of(viewer: Viewer, dataset: str) -> tuple[str, ...] | None:
    """The VOs whose events of a dataset a viewer finds, ``""`` for events without one; null: all events."""
    if viewer.vos is None:
        return None
    has_shared = viewer.shared and SHARED.get(dataset) == ()
    return (*sorted(viewer.vos), *((UNKNOWN,) if has_shared else ()))


def restrict(query: StoreQuery, viewer: Viewer) -> StoreQuery:
    """The query over what a viewer sees."""
    conditions = conditions_of(viewer, query.dataset)
    if not conditions:
        return query
    match query:
        case Query():
            return replace(query, restriction=(*query.restriction, *conditions))
        case ReportsQuery(polls_of=str(dataset)) if viewer.shared or dataset not in SHARED:
            return query
        case ReportsQuery() | EventsQuery():
            return replace(query, conditions=(*query.conditions, *conditions))


class _Restricted:
    """A store as a viewer sees it."""

    def __init__(self, sink: Any, viewer: Viewer, pseudonyms: Pseudonyms | None) -> None:
        self._sink = sink
        self._viewer = viewer
        self._pseudonyms = pseudonyms

    @property
    def options(self) -> Any:
        """The sink's, which say what datasets it is given."""
        return getattr(self._sink, "options", None)


class _Answers(_Restricted):
    def answer(self, queries: Sequence[StoreQuery]) -> list[StoreAnswer | UnsupportedError]:
        """As `KpiSink.answer`, over what the viewer sees."""
        restricted_queries = [restrict(query, self._viewer) for query in queries]
        if self._pseudonyms is None:
            answers: list[StoreAnswer | UnsupportedError] = self._sink.answer(restricted_queries)
            return answers
        return answer_with_pseudonyms(self._sink, restricted_queries, self._pseudonyms)


class _Finds(_Restricted):
    def find(
        self,
        dataset: str,
        field: str,
        values: Sequence[str],
        limit: int = 1000,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        vos: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """As `SearchableSink.find`, of what the viewer sees."""
        visible = vos_of(self._viewer, dataset)
        queried_vos = visible if vos is None else [vo for vo in vos if visible is None or vo in visible]
        if queried_vos is not None and not queried_vos:
            return []
        if (pseudonyms := self._pseudonyms) is not None:
            is_personal = field in PERSONAL.get(dataset, ())
            values = [
                pseudonyms.reveal(value)
                for value in values
                if not pseudonyms.names_somebody(value, is_personal=is_personal)
            ]
        events: list[dict[str, Any]] = self._sink.find(
            dataset, field, values, limit, since=since, until=until, vos=queried_vos
        )
        return events if pseudonyms is None else [pseudonyms.hide(one, dataset) for one in events]


class _Both(_Answers, _Finds):
    pass


def restricted(sink: Sink, viewer: Viewer, pseudonyms: Pseudonyms | None = None) -> Sink:
    """A store of which a viewer sees what it may; it can be asked and searched as far as the sink can, not written to.

    `pseudonyms`: in the place of people's names; null: the names.
    """
    kinds = {(True, True): _Both, (True, False): _Answers, (False, True): _Finds}
    kind = kinds.get((isinstance(sink, KpiSink), isinstance(sink, SearchableSink)), _Restricted)
    view: Any = kind(sink, viewer, pseudonyms)
    return view  # type: ignore[no-any-return]
