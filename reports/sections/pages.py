"""For what people were paged, how fast they answered, and what they called a false alarm."""

from __future__ import annotations

from collections.abc import Iterator

from lakescope.reports.desk import Answer, Desk, asks_for
from lakescope.reports.model import Section, Sentence
from lakescope.reports.sections._common import refusals, sentence, table_of

COLUMNS = {
    "pages_sent": "Sent",
    "pages_acknowledged": "Acknowledged",
    "pages_false": "False alarms",
    "time_to_page_p50": "Time to page",
    "time_to_acknowledge_p50": "Time to acknowledge",
    "time_to_resolve_p50": "Time to resolve",
}
"""KPI -> heading."""
COUNTS = 3
"""Of these, how many are counts; the others are medians."""


def pages(desk: Desk) -> Section:
    """All pages, of rules and incidents, and by rule."""
    totals, rules = desk.ask_groups(asks_for(COLUMNS), asks_for(COLUMNS, "rule"))
    has_pages = bool(totals[0].value)
    table = table_of("pages", "Pages by rule", list(zip(COLUMNS.values(), rules, strict=True)))
    return Section(
        name="pages",
        title="Pages",
        sentences=list(_sentences(*totals)) if has_pages else [sentence("No page is recorded.")],
        tables=[table] if has_pages else [],
        notes=refusals(*totals, *rules),
    )


def _sentences(sent: Answer, acknowledged: Answer, false: Answer, *times: Answer) -> Iterator[Sentence]:
    counts = (", acknowledged ", acknowledged), (", called a false alarm ", false)
    yield sentence(
        "Pages sent: ",
        sent.total,
        *(part for text, one in counts for part in (text, one.of(one.value or 0))),
        ".",
    )
    medians = [
        (heading.lower(), one)
        for heading, one in zip([*COLUMNS.values()][COUNTS:], times, strict=True)
        if one.value is not None
    ]
    if medians:
        parts = [part for heading, one in medians for part in (f", {heading} ", one.total)]
        yield sentence(f"Median {medians[0][0]} ", *parts[1:], ".")
