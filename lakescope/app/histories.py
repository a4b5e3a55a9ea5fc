"""What a store knows of earlier windows, asked once an hour: only what is new, or was reported late (`alerts.windows`).

    Histories().answers(queries, ask) -> windows of each query

Which hours have had more events since is asked first, as their number in each hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from lakescope.alerts.evaluate import events_of, key
from lakescope.alerts.windows import Counts, Windows, datasets_of, is_by_window, part_of, reach_of
from lakescope.app.query import Answer
from lakescope.kpis import Query
from lakescope.kpis.model import HOUR, UnsupportedError

Ask = Callable[[Mapping[str, Query]], Mapping[str, Answer]]
"""Name -> answer, of queries; none at all where the store does not answer."""
_FEW = 2
"""Windows that are asked together with those of other queries; more, of thousands of groups, are asked alone."""


class Histories:
    """Of one store."""

    def __init__(self) -> None:
        self._windows: dict[str, Windows] = {}
        """By the query without its range."""
        self._answers: dict[str, Windows | UnsupportedError] = {}
        """By `evaluate.key`: equal until the next hour."""

    def answers(self, queries: Mapping[str, Query], ask: Ask) -> Mapping[str, Windows | UnsupportedError]:
        """By the queries' names, which are their `evaluate.key`; without those that the store did not answer.

        Asks when one of them is new or is without an answer, then for what is new or late of all.
        """
        if queries.keys() <= self._answers.keys():
            return {name: self._answers[name] for name in queries}
        self._answers = {}
        counts = _counts(queries.values(), ask)
        if counts is not None:
            names = {name: _name(one) for name, one in queries.items()}
            windows = self._windows
            self._windows = {
                names[name]: windows.get(names[name]) or Windows(one.by, one.bin_s or 0)
                for name, one in queries.items()
            }
            self._update({name: self._windows[names[name]] for name in queries}, queries, counts, ask)
        return self._answers

    def _update(
        self, windows: Mapping[str, Windows], queries: Mapping[str, Query], counts: Counts, ask: Ask
    ) -> None:
        parts = {
            f"{name} {begin:.0f}": (name, part_of(query, begin, end))
            for name, query in queries.items()
            for begin, end in windows[name].due(query, counts if _has_counts(query, counts) else None)
        }
        few = {
            name
            for name, (of, one) in parts.items()
            if (one.until - one.since).total_seconds() <= _FEW * windows[of].step_s
        }
        failed: set[str] = set()
        for batch in (
            [name for name in parts if name in few],
            *([name] for name in parts if name not in few),
        ):
            answers = ask({name: parts[name][1] for name in batch}) if batch else {}
            for name in batch:
                of, query = parts[name]
                answer = answers.get(name)
                if isinstance(answer, UnsupportedError):
                    self._answers[of] = answer
                elif answer is None:
                    failed.add(of)
                else:
                    windows[of].put(query, answer)
        for name, query in queries.items():
            if name not in failed and name not in self._answers:
                windows[name].end(query, counts if _has_counts(query, counts) else None)
                self._answers[name] = windows[name]


def _name(query: Query) -> str:
    """Equal for what is asked each hour."""
    return key(part_of(query, 0, HOUR))


def _has_counts(query: Query, counts: Counts) -> bool:
    return {*datasets_of(query)} <= counts.keys()


def _counts(queries: Iterable[Query], ask: Ask) -> Counts | None:
    """The events of each hour on which an answer depends, by dataset; null: the store does not answer. Datasets
    of which such a store does not tell are missing."""
    ranges: dict[str, tuple[float, float]] = {}
    for query in filter(is_by_window, queries):
        begin, end = reach_of(query), -(-query.until.timestamp() // HOUR) * HOUR
        for dataset in datasets_of(query):
            first, last = ranges.get(dataset, (begin, end))
            ranges[dataset] = min(first, begin), max(last, end)
    questions = {
        dataset: Query(
            kpi=events_of(dataset),
            since=datetime.fromtimestamp(begin, UTC),
            until=datetime.fromtimestamp(end, UTC),
            bin_s=HOUR,
        )
        for dataset, (begin, end) in ranges.items()
    }
    answers = ask(questions) if questions else {}
    if len(answers) < len(questions):
        return None
    return {
        dataset: {datetime.fromisoformat(row["time"]).timestamp(): row["value"] for row in answer}
        for dataset, answer in answers.items()
        if not isinstance(answer, UnsupportedError)
    }
