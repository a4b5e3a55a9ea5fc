"""Transfers: who reaches whom, how much by day and activity, the links and errors that matter, queue times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from lakescope.kpis.model import Condition
from lakescope.reports.desk import DAY_S, Answer, Desk, Key, Rows, ask_for, asks_for, rounded
from lakescope.reports.model import Cell, Column, Finding, Section, Sentence, Table, worst
from lakescope.reports.sections._common import (
    ALL_ROWS,
    ROWS,
    cell,
    change_cell,
    findings_of,
    link_of,
    name_of,
    refusals,
    sentence,
    table_of,
)

LEAST = 50
"""Attempts below which an efficiency is no finding."""
LINK = ("src_site", "dst_site")
RSES = ("src_rse", "dst_rse")
_EXAMPLE, _TITLE = 300, 150  # letters


def efficiency(desk: Desk) -> Section:
    """The matrix of sites, and which sites and links somebody has to look at."""
    matrix, attempts, *ends = desk.ask(
        ask_for("transfer_efficiency", *LINK),
        ask_for("transfers_ended", *LINK),
        ask_for("transfer_efficiency", "src_site"),
        ask_for("transfers_ended", "src_site"),
        ask_for("transfer_efficiency", "dst_site"),
        ask_for("transfers_ended", "dst_site"),
    )
    sources, from_sources, destinations, to_destinations = ends
    findings = [
        *_bad(sources, from_sources, "Transfers from {}: efficiency "),
        *_bad(destinations, to_destinations, "Transfers to {}: efficiency "),
    ]
    if not findings:  # else the links are those of the sites
        findings = _bad(matrix, attempts, "Transfers {}: efficiency ")
    return Section(
        name="efficiency",
        title="Transfer efficiency by site",
        state=worst([one.state for one in findings]) or ("good" if matrix.values else None),
        sentences=_worst_link(matrix, attempts),
        tables=[
            structs.replace(
                table_of(
                    "efficiency",
                    "Transfer efficiency of the busiest sites",
                    [("Efficiency", matrix)],
                    rows=ALL_ROWS,
                    keys=[key for key, _ in attempts.ranked()],
                ),
                pivot=True,
            ),
            table_of(
                "sources", "By source", [("Attempts", from_sources), ("Efficiency", sources)], rows=ALL_ROWS
            ),
            table_of(
                "destinations",
                "By destination",
                [("Attempts", to_destinations), ("Efficiency", destinations)],
                rows=ALL_ROWS,
            ),
        ],
        findings=findings,
        notes=refusals(matrix, *ends),
    )


def _bad(efficiencies: Answer, attempts: Answer, text: str) -> list[Finding]:
    return findings_of(
        efficiencies,
        text,
        " attempts.",
        "See the errors of this place, and tell its administrators.",
        0.7,
        attempts=attempts,
        least=LEAST,
    )


def _worst_link(matrix: Answer, attempts: Answer) -> list[Sentence]:
    counts = attempts.values
    links = [(key, value) for key, value in matrix.ranked(least=True) if counts.get(key, 0) >= LEAST]
    if not links:
        return []
    key, value = links[0]
    return [
        sentence(
            f"Of the links with {LEAST} attempts or more, {link_of(key)} has the lowest efficiency: ",
            matrix.of(value, key),
            " of ",
            attempts.of(counts[key], key),
            " attempts.",
            state=matrix.state(value),
        )
    ]


def volume(desk: Desk) -> Section:
    """What was transferred and what failed, by day and by activity."""
    kpis = ("transfer_volume", "transfers_done", "transfers_failed", "transfer_efficiency")
    of_day, charts, of_activity = desk.ask_groups(
        asks_for(kpis, bin_s=DAY_S),
        asks_for(("transfer_volume", "transfers_failed"), "activity", bin_s=DAY_S),
        asks_for(kpis, "activity"),
    )
    headings = ("Volume", "Files", "Failed attempts", "Efficiency")
    return Section(
        name="volume",
        title="Volume and failures by day and activity",
        charts=[
            charts[0].chart("Transferred volume by activity, per day", "stacked"),
            charts[1].chart("Failed transfers by activity, per day", "stacked"),
        ],
        tables=[
            _by_day(list(zip(headings, of_day, strict=True))),
            table_of(
                "activities", "By activity", list(zip(headings, of_activity, strict=True)), rows=ALL_ROWS
            ),
        ],
        notes=refusals(*of_day, *charts, *of_activity),
    )


def _by_day(answers: list[tuple[str, Answer]]) -> Table:
    days = sorted({row["time"] for _, answer in answers for row in answer.rows})
    values = [{row["time"]: row["value"] for row in answer.rows} for _, answer in answers]
    return Table(
        name="days",
        title="By day",
        columns=[
            Column(title="Day (UTC)", dimension="time"),
            *(Column(title=title, unit=one.kpi.unit, query=one.number) for title, one in answers),
        ],
        rows=[
            [
                day,
                *(cell(answer, of_day.get(day)) for (_, answer), of_day in zip(answers, values, strict=True)),
            ]
            for day in days
        ],
    )


def links(desk: Desk) -> Section:
    """The links that carry most, and those on which most fails."""
    kpis = ("transfer_volume", "transfers_done", "transfers_failed", "transfer_efficiency")
    (size, done, failed, share), (total, failures) = desk.ask_groups(
        asks_for(kpis, *RSES), asks_for(("transfer_volume", "transfers_failed"))
    )
    return Section(
        name="links",
        title="Top links",
        sentences=[
            *_leader("carried most", size, total),
            *_leader("had most of the failures", failed, failures),
        ],
        tables=[
            table_of(
                "links_by_volume",
                "By volume",
                [("Volume", size), ("Files", done), ("Efficiency", share)],
            ),
            table_of(
                "links_by_failures",
                "By failed attempts",
                [("Failed attempts", failed), ("Efficiency", share)],
                with_zeros=False,
            ),
        ],
        notes=refusals(size, done, failed, share),
    )


def worst_links(desk: Desk) -> Section:
    """The links with the most failed attempts."""
    failed, ended, share, size, total = desk.ask(
        *asks_for(("transfers_failed", "transfers_ended", "transfer_efficiency", "transfer_volume"), *RSES),
        ask_for("transfers_failed"),
    )
    return Section(
        name="worst_links",
        title="Worst links",
        sentences=_leader("had most of the failures", failed, total),
        tables=[
            table_of(
                "worst_links",
                "By failed attempts",
                [("Failed", failed), ("Attempts", ended), ("Efficiency", share), ("Volume", size)],
                with_zeros=False,
            )
        ],
        notes=refusals(failed, ended, share, size, total),
    )


def _leader(text: str, answer: Answer, total: Answer) -> list[Sentence]:
    ranked = answer.ranked()
    if not ranked or not ranked[0][1] or not total.value:
        return []
    key, value = ranked[0]
    return [
        sentence(
            f"{link_of(key)} {text}: ",
            answer.of(value, key),
            " of ",
            total.total,
            f" ({100 * value / total.value:.0f} %).",
        )
    ]


def errors(desk: Desk) -> Section:
    """Error classes with their share and an example; new ones are marked."""
    by = ("error_class", "error_template")
    failed, before, total = desk.ask(
        ask_for("transfers_failed", *by),
        ask_for("transfers_failed", *by, weeks_ago=1),
        ask_for("transfers_failed"),
    )
    former = {key[0]: value for key, value in before.values.items()}
    ranked = [(key, value) for key, value in failed.ranked() if value]
    new = [(key, value) for key, value in ranked if key[0] is not None and key[0] not in former]
    classes = [key[0] for key, _ in ranked[:ROWS] if key[0] is not None]
    examples: dict[str | None, Rows] = dict(zip(classes, _examples(desk, classes), strict=True))
    sentences = [
        sentence(
            f"New error: {_shortened(name_of(key[1]), _TITLE)}: ",
            failed.of(value, key),
            " failed attempts.",
            state="warning",
        )
        for key, value in new[:3]
        if total.value and value >= 0.02 * total.value
    ]
    return Section(
        name="errors",
        title="Errors",
        sentences=sentences,
        tables=[_error_table(failed, ranked, former, total.value or 0, examples)],
        findings=[
            Finding(
                state="warning",
                sentence=one,
                action="See where it occurs: the dashboard of failures groups it by link.",
                weight=0.05,
            )
            for one in sentences
        ],
        notes=refusals(failed, before, total),
    )


def _error_table(
    failed: Answer,
    ranked: list[tuple[Key, float | int]],
    former: dict[str | None, float | int],
    total: float,
    examples: Mapping[str | None, Rows],
) -> Table:
    return Table(
        name="errors",
        title="Failed attempts by error class",
        columns=[
            Column(title="Error", dimension="error_template"),
            Column(title="Failed attempts", unit="count", query=failed.number),
            Column(title="Share", unit="ratio"),
            Column(title="Change"),
            Column(title="Example"),
            Column(title="Error class", dimension="error_class"),
        ],
        rows=[
            [
                key[1],
                cell(failed, value),
                Cell(value=rounded(value / total), text=f"{100 * value / total:.1f} %"),
                change_cell(failed, value, former[key[0]])
                if key[0] in former
                else Cell(value=None, text="new", state="warning"),
                _example(examples.get(key[0], ())),
                key[0],
            ]
            for key, value in ranked[:ROWS]
        ],
        more=max(0, len(ranked) - ROWS),
    )


def _examples(desk: Desk, classes: Sequence[str]) -> list[Rows]:
    columns = ("src_rse", "dst_rse", "error", "request_id")
    conditions = [(Condition("source", "=", "rucio"), Condition("error_class", "=", one)) for one in classes]
    return desk.events("transfers", columns, *conditions, limit=1)


def _example(rows: Rows) -> str:
    if not rows:
        return ""
    (row,) = rows
    text = _shortened(str(row.get("error") or ""), _EXAMPLE)
    return f"{link_of((row.get('src_rse'), row.get('dst_rse')))}: {text}"


def _shortened(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[:letters]} ..."


def queues(desk: Desk) -> Section:
    """How long transfers wait from their request to their start."""
    kpis = ("queue_time_p50", "queue_time_p95")
    (p50, p95), (rse50, rse95), (daily, old, waiting) = desk.ask_groups(
        asks_for(kpis, "activity"),
        asks_for(kpis, "dst_rse"),
        [ask_for("queue_time_p95", bin_s=DAY_S), ask_for("requests_older_24h"), ask_for("requests_queued")],
    )
    sentences = []
    if old.value:
        sentences.append(
            sentence(
                f"At the end of the {desk.period.noun} ",
                old.total,
                " transfer requests were open for more than 24 hours.",
            )
        )
    if waiting.value:
        sentences.append(
            sentence(
                f"At the end of the {desk.period.noun} ", waiting.total, " requests waited for submission."
            )
        )
    return Section(
        name="queues",
        title="Queue times",
        state=worst([p95.state(value) for value in p95.values.values()]),
        sentences=sentences,
        charts=[daily.chart("Queue time (p95) per day")] if daily.values else [],
        tables=[
            table_of("queues", "By activity", [("p95", p95), ("Median", p50)]),
            table_of("queues_by_rse", "By destination RSE", [("p95", rse95), ("Median", rse50)]),
        ],
        notes=refusals(p50, p95, rse50, rse95, daily, old, waiting),
    )
