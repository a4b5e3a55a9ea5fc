"""How much of the week the data covers: what a reader has to know before any number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import structs

from lakescope.kpis.units import format_value
from lakescope.reports.desk import EMPTY_HOURS, Answer, Desk, ask_for, rounded
from lakescope.reports.model import Cell, Column, Finding, Section, Sentence, State, Table, worst
from lakescope.reports.sections._common import name_of, refusals, sentence

TITLES = {
    "transfers": "Transfers",
    "deletions": "Deletions",
    "storage": "Storage",
    "network": "perfSONAR",
    "hosts": "Hosts",
    "probes": "Probes",
    "fts_queue": "FTS queues",
    "rucio": "Rucio's own metrics",
}
WITH_SOURCES = ("transfers", "deletions", "hosts", "probes")
"""Datasets that several sources report."""
WARNING, CRITICAL = 0.99, 0.9
"""Least shares of the week that data must cover."""

WINDOW_S = 6 * 3600
LEAST_DONE, LEAST_COVER = 500, 0.95
"""Transfers that are enough to judge, and the share of them that messages must cover."""


class Coverage(NamedTuple):
    """The section, and how much of the week it found covered."""

    section: Section
    share: float | None
    """Of hours in which transfers were reported, 0..1; null: they were reported in neither week."""


def completeness(desk: Desk) -> Coverage:
    """Missing hours, silent sources, dead letters, FTS against Rucio, Rucio's messages against its own count."""
    of_hours = {
        (name, ago): ask_for(kpi, weeks_ago=ago) for name, kpi in EMPTY_HOURS.items() for ago in (0, 1)
    }
    of_sources = {
        (name, ago): ask_for(EMPTY_HOURS[name], "source", weeks_ago=ago)
        for name in WITH_SOURCES
        for ago in (0, 1)
    }
    hour_answers, source_answers, (dead, received, agreement, hermes) = desk.ask_groups(
        of_hours.values(),
        of_sources.values(),
        [
            ask_for("dead_letters"),
            ask_for("events_received"),
            ask_for("done_agreement"),
            ask_for("hermes_completeness_6h", bin_s=WINDOW_S),
        ],
    )
    hours = dict(zip(of_hours, hour_answers, strict=True))
    sources = dict(zip(of_sources, source_answers, strict=True))
    reported = {name: hours[name, 0] for name in EMPTY_HOURS if _is_reported(desk, hours, name)}
    shares = {name: 1 - (answer.value or 0) / desk.hours for name, answer in reported.items()}
    for name, share in shares.items():
        desk.note_completeness(name, share)
    transfers = shares.get("transfers")
    silent = list(_silent_sources(desk, sources))
    sentences = [_coverage(desk, reported), *silent]
    if dead.value is not None:
        sentences.append(
            sentence(
                dead.total, " of ", received.total, " events became dead letters.", state=dead.total.state
            )
        )
    if agreement.value is not None:
        sentences.append(
            sentence(
                "FTS reported ",
                agreement.total,
                " of the copies that Rucio reports as done.",
                state=agreement.total.state,
            )
        )
    sentences += _witness(hermes)
    return Coverage(
        Section(
            name="completeness",
            title="Completeness of the data",
            state=worst([one.state for one in sentences]),
            sentences=sentences,
            tables=[_table(desk, reported, shares)] if reported else [],
            findings=[_finding(one) for one in sentences if one.state in ("warning", "critical")],
            notes=refusals(*hours.values(), *sources.values(), dead, received, agreement, hermes),
        ),
        transfers,
    )


def _witness(hermes: Answer) -> Iterator[Sentence]:
    """Rucio's messages against its own count, which is no message. Of one window transfers are reported before or after,
    so the windows are added up."""
    windows = [row for row in hermes.rows if row["value"] is not None]
    messages = sum(row["hermes_done"] for row in windows)
    transfers = sum(row["requests_done_6h"] for row in windows)
    if transfers >= LEAST_DONE:
        share = messages / transfers
        yield sentence(
            "Rucio's messages cover ",
            structs.replace(hermes.of(share), state=None),
            f" of the transfers that Rucio itself counts, in {len(windows)} windows of six hours together.",
            state="good" if share >= LEAST_COVER else "warning",
        )


def level(share: float) -> State:
    """How a share of the week that is covered is judged."""
    return "critical" if share < CRITICAL else "warning" if share < WARNING else "good"


def _is_reported(desk: Desk, hours: Mapping[tuple[str, int], Answer], name: str) -> bool:
    """Whether anything came in one of the two weeks: what nobody collects is not missing."""
    return any((hours[name, ago].value or 0) < desk.hours and hours[name, ago].rows for ago in (0, 1))


def _coverage(desk: Desk, reported: Mapping[str, Answer]) -> Sentence:
    if "transfers" not in reported:
        return sentence(
            f"No transfer was reported in this {desk.period.noun} nor {desk.period.before}.", state="critical"
        )
    empty = reported["transfers"].total
    if not empty.value:
        return sentence(f"Transfers were reported in all {desk.hours} hours.", state="good")
    return sentence(
        empty,
        f" of {desk.hours} hours have no data on transfers.",
        state=level(1 - empty.value / desk.hours),
    )


def _silent_sources(desk: Desk, sources: Mapping[tuple[str, int], Answer]) -> Iterator[Sentence]:
    """Sources of the week before that reported nothing in this one."""
    for name in WITH_SOURCES:
        present, former = (sources[name, ago].values for ago in (0, 1))
        for key in sorted(former.keys() - present.keys(), key=str):
            yield sentence(
                f"The source {name_of(key[0])} of {TITLES[name].lower()} was silent all {desk.period.noun}; it had ",
                sources[name, 1].of(former[key], key),
                f" hours without data {desk.period.before}.",
                state="critical" if name == "transfers" else "warning",
            )


def _finding(one: Sentence) -> Finding:
    return Finding(
        state="critical" if one.state == "critical" else "warning",
        sentence=one,
        action="Check the collectors and the sources of this data: see the status page of Lakescope.",
        weight=1.0,  # first of all: the other numbers hang on it
    )


def _table(desk: Desk, reported: Mapping[str, Answer], shares: Mapping[str, float]) -> Table:
    return Table(
        name="completeness",
        title="Hours without data",
        columns=[
            Column(title="Data"),
            Column(title="Hours without data", unit="count"),
            Column(title=f"Share of the {desk.period.noun} with data", unit="ratio"),
        ],
        rows=[
            [
                TITLES[name],
                Cell(value=answer.value, text=answer.total.text, query=answer.number),
                Cell(
                    value=rounded(shares[name]),
                    text=format_value(shares[name], "ratio"),
                    state=level(shares[name]),
                ),
            ]
            for name, answer in reported.items()
        ],
    )
