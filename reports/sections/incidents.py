"""Incidents of transfers of the week, as Lakescope found and recorded them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from lakescope.core.printable import rfc3339
from lakescope.core.revisions import latest
from lakescope.kpis.model import Condition
from lakescope.kpis.units import format_value
from lakescope.reports.desk import Answer, Desk, Question, ask_for
from lakescope.reports.forms.texts import readable
from lakescope.reports.model import Cell, Column, Finding, Section, Sentence, Table, worst
from lakescope.reports.sections._common import name_of, refusals, sentence

COLUMNS = (
    *(
        "incident",
        "state",
        "severity",
        "owner",
        "culprit",
        "site",
        "src_site",
        "dst_site",
        "src_rse",
        "dst_rse",
    ),
    *("protocol", "endpoint", "activity", "vo", "started", "ended", "notified", "acknowledged"),
    *("attempts", "failures", "expected", "error_template", "muted_by"),
)
PLACES = ("src_site", "dst_site", "src_rse", "dst_rse", "protocol", "endpoint", "activity", "vo")
"""Of an incident, which are dimensions of transfers."""
ANNOTATION = ("annotation", "revision", "state", "text", "by", "ended", "site", "rse")
AFFECTED = ("files_failing", "failed_volume")
REPORTS_MAX = 20_000
"""Each round reports each open incident: 2016 rounds a week."""
ROWS = 50
Incident = Mapping[str, Any]


def incidents(desk: Desk) -> Section:
    """Beginning, end, reaction, culprit, files and volume affected and the error of each, the newest first."""
    began = desk.ask(ask_for("incidents_began")) if desk.site is None else []  # a site's are counted below
    (reports,) = desk.events("incidents", COLUMNS, (Condition("event", "=", "reported"),), limit=REPORTS_MAX)
    newest: dict[str, dict[str, Any]] = {}
    for row in reports:  # newest first
        one = newest.setdefault(row["incident"], dict(row))
        for name in ("notified", "acknowledged"):  # of several instances not each one knows it
            one[name] = one[name] or row[name]
    of_period: list[Incident] = sorted(
        newest.values(), key=lambda one: (str(one["started"]), one["incident"]), reverse=True
    )
    if desk.site is not None:
        rses = _rses(desk, desk.site)
        of_period = [one for one in of_period if _is_at(one, desk.site, rses)]
    affected = _affected(desk, of_period[:ROWS])
    (revisions,) = desk.events("annotations", ANNOTATION, (), limit=REPORTS_MAX)
    notes = [one for one in latest(revisions) if desk.site is None or one["site"] in (None, desk.site)]
    still_open = [one for one in of_period if one["state"] == "open"]
    findings = [
        Finding(
            state="critical" if one["severity"] == "page" else "warning",
            sentence=sentence(
                f"Incident since {_moment(one['started'])}: {readable(one['culprit'] or 'the whole lake')}, still open.",
                state="critical" if one["severity"] == "page" else "warning",
            ),
            action=f"Ask its owner ({one['owner'] or 'nobody'}) what is done about it.",
            weight=0.8,
        )
        for one in still_open
    ]
    return Section(
        name="incidents",
        title="Incidents",
        state=worst([one.state for one in findings]),
        sentences=_counts(desk, began, of_period, still_open),
        tables=[
            *([_table(desk, of_period, affected)] if of_period else []),
            *([_interventions(desk, notes)] if notes else []),
        ],
        findings=findings,
        notes=refusals(*began),
    )


def _counts(
    desk: Desk, began: Sequence[Answer], of_period: list[Incident], still_open: list[Incident]
) -> list[Sentence]:
    if desk.site is not None:
        return [
            sentence(
                f"Incidents at {name_of(desk.site)}: {len(of_period)}; open at the end: {len(still_open)}."
            )
        ]
    text = f"Incidents that began {desk.period.during}: "
    return [
        sentence(text, one.total, f"; open at its end: {len(still_open)}.")
        for one in began
        if one.value is not None
    ]


def _rses(desk: Desk, site: str) -> set[str | None]:
    """Of which a transfer or the space was reported."""
    answers = desk.ask(
        ask_for("transfers_ended", "src_rse", src_site=site),
        ask_for("transfers_ended", "dst_rse", dst_site=site),
        ask_for("storage_used", "rse", site=site),
    )
    return {key[0] for answer in answers for key in answer.values} - {None}


def _is_at(one: Incident, site: str, rses: set[str | None]) -> bool:
    """At the site, one of its RSEs or one of its links."""
    is_at_site = site in (one["site"], one["src_site"], one["dst_site"])
    return is_at_site or bool({one["src_rse"], one["dst_rse"]} & rses)


def _affected(desk: Desk, of_period: list[Incident]) -> dict[tuple[str, str], Answer]:
    """By incident and KPI: distinct files with a failed attempt at its culprit while it lasted, and the volume of these attempts;
    of those whose culprit is one place."""
    questions: dict[tuple[str, str], Question] = {}
    for one in of_period:
        where = {name: one[name] for name in PLACES if one[name] is not None}
        if not one["started"] or not where:
            continue
        since = max(desk.since, datetime.fromisoformat(one["started"]))
        until = min(desk.until, datetime.fromisoformat(one["ended"]) if one["ended"] else desk.until)
        if since < until:
            for kpi in AFFECTED:
                questions[one["incident"], kpi] = Question(
                    kpi=kpi, where=where, span=(since.astimezone(UTC), until.astimezone(UTC))
                )
    return desk.ask_each(questions) if questions else {}


def _table(desk: Desk, of_period: list[Incident], affected: Mapping[tuple[str, str], Answer]) -> Table:
    has_pages = any(one["notified"] for one in of_period[:ROWS])
    return Table(
        name="incidents",
        title=f"Incidents of the {desk.period.noun}",
        columns=[
            Column(title="Began (UTC)"),
            Column(title="Lasted"),
            *([Column(title="Notified, acknowledged after")] if has_pages else []),
            Column(title="Culprit"),
            Column(title="Severity"),
            Column(title="Files affected", unit="count"),
            Column(title="Volume of failed attempts", unit="bytes"),
            Column(title="Failed attempts of its worst window"),
            Column(title="Main error"),
            Column(title="Remark"),
        ],
        rows=[
            [
                _moment(one["started"]),
                _duration(one),
                *([_reaction(one)] if has_pages else []),
                one["culprit"] or "the whole lake",
                one["severity"],
                *(_number(affected.get((one["incident"], kpi))) for kpi in AFFECTED),
                f"{one['failures']} of {one['attempts']}, usually {one['expected']:g}"
                if one["expected"] is not None
                else "",
                one["error_template"] or "",
                one["muted_by"] or "",
            ]
            for one in of_period[:ROWS]
        ],
        more=max(0, len(of_period) - ROWS),
    )


def _interventions(desk: Desk, notes: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        name="interventions",
        title=f"Interventions of the {desk.period.noun}",
        columns=[
            Column(title=title) for title in ("Began (UTC)", "Until (UTC)", "Place", "What was changed", "By")
        ],
        rows=[
            [
                _moment(one["time"]),
                _moment(one["ended"]) if one["ended"] else "",
                ", ".join(filter(None, (one["site"], one["rse"]))) or "the whole lake",
                one["text"],
                one["by"] or "",
            ]
            for one in notes[:ROWS]
        ],
        more=max(0, len(notes) - ROWS),
    )


def _number(answer: Answer | None) -> Cell:
    if answer is None:
        return Cell(value=None, text="")
    return Cell(value=answer.value, text=answer.total.text, query=answer.number)


def _duration(one: Incident) -> str:
    if not one["ended"] or not one["started"]:
        return "open"
    return format_value(_seconds(one["started"], one["ended"]), "seconds")


def _reaction(one: Incident) -> str:
    """From its beginning to the first notification, and from there to the acknowledgement."""
    if not one["notified"] or not one["started"]:
        return "nobody notified"
    after = format_value(_seconds(one["started"], one["notified"]), "seconds")
    if not one["acknowledged"]:
        return f"{after}, not acknowledged"
    return f"{after}, {format_value(_seconds(one['notified'], one['acknowledged']), 'seconds')}"


def _seconds(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def _moment(time: str | None) -> str:
    if not time:
        return ""
    return rfc3339(datetime.fromisoformat(time).timestamp())[:16].replace("T", " ")
