"""A report as a short plain text: report.txt, and what `report send` posts to chats."""

from __future__ import annotations

from collections.abc import Iterator

from lakescope.reports.forms.markdown import action_lines, line_of
from lakescope.reports.forms.texts import cell_text, range_text
from lakescope.reports.model import Cell, Report, Table

LENGTH = 3000
"""Characters at most: what the blocks of Slack take, and less than Mattermost and Teams do."""
LINE = 240
"""Characters of a line: names and errors are strangers'."""
TABLES = ("incidents", "worst_links")
"""Whose rows are in it."""
ROWS = 10


def chat(report: Report) -> str:
    """The title and as many whole lines below it as there is room for."""
    end = "... shortened: report.html and report.json have everything."
    size = 0
    result: list[str] = []
    for one in (_short(report.title), *chat_lines(report)):
        if size + len(one) + 1 > LENGTH - len(end) - 1:
            return "\n".join([*result, end]) + "\n"
        result.append(one)
        size += len(one) + 1
    return "\n".join(result) + "\n"


def chat_lines(report: Report) -> list[str]:
    """Below the title: state, what to do, incidents, worst links, what changed."""
    return list(map(_short, _lines(report)))


def _short(line: str) -> str:
    return line if len(line) <= LINE else f"{line[: LINE - 4]} ..."


def _lines(report: Report) -> Iterator[str]:
    yield range_text(report)
    yield ""
    yield from map(line_of, report.summary)
    yield ""
    yield from action_lines(report)
    for section in report.sections:
        for table in section.tables:
            if table.name in TABLES and table.rows:
                yield ""
                yield f"{section.title}:"
                yield from _rows(table)
    if report.changes:
        yield ""
        yield "What changed:"
        yield from (f"- {line_of(one)}" for one in report.changes)


def _rows(table: Table) -> Iterator[str]:
    for row in table.rows[:ROWS]:
        cells = list(zip(table.columns, row, strict=True))
        names = [cell_text(cell) for column, cell in cells if column.dimension]
        texts = [
            f"{column.title.lower()} {cell.text}" if isinstance(cell, Cell) else cell_text(cell)
            for column, cell in cells
            if not column.dimension and cell_text(cell)
        ]
        place = " \N{RIGHTWARDS ARROW} ".join(names)
        yield f"- {f'{place}: ' if place else ''}{', '.join(texts)}"
    if more := table.more + max(0, len(table.rows) - ROWS):
        yield f"- and {more} more"
