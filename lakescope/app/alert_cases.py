"""Cases of alert rules as files: a table of events, and when the rule fires on it. `lakescope alerts test DIR` runs them.

    <rule>/<case>/case.toml

    to = 240                      rounds from minute 0 (option `from`) to this one, each `round` minutes (5)
    [[events]]                    one row stands for many events: one each `every` minutes (5) from minute `from` to before `to`
    dataset = "transfers"         `copies` (1) at each time, stored `late` (0) minutes after their time
    from = -600
    to = 0
    dst_site = ["A", "B"]         every other key is a field of the event; a list is one event for each value; in texts {minute},
                                  {index} (of the time) and {number} (of `copies`) differ from event to event
    [[fires]]                     each alert that must open, and no other; none: the rule must not fire
    minute = 20
    ends = 90                     the minute of its end; absent: open at the end of the case
    labels = { dst_site = "B" }   the alert has these labels, perhaps others
    summary = "B: 10 %"           a part of its summary

The clock is simulated, and no event is in the store before it comes. Minute 0 is at 2026-11-02T00:00:00Z.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import msgspec

from lakescope.alerts.model import Rule
from lakescope.alerts.overview import find as find_rule
from lakescope.app.alerts import Evaluator
from lakescope.core.events import DATASETS, AnyEvent, Event
from lakescope.core.options import closest
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink

START = datetime(2026, 11, 2, tzinfo=UTC).timestamp()
FILE = "case.toml"
_ROW = ("dataset", "from", "to", "every", "copies", "late")


class Fires(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An alert that must open; minutes."""

    minute: int
    labels: dict[str, str] = {}
    ends: int | None = None
    summary: str = ""


class Table(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"begin": "from", "rows": "events"}
):
    """A case's file."""

    to: int
    rows: list[dict[str, Any]]
    fires: list[Fires] = []
    begin: int = 0
    round: int = 5


class AlertCase(msgspec.Struct, frozen=True):
    """One folder."""

    rule: str
    path: Path

    def run(
        self, rules: Mapping[str, Rule], sink: Any, written: Callable[[], object] = lambda: None
    ) -> list[str]:
        """How it differs from what is expected, a sentence each. Raises `ValueError` for a file that cannot be used.

        `sink`: an empty store; `written`: called after each write, for stores that do not show at once what they have.
        """
        table = self.table()
        rule = find_rule(self.rule, rules)
        coming = self._coming(table)
        evaluator = Evaluator({rule.name: rule}, sink)
        evaluator.gap_s = max(evaluator.gap_s, 60.0 * table.round)
        summaries: dict[str, str] = {}
        opened: dict[str, tuple[int, dict[str, str]]] = {}
        ended: dict[str, int] = {}
        for minute in range(table.begin, table.to + 1, table.round):
            came = [event for at in sorted(coming) if at <= minute for event in coming.pop(at)]
            if came:
                _write(sink, came)
                written()
            evaluator.step(START + 60 * minute)
            if evaluator.fault is not None:
                raise ValueError(f"{self.path}: the store does not answer: {evaluator.fault}")
            for alert in evaluator.ledger.alerts:
                if alert.key not in opened:
                    opened[alert.key] = (minute, alert.labels)
                    summaries[alert.key] = alert.annotations["summary"]
                if alert.ended is not None:
                    ended.setdefault(alert.key, minute)
        alerts = [(*opened[key], ended.get(key), summaries[key]) for key in opened]
        return [*_differences(table, alerts)]

    def table(self) -> Table:
        """Its file. Raises `ValueError`."""
        file = self.path / FILE
        try:
            return msgspec.convert(tomllib.loads(file.read_text()), Table)
        except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ValueError(f"{file}: expected a case of a rule: {error}; see CONTRIBUTING.md") from error

    def _coming(self, table: Table) -> dict[float, list[Event]]:
        """Minute at which they come -> events."""
        coming: dict[float, list[Event]] = defaultdict(list)
        for number, row in enumerate(table.rows, 1):
            place = f"{self.path / FILE}: [[events]] {number}"
            for minute, event in _events(row, table.to, place, number):
                coming[minute].append(event)
        return coming


def find(directory: Path) -> Iterator[AlertCase]:
    """The cases below `directory`."""
    for file in sorted(directory.rglob(FILE)):
        yield AlertCase(rule=file.parent.parent.name, path=file.parent)


def run_all(cases: Iterable[AlertCase], rules: Mapping[str, Rule]) -> Iterator[tuple[AlertCase, list[str]]]:
    """Each case with its differences, over an embedded store in memory that is emptied between them."""
    sink = DuckdbSink("cases", DuckdbOptions(path=Path(":memory:")), Path())
    try:
        for case in cases:
            clear(sink)
            yield case, case.run(rules, sink)
    finally:
        sink.close()


def clear(sink: DuckdbSink) -> None:
    """Empties an embedded store."""
    for dataset in DATASETS:
        sink.connection.execute(f'delete from "{dataset}"')  # noqa: S608 - a name of ours


def _events(row: Mapping[str, Any], end: int, place: str, number: int) -> Iterator[tuple[float, Event]]:
    dataset = row.get("dataset")
    if dataset not in DATASETS:
        raise ValueError(f"{place}: dataset: expected one of {', '.join(DATASETS)}, found {dataset!r}")
    names = [field.encode_name for field in msgspec.structs.fields(DATASETS[dataset])]
    fields = {name: value for name, value in row.items() if name not in _ROW}
    for name in fields:
        if name not in names:
            suggestion = closest(name, names)
            hint = f": write {suggestion!r}" if suggestion else ""
            raise ValueError(f"{place}: {dataset} has no field {name!r}{hint}")
    lists = {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    every, late = row.get("every", 5), row.get("late", 0)
    steps = int((row.get("to", end) - row.get("from", 0)) / every + 0.999999)
    for step, copy in product(range(steps), range(row.get("copies", 1))):
        minute = row.get("from", 0) + step * every
        moment = datetime.fromtimestamp(START + 60 * minute, UTC).isoformat().replace("+00:00", "Z")
        for index, values in enumerate(product(*lists.values())):
            texts = {"minute": minute, "index": step, "number": copy}
            document = {
                "dataset": dataset,
                "id": f"{number:04x}{index:06x}{copy:06x}{step:016x}",
                "time": moment,
                "source": "case",
                **{name: _filled(value, texts) for name, value in zip(lists, values, strict=True)},
            }
            try:
                yield minute + late, msgspec.convert(document, AnyEvent)
            except msgspec.ValidationError as error:
                raise ValueError(f"{place}: {error}") from error


def _filled(value: Any, texts: Mapping[str, float]) -> Any:
    return value.format_map(texts) if isinstance(value, str) else value


def _write(sink: Any, events: list[Event]) -> None:
    for first in range(0, len(events), 5000):
        part = events[first : first + 5000]
        outcome = sink.write(sink.encode(part, [msgspec.json.encode(one) for one in part]))
        if outcome.retry or outcome.rejected:
            raise ValueError(f"the store does not take the events: {outcome}")


def _differences(table: Table, alerts: list[tuple[int, dict[str, str], int | None, str]]) -> Iterator[str]:
    left = list(alerts)
    for expected in table.fires:
        fitting = [one for one in left if expected.labels.items() <= one[1].items()]
        if not fitting:
            yield f"does not fire for {_where(expected.labels)}; expected at minute {expected.minute}"
            continue
        one = min(fitting, key=lambda one: abs(one[0] - expected.minute))
        left.remove(one)
        minute, _, ended, summary = one
        where = _where(expected.labels)
        if minute != expected.minute:
            yield f"fires for {where} at minute {minute}; expected at {expected.minute}"
        if ended != expected.ends:
            yield f"{_end(ended)} for {where}; expected: {_end(expected.ends)}"
        if expected.summary not in summary:
            yield f"says {summary!r} for {where}; expected {expected.summary!r} in it"
    for minute, labels, _, summary in left:
        places = {name: labels[name] for name in labels if name not in ("rule", "severity", "owner")}
        yield f"fires at minute {minute} for {_where(places)}: {summary}; expected that it does not"


def _end(minute: int | None) -> str:
    return "does not end" if minute is None else f"ends at minute {minute}"


def _where(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in labels.items()) or "all"
