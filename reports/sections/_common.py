"""What sections share: tables of answers, and numbers side by side with those of the week before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lakescope.dashboards.words import words
from lakescope.kpis.units import format_value
from lakescope.reports.desk import Answer, Key, rounded
from lakescope.reports.forms.texts import readable
from lakescope.reports.model import Cell, Column, Finding, Number, Sentence, State, Table

ROWS = 10
"""Of a table that ranks."""
ALL_ROWS = 2000
"""Of a table that lists everything."""


def sentence(*parts: str | Number, state: State | None = None) -> Sentence:
    """Words and numbers in their order."""
    return Sentence(parts=parts, state=state)


def refusals(*answers: Answer) -> tuple[str, ...]:
    """Why a section lacks numbers, each reason once."""
    reasons = ((one.kpi.name, one.refusal) for one in answers if one.refusal)
    return tuple(
        dict.fromkeys(text if text.startswith(name) else f"{name}: {text}" for name, text in reasons)
    )


def cell(answer: Answer, value: float | int | None, *, own: bool = False) -> Cell:
    """A value of an answer in a table; `own`: its column is not of that answer."""
    number = answer.of(value)
    return Cell(
        value=number.value, text=number.text, state=number.state, query=answer.number if own else None
    )


def table_of(
    name: str,
    title: str,
    answers: Sequence[tuple[str, Answer]],
    *,
    rows: int = ROWS,
    least: bool = False,
    keys: Iterable[Key] | None = None,
    with_zeros: bool = True,
) -> Table:
    """Groups down, answers with their headings across, ranked by the first answer, `with_zeros` of it or without; `keys`:
    which groups, in their order.

    All answers are grouped by the same dimensions.
    """
    first = answers[0][1]
    by = first.question.by
    order = (
        list(keys)
        if keys is not None
        else [key for key, value in first.ranked(least=least) if value or with_zeros]
    )
    values = [answer.values for _, answer in answers]
    return Table(
        name=name,
        title=title,
        columns=[
            *(Column(title=heading(dimension), dimension=dimension) for dimension in by),
            *(Column(title=title, unit=one.kpi.unit, query=one.number) for title, one in answers),
        ],
        rows=[
            [
                *key,
                *(cell(one, of_group.get(key)) for (_, one), of_group in zip(answers, values, strict=True)),
            ]
            for key in order[:rows]
        ],
        more=max(0, len(order) - rows),
    )


def heading(dimension: str) -> str:
    """A dimension as a heading: Source RSE."""
    text = "error" if dimension == "error_template" else words(dimension)
    return text[:1].upper() + text[1:]


def name_of(part: str | None) -> str:
    """A value of a dimension within a sentence."""
    return readable("unknown" if part is None else str(part))


def link_of(key: Key) -> str:
    """A link as people read it."""
    return " → ".join(map(name_of, key))


def names_of(answer: Answer, key: Key) -> str:
    """A group as people read it: a link with an arrow."""
    is_link = [name[:4] for name in answer.question.by] == ["src_", "dst_"]
    return link_of(key) if is_link else " on ".join(map(name_of, key))


def change_text(answer: Answer, value: Any, before: Any) -> str:
    """A value against an earlier one: in percentage points of a ratio, else in percent; empty where one is missing."""
    if value is None or before is None:
        return ""
    if answer.kpi.unit == "ratio":
        text = f"{100 * (value - before):+.1f} points"
        return "same" if text in ("+0.0 points", "-0.0 points") else text
    if not before:
        return "from 0" if value else "same"
    share = value / before - 1
    text = f"{100 * share:+.0f} %" if abs(share) < 10 else f"{value / before:.0f} times as much"
    return "same" if text in ("+0 %", "-0 %") else text


def change_cell(answer: Answer, value: Any, before: Any) -> Cell | None:
    """The same in a table; its value is the difference."""
    text = change_text(answer, value, before)
    return Cell(value=rounded(value - before), text=text) if text else None


def count_text(count: int, one: str, many: str | None = None) -> str:
    """``1 link``, ``3 links``."""
    return f"{format_value(count, 'count')} {one if count == 1 else many or one + 's'}"


def beyond_bounds(answer: Answer) -> list[tuple[Key, float | int, State]]:
    """Groups whose value is beyond one of the KPI's bounds, the worst first."""
    states = (
        (key, value, answer.state(value)) for key, value in answer.ranked(least=answer.kpi.good == "up")
    )
    return [(key, value, state) for key, value, state in states if state in ("warning", "critical")]


def findings_of(
    answer: Answer,
    before: str,
    after: str,
    action: str,
    weight: float,
    *,
    attempts: Answer | None = None,
    least: int = 0,
    with_warnings: bool = True,
) -> list[Finding]:
    """A finding a group beyond the bounds: `before` (with ``{}`` for its names), the value, `after`.

    `attempts`: of fewer than `least` nothing is concluded.
    """
    counts = {} if attempts is None else attempts.values
    return [
        Finding(
            state="critical" if state == "critical" else "warning",
            sentence=sentence(
                before.replace("{}", names_of(answer, key)),
                answer.of(value, key),
                *((" of ", attempts.of(counts[key], key)) if attempts is not None else ()),
                after,
                state=state,
            ),
            action=action,
            weight=weight - place / 1000,
        )
        for place, (key, value, state) in enumerate(beyond_bounds(answer))
        if (attempts is None or counts.get(key, 0) >= least) and (with_warnings or state == "critical")
    ]
