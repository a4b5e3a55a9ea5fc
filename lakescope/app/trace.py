"""One transfer's history over all sources: Rucio's request, its retries, the hops of its path, FTS's jobs.

What belongs together is found by what the events name, again and again until nothing new comes:

- a retry by `previous_request_id`, in both directions; where Hermes sends none (queued, submitted, submission failed), by
  the rule, the file and the destination, which the queued events of both requests name;
- the hops of a multihop, each a request of its own, by their FTS job, their file, and by where each goes on;
- FTS's messages by their request, or, where an issuer gave none, by their job and file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from lakescope.core.contracts import RefusedError, SearchableSink, Sink

LIMIT = 10_000
"""Events that one look-up may give (Elasticsearch's index.max_result_window), and requests of one history."""

VALUES = 500
"""Values of one look-up: a statement of InfluxDB holds them all."""

_STAGES = ("queued", "waiting", "preparing", "submitted", "ready", "active", "started")
"""The order of events of one moment: sources have clocks of whole seconds. All others come last."""

NOT_SEARCHABLE = "no sink can be searched: add one of type duckdb or elasticsearch, or influxdb 1.x"

Event = dict[str, Any]
File = tuple[Any, ...]


class Span(NamedTuple):
    """A range of time, ``since <= time < until``; null: without that end. Times are aware."""

    since: datetime | None = None
    until: datetime | None = None


EVER = Span()


class TooManyError(RefusedError):
    """More events than a look-up may give."""

    def __init__(self, field: str) -> None:
        text = f"{LIMIT} events or more share a {field}, too many to be shown whole: narrow the range"
        super().__init__("refused", f"{text} (--since, --until)")


class Lookup:
    """Events of a store by what they name, within a range, and no part of them."""

    def __init__(self, store: SearchableSink, span: Span) -> None:
        self.store = store
        self.span = span

    def find(self, dataset: str, field: str, values: Iterable[str]) -> list[Event]:
        """The events that name one of `values`, oldest first. Raises `TooManyError` for too many to be shown whole."""
        sorted_values = sorted(values)
        events: list[Event] = []
        for start in range(0, len(sorted_values), VALUES):
            part = sorted_values[start : start + VALUES]
            events += self.store.find(
                dataset, field, part, LIMIT, since=self.span.since, until=self.span.until
            )
            if len(events) >= LIMIT:
                raise TooManyError(field)
        return events

    def first(self, dataset: str, field: str, values: Iterable[str]) -> list[Event]:
        """The same, but of too many the oldest `LIMIT` of each `VALUES`."""
        sorted_values, (since, until) = sorted(values), self.span
        parts = (sorted_values[start : start + VALUES] for start in range(0, len(sorted_values), VALUES))
        return [
            event
            for part in parts
            for event in self.store.find(dataset, field, part, LIMIT, since=since, until=until)
        ]


def searchable_sink(sinks: Mapping[str, Sink]) -> SearchableSink | None:
    """The first sink that can give events back."""
    return next((sink for sink in sinks.values() if isinstance(sink, SearchableSink)), None)


def story(store: SearchableSink, request_id: str, span: Span = EVER) -> list[Event]:
    """The events of a transfer's history in that range, in order of time; empty if the store has none of this request.

    Raises `TransientError` or `RefusedError` if the store fails, or if the history is too long to be shown whole.
    """
    history = _History(Lookup(store, span))
    history.follow(request_id.replace("-", "").lower())
    return sorted(history.events.values(), key=event_order)


class _History:
    """The events found so far, and what has been looked up."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.events: dict[str, Event] = {}
        self._of_jobs: dict[str, Event] = {}
        self._looked_up: dict[str, set[str]] = {"request_id": set(), "job_id": set(), "name": set()}

    def follow(self, request_id: str) -> None:
        """Adds all that belongs to the history of a request."""
        requests = {request_id}
        while requests:
            self._add(self._find_requests(requests))
            self._of_jobs |= {event["id"]: event for event in self._find("job_id", self._values("job_id"))}
            of_files = self._find("name", {name for _, _, name, _ in self._promises()})
            promises = self._promises()
            self._add(event for event in of_files if _promise(event) in promises)
            self._add_hops()
            requests = (self._values("request_id") | self._values("previous_request_id")) - self._looked_up[
                "request_id"
            ]
        self._add_anonymous()

    def _find_requests(self, requests: set[str]) -> list[Event]:
        retries = self.lookup.find("transfers", "previous_request_id", requests)
        return [*self._find("request_id", requests), *retries]

    def _find(self, field: str, values: set[str]) -> list[Event]:
        """The events that name one of `values`, of which each is looked up once."""
        new = values - self._looked_up[field]
        self._looked_up[field] |= new
        if len(self._looked_up[field]) > LIMIT:
            raise RefusedError(
                "refused", f"the history has more than {LIMIT} requests, too many to be shown whole"
            )
        return self.lookup.find("transfers", field, new)

    def _add(self, events: Iterable[Event]) -> None:
        self.events |= {event["id"]: event for event in events}

    def _add_hops(self) -> None:
        """Of a job's events those on our file that go on from where one of ours ends, or end where one begins.

        A hop that was never tried may name no source: it goes to another destination then. FTS says itself that a
        job is a multihop, and may name no RSEs.
        """
        mine = {(event.get("job_id"), _file(event)) for event in self._events_by("name")}
        begins, ends = self._stops("src_rse"), self._stops("dst_rse")
        files_with_source = {(job, file) for job, file, _ in begins}
        files = {(job, file) for job, file, _ in ends}
        for event in self._of_jobs.values():
            job, file, source, end = event["job_id"], _file(event), event.get("src_rse"), event.get("dst_rse")
            is_next = source and (job, file, source) in ends
            is_before = end and (job, file, end) in begins
            is_elsewhere = (job, file) in files and (job, file, end) not in ends
            is_said = event.get("multihop") and (job, file) in mine
            if (
                is_said
                or is_next
                or is_before
                or (is_elsewhere and not (source and (job, file) in files_with_source))
            ):
                self._add([event])

    def _stops(self, end: str) -> set[tuple[Any, File, str]]:
        return {(event.get("job_id"), _file(event), event[end]) for event in self._events_by(end)}

    def _add_anonymous(self) -> None:
        """FTS's events without a request: of a job's files (up to 200) those that can be no other's."""
        files = self._files()
        numbers = {(event.get("job_id"), event["file_id"]) for event in self._events_by("file_id")}
        jobs_with_index = {job for job, _ in numbers}
        self._add(
            event
            for event in self._of_jobs.values()
            if not event.get("request_id")
            and (not event.get("name") or _file(event) in files)
            and (
                event.get("multihop")
                or event["job_id"] not in jobs_with_index
                or (event["job_id"], event.get("file_id")) in numbers
            )
        )

    def _values(self, field: str) -> set[str]:
        return {event[field] for event in self._events_by(field)}

    def _events_by(self, field: str) -> list[Event]:
        return [event for event in self.events.values() if event.get(field) is not None]

    def _files(self) -> set[File]:
        return {_file(event) for event in self._events_by("name")}

    def _promises(self) -> set[File]:
        return {promise for event in self.events.values() if (promise := _promise(event))}


def _file(event: Event) -> File:
    return event.get("scope"), event.get("name")


def _promise(event: Event) -> File | None:
    """Which rule wants which file where; null where the event does not say all of it."""
    promise = tuple(event.get(key) for key in ("rule_id", "scope", "name", "dst_rse"))
    return None if None in promise else promise


def event_order(event: Event) -> tuple[datetime, int, str]:
    """By time, not by its text: of 10:00:00Z and 10:00:00.5Z the second is the later one, and the lesser text."""
    stage, time = event.get("event", ""), datetime.fromisoformat(str(event["time"]))
    return (
        time if time.tzinfo else time.replace(tzinfo=UTC),
        _STAGES.index(stage) if stage in _STAGES else len(_STAGES),
        event["id"],
    )
