"""What differs between two reports of the same period: numbers and sentences, not when or by which queries they were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lakescope.kpis import CATALOGUE
from lakescope.kpis.units import text_of
from lakescope.reports.model import Cell, Change, Chart, Report, Section, Sentence, Table
from lakescope.reports.sections._common import count_text

PAGE_1 = "Page 1"
"""Section of what a report says before its sections."""


class _Key(NamedTuple):
    section: str
    label: str
    detail: str = ""
    """Of a part of what the label names: a number of a sentence, a column of a row."""


class _Fact(NamedTuple):
    value: float | int | str | None
    text: str


_Facts = dict[_Key, _Fact]


def differences(old: Report, new: Report) -> list[Change]:
    """In the order of the old report, then what only the new one has. Empty: no number and no sentence differs.

    A row or sentence that only one of them has is one change; another order of rows is none.
    """
    before, after = _facts(old), _facts(new)
    both = before.keys() & after.keys()
    changes = []
    for key in [*before, *(key for key in after if key not in before)]:
        if key.detail and key._replace(detail="") not in both:
            continue  # the change of the whole row says it
        left, right = before.get(key), after.get(key)
        if left is None or right is None or left.value != right.value:
            changes.append(_change(key, left, right))
    return changes


def _change(key: _Key, old: _Fact | None, new: _Fact | None) -> Change:
    return Change(
        section=key.section,
        label=f"{key.label.removesuffix('.')}: {key.detail}" if key.detail else key.label,
        old=old and old.text,
        new=new and new.text,
        old_value=_number(old),
        new_value=_number(new),
    )


def _number(fact: _Fact | None) -> float | int | None:
    return None if fact is None or isinstance(fact.value, str) else fact.value


def _facts(report: Report) -> _Facts:
    facts: _Facts = {}
    counts: Counter[_Key] = Counter()
    for key, fact in _of_report(report):
        counts[key] += 1
        # alike in all that names them: told apart by their order
        facts[key if counts[key] == 1 else _numbered(key, counts[key])] = fact
    return facts


def _numbered(key: _Key, count: int) -> _Key:
    field = "detail" if key.detail else "label"
    return key._replace(**{field: f"{getattr(key, field)} ({count})"})


def _of_report(report: Report) -> Iterator[tuple[_Key, _Fact]]:
    yield _Key(PAGE_1, "title"), _Fact(report.title, report.title)
    yield _Key(PAGE_1, "state"), _Fact(report.state, report.state)
    yield from _of_sentences(PAGE_1, [*report.summary, *report.changes])
    for section in report.sections:
        yield from _of_section(section)


def _of_section(section: Section) -> Iterator[tuple[_Key, _Fact]]:
    title = section.title
    state = section.state or "none"
    yield _Key(title, "state"), _Fact(state, state)
    yield from _of_sentences(title, section.sentences)
    yield from _of_sentences(title, [finding.sentence for finding in section.findings])
    for finding in section.findings:
        yield _Key(title, f"to do: {finding.action}"), _Fact("", finding.action)
    for note in section.notes:
        yield _Key(title, note), _Fact("", note)
    for table in section.tables:
        yield from _of_table(title, table)
    for chart in section.charts:
        yield from _of_chart(title, chart)


def _of_sentences(section: str, sentences: Sequence[Sentence]) -> Iterator[tuple[_Key, _Fact]]:
    for sentence in sentences:
        label = "".join(
            part if isinstance(part, str) else "\N{HORIZONTAL ELLIPSIS}" for part in sentence.parts
        )
        yield _Key(section, label), _Fact("", sentence.text)
        numbers = [part for part in sentence.parts if not isinstance(part, str)]
        for place, number in enumerate(numbers, 1):
            yield _Key(section, label, f"number {place}"), _Fact(number.value, number.text)


def _of_table(section: str, table: Table) -> Iterator[tuple[_Key, _Fact]]:
    names = [_names(table, row) for row in table.rows]
    if len(set(names)) < len(names):  # they do not tell the rows apart: all texts do
        names = [tuple(cell for cell in row if isinstance(cell, str)) for row in table.rows]
    for own, row in zip(names, table.rows, strict=True):
        label = f"{table.title}: {', '.join(own)}"
        texts = [cell.text if isinstance(cell, Cell) else cell for cell in row if cell]
        yield _Key(section, label), _Fact("", ", ".join(texts))
        for column, cell in zip(table.columns, row, strict=True):
            if isinstance(cell, Cell):
                yield _Key(section, label, column.title), _Fact(cell.value, cell.text)
            elif cell and cell not in own:
                yield _Key(section, label, column.title), _Fact(cell, cell)
    if table.more:
        yield _Key(section, f"{table.title}: rows left out"), _Fact(table.more, str(table.more))


def _names(table: Table, row: Sequence[str | Cell | None]) -> tuple[str, ...]:
    """What a row is of: its dimensions; of a table without them its first text."""
    texts = [
        (column, cell or "unknown")
        for column, cell in zip(table.columns, row, strict=True)
        if not isinstance(cell, Cell)
    ]
    return tuple(text for column, text in texts if column.dimension) or tuple(text for _, text in texts[:1])


def _of_chart(section: str, chart: Chart) -> Iterator[tuple[_Key, _Fact]]:
    kpi = CATALOGUE.get(chart.kpi)
    lines: dict[str, list[tuple[str, float | int | None]]] = {}
    for row in chart.rows:
        group = ", ".join(str(row[name] or "unknown") for name in chart.by)
        lines.setdefault(group, []).append((str(row["time"]), row["value"]))
    for group, points in lines.items():
        label = f"{chart.title}: {group}" if group else chart.title
        yield _Key(section, label), _Fact("", count_text(len(points), "point"))
        for time, value in points:
            # a KPI may be gone since an old report was computed
            text = text_of(kpi, value) if kpi is not None else str(value)
            yield _Key(section, label, time), _Fact(value, text)
