"""A report as Markdown (CommonMark with tables): for tickets and wikis, and as plain text, for mails and chats."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from lakescope.reports.forms.texts import ROWS, cell_text, range_text
from lakescope.reports.model import Cell, Finding, Report, Section, Sentence, Table
from lakescope.reports.pivot import pivot

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|&~])")


def markdown(report: Report) -> str:
    """The whole report; numbers in brackets are those of the queries at its end."""
    return "\n".join(_lines(report)) + "\n"


def action_lines(report: Report) -> list[str]:
    """What must be done, as plain text."""
    findings = [
        f"{number}. {line_of(one.sentence)} {one.action}" for number, one in enumerate(report.findings, 1)
    ]
    return ["What to do:", *(findings or ["Nothing."])]


def plain_text(report: Report) -> str:
    """What a person reads first, as plain text without tables: for the mail."""
    lines = [report.title, range_text(report), "", *map(line_of, report.summary), "", "What changed:"]
    lines += [f"- {line_of(one)}" for one in report.changes] or ["- No indicator changed much."]
    lines += ["", *action_lines(report)]
    for section in report.sections:
        if section.sentences:
            lines += ["", f"{section.title}:", *(f"- {line_of(one)}" for one in section.sentences)]
    return "\n".join(
        [*lines, "", "Tables, charts and queries: in the HTML part, report.pdf and report.json.", ""]
    )


def line_of(sentence: Sentence) -> str:
    """A sentence as plain text, after its state."""
    return f"{sentence.state.upper()}: {sentence.text}" if sentence.state else sentence.text


def _lines(report: Report) -> Iterator[str]:
    yield f"# {_plain(report.title)}"
    yield ""
    yield f"{range_text(report)}, revision {report.revision}. Numbers in brackets are those of the queries at the end."
    yield ""
    yield from _bullets(report.summary)
    yield "## What changed"
    yield ""
    yield from _bullets(report.changes) if report.changes else ("No indicator changed much.", "")
    yield "## What to do"
    yield ""
    yield from _findings(report.findings)
    for section in report.sections:
        yield from _section(section)
    yield "## Queries"
    yield ""
    yield "Each command repeats the number of the report that names it."
    yield ""
    for query in report.queries:
        share = (
            "" if query.completeness is None else f" Data for {100 * query.completeness:.0f} % of the hours."
        )
        refusal = f" Not answered: {_plain(query.refusal)}." if query.refusal else ""
        yield f"{query.number}. `{query.command.replace('`', chr(39))}`: {_plain(query.meaning)}{share}{refusal}"


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        yield "Nothing."
    for number, finding in enumerate(findings, 1):
        yield f"{number}. **{finding.state}**: {_sentence(finding.sentence)} {_plain(finding.action)}"
    yield ""


def _section(section: Section) -> Iterator[str]:
    state = f" ({section.state})" if section.state else ""
    yield f"## {_plain(section.title)}{state}"
    yield ""
    yield from _bullets(section.sentences)
    for table in section.tables:
        yield from _table(pivot(table) if table.pivot else table)
    for note in section.notes:
        yield f"Note: {_plain(note)}"
        yield ""


def _bullets(sentences: Sequence[Sentence]) -> Iterator[str]:
    for one in sentences:
        yield f"- {f'**{one.state}**: ' if one.state else ''}{_sentence(one)}"
    if sentences:
        yield ""


def _sentence(sentence: Sentence) -> str:
    return "".join(
        _plain(part) if isinstance(part, str) else f"{_plain(part.text)} [{part.query}]"
        for part in sentence.parts
    )


def _table(table: Table) -> Iterator[str]:
    yield f"**{_plain(table.title)}**"
    yield ""
    if not table.rows:
        yield "None."
        yield ""
        return
    heads = [
        _plain(column.title) + (f" [{column.query}]" if column.query else "") for column in table.columns
    ]
    is_number = [any(isinstance(row[i], Cell) for row in table.rows) for i in range(len(heads))]
    yield f"| {' | '.join(heads)} |"
    yield f"| {' | '.join('---:' if number else '---' for number in is_number)} |"
    for row in table.rows[:ROWS]:
        yield f"| {' | '.join(map(_cell, row))} |"
    yield ""
    if more := table.more + max(0, len(table.rows) - ROWS):
        yield f"{more} more row{'s' * (more != 1)}: see tables/{table.name}.csv and report.json."
        yield ""


def _cell(cell: str | Cell | None) -> str:
    text = _plain(cell_text(cell))
    if not isinstance(cell, Cell):
        return text
    number = f" [{cell.query}]" if cell.query else ""
    state = f" ({cell.state})" if cell.state in ("warning", "critical") else ""
    return f"{text}{number}{state}"


def _plain(text: str) -> str:
    """Without a meaning in Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", text.replace("\n", " "))
