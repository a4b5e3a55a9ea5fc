"""Cases of alert rules as files: a table of events, and when the rule fires on it. `lakescope alerts test DIR` runs them.

    <rule>/<case>/case.toml

    to = 240                      rounds from minute 0 (option `from`) to this one, each `round` minutes (5)
    state = "no data"             the rule's state after the last round; absent: any in which it can be judged
    [rule]                        changes of the rule, as in [alerts.rules.NAME]
    [objective]                   the objective whose rule the folder names (objective_NAME_1h), as in [[objectives]]
    [[events]]                    one row stands for many events: one each `every` minutes (5) from minute `from` to before `to`
    dataset = "transfers"         `copies` (1) at each time, stored `late` (0) minutes after their time
    from = -600
    to = 0
    dst_site = ["A", "B"]         every other key is a field of the event; a list is one event for each value; in texts {minute},
                                  {index} (of the time) and {number} (of `copies`) differ from event to event
    value = { first = 0, step = 30 }  a number that grows from one time to the next
    [[fires]]                     each alert that must open, and no other; none: the rule must not fire
    minute = 20
    ends = 90                     the minute of its end; absent: open at the end of the case
    labels = { dst_site = "B" }   the alert has these labels, perhaps others
    summary = "B: 10 %"           a part of its summary, when it opens

The clock is simulated, and no event is in the store before it comes. Minute 0 is at 2026-11-02T00:00:00Z. What cannot be used is
a `ConfigurationError`, with the line, what was expected and what to write.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from lakescope.alerts.configured import configure
from lakescope.alerts.model import NOT_JUDGED, Alert, Rule
from lakescope.alerts.objectives import Objective
from lakescope.alerts.options import AlertOptions, RuleOptions
from lakescope.alerts.overview import states_of
from lakescope.app.alerts import ROUND_S, Evaluator
from lakescope.app.config import validate
from lakescope.core.events import DATASETS, Event
from lakescope.core.options import closest
from lakescope.core.places import ConfigurationError, Source
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers._common import identify

START = datetime(2026, 11, 2, tzinfo=UTC).timestamp()
FILE = "case.toml"


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
    round: int = ROUND_S // 60
    state: str | None = None
    rule: dict[str, Any] = {}
    objective: dict[str, Any] | None = None

    @property
    def rounds(self) -> range:
        """Their minutes."""
        return range(self.begin, self.to + 1, self.round)


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"begin": "from", "end": "to"}):
    """What of an `[[events]]` table is not the events' own."""

    dataset: str
    begin: float = 0.0
    end: float | None = None
    every: float = 5.0
    copies: int = 1
    late: float = 0.0


_ROW = _Row.__struct_encode_fields__


class _Arrival(NamedTuple):
    minute: float
    """At which it is stored."""
    event: Event
    is_late: bool


class _Opened(NamedTuple):
    """An alert that opened; minutes."""

    minute: int
    alert: Alert
    ended: int | None
    summary: str


class AlertCase(msgspec.Struct, frozen=True):
    """One folder."""

    rule: str
    path: Path

    def run(
        self, rules: Mapping[str, Rule], sink: Any, written: Callable[[], object] = lambda: None
    ) -> list[str]:
        """How it differs from what is expected, a sentence each. Raises `ConfigurationError` for a file that cannot be used,
        `RuntimeError` for a store that does not answer.

        `sink`: an empty store; `written`: called after each write, for stores that do not show at once what they have.
        """
        reader = _Reader(self.path / FILE)
        table = reader.table()
        rule = reader.rule(table, self.rule, rules)
        arrivals = sorted(reader.arrivals(table), key=lambda one: one.minute)
        # what is not late is there from the beginning: no round asks beyond its own time, and a write is slower than a round
        late = [one for one in arrivals if one.is_late and one.minute > table.begin]
        _write(sink, [one.event for one in arrivals if not one.is_late or one.minute <= table.begin])
        written()
        evaluator = Evaluator({rule.name: rule}, sink)
        evaluator.gap_s = max(evaluator.gap_s, 60.0 * table.round)
        summaries: dict[str, str] = {}
        for minute in table.rounds:
            if came := [one.event for one in late if one.minute <= minute]:
                _write(sink, came)
                written()
                del late[: len(came)]
            evaluator.step(START + 60 * minute)
            if evaluator.fault is not None:
                raise RuntimeError(f"{self.path}: the store does not answer: {evaluator.fault}")
            for alert in evaluator.ledger.alerts:
                summaries.setdefault(alert.key, alert.annotations["summary"])
        alerts = [
            _Opened(
                _minute(one.opened),
                one,
                None if one.ended is None else _minute(one.ended),
                summaries[one.key],
            )
            for one in evaluator.ledger.alerts
        ]
        states = states_of(evaluator.verdicts[rule.name], evaluator.ledger, rule)
        return [*_differences(table, alerts), *_state(table, states[0][1] if states else "ok")]

    def events(self) -> list[Event]:
        """All of its events. Raises `ConfigurationError`."""
        reader = _Reader(self.path / FILE)
        return [one.event for one in reader.arrivals(reader.table())]

    def table(self) -> Table:
        """Its file. Raises `ConfigurationError`."""
        return _Reader(self.path / FILE).table()


def find(directory: Path) -> Iterator[AlertCase]:
    """The cases below `directory`."""
    for file in sorted(directory.rglob(FILE)):
        yield AlertCase(rule=file.parent.parent.name, path=file.parent)


def run_all(cases: Iterable[AlertCase], rules: Mapping[str, Rule]) -> Iterator[tuple[AlertCase, list[str]]]:
    """Each case with its differences, over an embedded store in memory that is emptied between them."""
    sink = DuckdbSink("cases", DuckdbOptions(path=Path(":memory:"), threads=1), Path())
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


def _write(sink: Any, events: list[Event]) -> None:
    for first in range(0, len(events), 5000):
        part = events[first : first + 5000]
        outcome = sink.write(sink.encode(part, [msgspec.json.encode(one) for one in part]))
        if outcome.retry or outcome.rejected:
            raise RuntimeError(f"the store does not take the events: {outcome}")


# --- reading ----------------------------------------------------------------------------------------------


class _Reader:
    """One file; each fault of it is raised with its line."""

    def __init__(self, file: Path):
        self.source = Source(str(file))
        try:
            self.source = Source(str(file), file.read_text())
            self.document = tomllib.loads(self.source.text)
        except (OSError, ValueError) as error:  # not there, not UTF-8, not TOML
            raise self._fault((), f"expected TOML: {error}", "see CONTRIBUTING.md, Add a case") from error

    def table(self) -> Table:
        table: Table = self._convert(self.document, Table, ())
        if table.round < 1 or not table.rounds:
            text = (
                f"expected a round after minute {table.begin}, found to = {table.to}, round = {table.round}"
            )
            raise self._fault(("to",), text, f"to = {table.begin + 60}")
        for number, fires in enumerate(table.fires):
            for name, minute in (("minute", fires.minute), ("ends", fires.ends)):
                if minute is not None and minute not in table.rounds:
                    minutes = ", ".join(map(str, [*table.rounds[:2], "...", table.rounds[-1]]))
                    text = f"expected the minute of a round ({minutes}), found {minute}"
                    remedy = "write another minute, or change `to`, `from` or `round`"
                    raise self._fault(("fires", str(number), name), text, remedy)
        return table

    def rule(self, table: Table, name: str, rules: Mapping[str, Rule]) -> Rule:
        change = validate(RuleOptions, table.rule, self.source, ("rule",))
        objectives = []
        if table.objective is not None:
            objectives.append(validate(Objective, table.objective, self.source, ("objective",)))
        configured, faults = configure(rules, AlertOptions(rules={name: change}), objectives)
        for fault in faults:
            if fault.place[0] == "objectives":
                raise self._fault(("objective",), fault.text, fault.remedy)
            if name in configured:
                raise self._fault(("rule", *fault.place[3:]), fault.text, fault.remedy)
            suggestion = closest(name, configured)
            remedy = f"name the folder {suggestion}" if suggestion else fault.remedy
            raise self._fault((), f"expected <rule>/<case>/{FILE}: {fault.text}", remedy)
        return configured[name]

    def arrivals(self, table: Table) -> Iterator[_Arrival]:
        for number, entry in enumerate(table.rows):
            place = ("events", str(number))
            row: _Row = self._convert({name: entry[name] for name in _ROW if name in entry}, _Row, place)
            fields = {name: value for name, value in entry.items() if name not in _ROW}
            kind = self._kind(row.dataset, fields, place)
            end = table.to if row.end is None else row.end
            if row.every <= 0 or end <= row.begin:
                text = f"expected minutes from `from` to `to`, each `every`, found {row.begin:g} to {end:g} each {row.every:g}"
                raise self._fault(place, text, "change `from`, `to` or `every`")
            lists = [value if isinstance(value, list) else [value] for value in fields.values()]
            times = range(int(-(-(end - row.begin) // row.every)))
            for index, copy, (variant, values) in product(
                times, range(row.copies), enumerate(product(*lists))
            ):
                minute = row.begin + index * row.every
                texts = {"{minute}": f"{minute:g}", "{index}": str(index), "{number}": str(copy)}
                document = {
                    "id": identify("case", number, variant, copy, index),
                    "time": datetime.fromtimestamp(START + 60 * minute, UTC)
                    .isoformat()
                    .replace("+00:00", "Z"),
                    "source": "case",
                    **{name: _filled(one, texts, index) for name, one in zip(fields, values, strict=True)},
                }
                event = self._convert(document | {"dataset": row.dataset}, kind, place)
                yield _Arrival(minute + row.late, event, row.late > 0)

    def _kind(self, dataset: str, fields: Iterable[str], place: tuple[str, ...]) -> type[Event]:
        kind = DATASETS.get(dataset)
        if kind is None:
            suggestion = closest(dataset, DATASETS)
            remedy = f'write "{suggestion}"' if suggestion else f"write one of {', '.join(DATASETS)}"
            raise self._fault((*place, "dataset"), f"there is no dataset {dataset!r}", remedy)
        names = [name for name in kind.__struct_encode_fields__ if name not in ("id", "time")]
        for name in fields:
            if name not in names:
                suggestion = closest(name, [*_ROW, *names])
                remedy = f"write `{suggestion}`" if suggestion else f"remove it; there are {', '.join(names)}"
                raise self._fault((*place, name), f"{dataset} has no field `{name}`", remedy)
        return kind

    def _convert(self, value: Any, kind: Any, place: tuple[str, ...]) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            text, _, where = str(error).partition(" - at `$")
            inner = (*place, *re.findall(r"\w+", where))
            remedy = "see CONTRIBUTING.md, Add a case, and docs/reference/events.md"
            if unknown := re.search(r"unknown field `(.+?)`", text):
                names = (Fires if inner[:1] == ("fires",) else kind).__struct_encode_fields__
                suggestion = closest(unknown[1], names)
                remedy = f"write `{suggestion}`" if suggestion else f"remove it; there are {', '.join(names)}"
                inner = (*inner, unknown[1])
            raise self._fault(inner, text[0].lower() + text[1:].replace("got", "found"), remedy) from error

    def _fault(self, place: tuple[str, ...], text: str, remedy: str) -> ConfigurationError:
        return ConfigurationError([self.source.problem(place, text, remedy)])


def _filled(value: Any, texts: Mapping[str, str], index: int) -> Any:
    if isinstance(value, str):
        for name, text in texts.items():
            value = value.replace(name, text)
    if isinstance(value, dict) and value.keys() == {"first", "step"}:
        return value["first"] + index * value["step"]
    return value


# --- comparing --------------------------------------------------------------------------------------------


def _differences(table: Table, alerts: list[_Opened]) -> Iterator[str]:
    left = list(alerts)
    for expected in table.fires:
        fitting = [one for one in left if expected.labels.items() <= one.alert.labels.items()]
        if not fitting:
            yield f"does not fire for {_where(expected.labels)}; expected at minute {expected.minute}"
            continue
        one = min(fitting, key=lambda one: abs(one.minute - expected.minute))
        left.remove(one)
        minute, _, ended, summary = one
        where = _where(expected.labels)
        if minute != expected.minute:
            yield f"fires for {where} at minute {minute}; expected at {expected.minute}"
        if ended != expected.ends:
            yield f"{_end(ended)} for {where}; expected: {_end(expected.ends)}"
        if expected.summary not in summary:
            yield f"says {summary!r} for {where}; expected {expected.summary!r} in it"
    for minute, alert, _, summary in left:
        yield f"fires at minute {minute} for {_where(alert.places)}: {summary}; expected that it does not"


def _state(table: Table, state: str) -> Iterator[str]:
    if table.state is not None and state != table.state:
        yield f"its state at the end is {state!r}; expected {table.state!r}"
    elif table.state is None and state in NOT_JUDGED:
        yield f"is not judged at the end, as there is {state}; expected that it is, or state = {state!r}"


def _end(minute: int | None) -> str:
    return "does not end" if minute is None else f"ends at minute {minute}"


def _where(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in labels.items()) or "all"


def _minute(at: float) -> int:
    return round((at - START) / 60)
