"""A report as plain texts, colours and places: what the HTML and the PDF are made of, so that both show the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lakescope.dashboards.theme import LIGHT
from lakescope.kpis.units import Level
from lakescope.reports.forms.pictures import Drawing
from lakescope.reports.forms.texts import ROWS, cell_text, range_text, readable
from lakescope.reports.model import Cell, Column, QueryText, Report, Section, Sentence, State, Table
from lakescope.reports.pivot import pivot

SIGNS: dict[State, str] = {"warning": "\N{BLACK UP-POINTING TRIANGLE}", "critical": "\N{BLACK DIAMOND}"}
"""Beside the colour, for those who do not tell it from others."""
CHIPS: dict[State, tuple[str, str]] = {
    "good": (LIGHT.fill_good, LIGHT.ink),
    "warning": (LIGHT.fill_warning, LIGHT.on_fill),
    "critical": (LIGHT.fill_critical, LIGHT.on_fill),
    "no data": (LIGHT.page, LIGHT.ink),
}
"""State -> ground and text."""
INDICATORS = "summary"
"""The section whose table stands on page 1, and not again."""
_WHOLE = 9
"""Letters of a number that does not break."""

Plain = dict[str, Any]


def layout(report: Report, drawings: Sequence[tuple[str, Drawing]]) -> Plain:
    """Everything that is shown, in its order."""
    indicators = [
        _table(table) for section in report.sections if section.name == INDICATORS for table in section.tables
    ]
    return {
        "title": readable(report.title),
        "range": f"{range_text(report)}, revision {report.revision}, computed {report.computed}",
        "state": _state(report.state),
        "summary": [_sentence(one) for one in report.summary],
        "indicators": indicators,
        "changes": [_sentence(one) for one in report.changes],
        "findings": [
            {
                "state": _state(finding.state),
                "sentence": _sentence(finding.sentence),
                "action": finding.action,
            }
            for finding in report.findings
        ],
        "sections": [
            _section(section, [one for name, one in drawings if name == section.name])
            for section in report.sections
            if section.name != INDICATORS
        ],
        "notes": [note for one in report.sections if one.name == INDICATORS for note in one.notes],
        "queries": list(_queries(report.queries)),
        "key": f"{SIGNS['warning']} warning, {SIGNS['critical']} critical, by the bounds of the KPI."
        " Small numbers are those of the queries at the end.",
    }


def _section(section: Section, drawings: Sequence[Drawing]) -> Plain:
    return {
        "name": section.name,
        "title": section.title,
        "state": _state(section.state),
        "sentences": [_sentence(one) for one in section.sentences],
        "charts": [
            {
                "name": one.name,
                "title": one.title,
                "query": one.query,
                "words": one.words,
                "legend": [legend._asdict() for legend in one.legend],
            }
            for one in drawings
        ],
        "tables": [_matrix(table) if table.pivot else _table(table) for table in section.tables],
        "notes": list(section.notes),
    }


def _state(state: State | None) -> Plain | None:
    if state is None:
        return None
    fill, ink = CHIPS[state]
    return {"word": state, "sign": SIGNS.get(state, ""), "fill": fill, "ink": ink}


def _sentence(sentence: Sentence) -> Plain:
    return {
        "state": _state(sentence.state),
        "parts": [
            {"text": part} if isinstance(part, str) else {"text": part.text, "query": part.query}
            for part in sentence.parts
        ],
    }


def _table(table: Table) -> Plain:
    is_number = [any(isinstance(row[i], Cell) for row in table.rows) for i in range(len(table.columns))]
    return {
        "name": table.name,
        "title": table.title,
        "query": None,
        "columns": [_column(column, right) for column, right in zip(table.columns, is_number, strict=True)],
        "rows": [
            [_cell(cell, _plain_fill, right) for cell, right in zip(row, is_number, strict=True)]
            for row in table.rows[:ROWS]
        ],
        "more": table.more + max(0, len(table.rows) - ROWS),
        "matrix": False,
    }


def _matrix(table: Table) -> Plain:
    pivoted = pivot(table)
    return {
        "name": table.name,
        "title": table.title,
        "query": table.columns[2].query,
        "columns": [_column(column, index > 0) for index, column in enumerate(pivoted.columns)],
        "rows": [
            [_cell(cell, _deep_fill, index > 0) for index, cell in enumerate(row)] for row in pivoted.rows
        ],
        "more": pivoted.more,
        "matrix": True,
    }


def _column(column: Column, right: bool) -> Plain:
    return {"text": readable(column.title), "query": column.query, "right": right}


def _cell(cell: str | Cell | None, fill: Any, right: bool) -> Plain:
    plain: Plain = {"text": cell_text(cell), "right": right}
    if isinstance(cell, Cell):
        if len(cell.text) <= _WHOLE:
            plain["text"] = cell.text.replace(" ", "\N{NO-BREAK SPACE}")
        if cell.query:
            plain["query"] = cell.query
        if colours := fill(cell):
            plain |= {"fill": colours[0], "ink": colours[1]}
        if cell.state in SIGNS and cell.text not in CHIPS:
            plain["sign"] = SIGNS[cell.state]
    return plain


def _plain_fill(cell: Cell) -> tuple[str, str] | None:
    """Only what needs attention has a ground; a word of a state has its own."""
    if cell.state in ("warning", "critical") or cell.text in CHIPS:
        return CHIPS[cell.state] if cell.state else None
    return None


def _deep_fill(cell: Cell) -> tuple[str, str] | None:
    """As the dashboards' matrix: the better the deeper."""
    levels: dict[State | None, Level] = {"good": "good", "warning": "warning", "critical": "critical"}
    if cell.value is None or cell.state not in levels:
        return None
    return LIGHT.fill(levels[cell.state], max(0.0, min(1.0, float(cell.value) * 5 - 4)))


def _queries(queries: Sequence[QueryText]) -> list[Plain]:
    """What a KPI is, is said once."""
    kpis: set[str] = set()
    plain = []
    for query in queries:
        remarks = [] if query.kpi in kpis else [query.meaning]
        kpis.add(query.kpi)
        if query.completeness is not None and query.completeness < 1:
            remarks.append(f"Data for {100 * query.completeness:.0f} % of the hours.")
        if query.refusal:
            remarks.append(f"Not answered: {query.refusal}.")
        plain.append({"number": query.number, "command": query.command, "remarks": " ".join(remarks)})
    return plain
