"""The state of the lake for everybody: what a community may show without a login.

Sites and numbers alone. No account, no file and no error message: those are strangers' texts and may name people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from lakescope.kpis.model import Condition, EventsQuery, UnsupportedError
from lakescope.kpis.units import format_value
from lakescope.reports.desk import DAY_S, Answer, Ask, Desk, Question
from lakescope.reports.forms.texts import readable
from lakescope.reports.model import State, worst
from lakescope.reports.period import Day
from lakescope.reports.sections.transfers import LEAST

DAYS = 7
RECENT = timedelta(hours=24)
"""What the states are of."""
INCIDENT_S = 3600
"""An open incident is reported more often than this."""
INCIDENTS_MAX = 20_000
PLACES = ("site", "src_site", "dst_site", "src_rse", "dst_rse", "protocol")
"""What is shown of an incident's place. An account, an activity and a server are not."""


class Figure(Struct, frozen=True, kw_only=True):
    """A number of the whole lake."""

    title: str
    text: str
    state: State | None = None


class DayStatus(Struct, frozen=True, kw_only=True):
    """A day in UTC; the last one is not over."""

    date: str
    efficiency: float | None
    """Of transfers; null: none ended."""
    efficiency_text: str
    state: State | None
    volume_bytes: int
    volume_text: str


class SiteStatus(Struct, frozen=True, kw_only=True):
    """A site in the last 24 hours; null: too few transfers, or no probes."""

    name: str
    state: State
    as_source: str | None = None
    """Transfer efficiency."""
    as_destination: str | None = None
    probes: str | None = None
    """Probe success rate."""
    is_in_downtime: bool = False


class OpenIncident(Struct, frozen=True, kw_only=True):
    """What fails now."""

    place: str
    began: str
    """RFC 3339 in UTC."""
    severity: str


class LakeStatus(Struct, frozen=True, kw_only=True):
    """All of it."""

    generated: str
    """RFC 3339 in UTC."""
    state: State
    verdict: str
    figures: Sequence[Figure]
    """Of the last 24 hours."""
    completeness: Figure
    """Of the days: hours with data on transfers."""
    sites: Sequence[SiteStatus]
    """The worst first, then by name."""
    incidents: Sequence[OpenIncident]
    """The newest first."""
    days: Sequence[DayStatus]
    """The newest first."""


def make_lake_status(ask_all: Ask, now: datetime) -> LakeStatus:
    """The state at an aware time. Raises what the store raises when it does not answer."""
    now = now.astimezone(UTC)
    desk = Desk(ask_all, Day(now.date()), now)
    begin = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=DAYS - 1)
    answers = desk.ask_each(_questions((now - RECENT, now), (begin, now)))
    incidents = _open_incidents(ask_all, now)
    sites = _sites(answers)
    figures = [
        Figure(title=title, text=answers[name].total.text, state=answers[name].state(answers[name].value))
        for name, title in (
            ("efficiency", "Transfer efficiency"),
            ("volume", "Transferred volume"),
            ("files", "Transferred files"),
        )
    ]
    has_data = bool(answers["ended"].value)
    state = worst([figures[0].state, "warning" if incidents else None]) if has_data else "no data"
    return LakeStatus(
        generated=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        state=state or "no data",
        verdict=_verdict(state or "no data", sites, incidents),
        figures=figures,
        completeness=_completeness(answers["empty"], int((now - begin).total_seconds()) // 3600),
        sites=sites,
        incidents=incidents,
        days=_days(answers, begin, now),
    )


def _questions(recent: tuple[datetime, datetime], days: tuple[datetime, datetime]) -> dict[str, Question]:
    def ask(kpi: str, *by: str) -> Question:
        return Question(kpi=kpi, by=by, span=recent)

    return {
        "efficiency": ask("transfer_efficiency"),
        "ended": ask("transfers_ended"),
        "volume": ask("transfer_volume"),
        "files": ask("transfers_done"),
        "efficiency_src": ask("transfer_efficiency", "src_site"),
        "efficiency_dst": ask("transfer_efficiency", "dst_site"),
        "ended_src": ask("transfers_ended", "src_site"),
        "ended_dst": ask("transfers_ended", "dst_site"),
        "probes": ask("probe_availability", "site"),
        "downtimes": ask("downtimes_running", "site"),
        "empty": Question(kpi="transfers_empty_hours", span=days),
        "efficiency_days": Question(kpi="transfer_efficiency", span=days, bin_s=DAY_S),
        "volume_days": Question(kpi="transfer_volume", span=days, bin_s=DAY_S),
    }


def _sites(answers: Mapping[str, Answer]) -> list[SiteStatus]:
    probes, downtimes = answers["probes"].values, answers["downtimes"].values
    efficiencies = {end: answers[f"efficiency_{end}"] for end in ("src", "dst")}
    ended = {end: answers[f"ended_{end}"].values for end in ("src", "dst")}
    names = {key[0] for values in (*ended.values(), probes, downtimes) for key in values} - {None}
    result = []
    for name in names:
        values = {
            end: answer.values.get((name,)) if ended[end].get((name,), 0) >= LEAST else None
            for end, answer in efficiencies.items()
        }
        states = [efficiencies[end].state(value) for end, value in values.items() if value is not None]
        probe = probes.get((name,))
        if probe is not None:
            states.append(answers["probes"].state(probe))
        source, destination = (
            None if value is None else efficiencies[end].of(value).text for end, value in values.items()
        )
        result.append(
            SiteStatus(
                name=readable(str(name)),
                state=worst(states) or "no data",
                as_source=source,
                as_destination=destination,
                probes=None if probe is None else format_value(probe, "ratio"),
                is_in_downtime=bool(downtimes.get((name,))),
            )
        )
    order: dict[State, int] = {"critical": 0, "warning": 1, "good": 2, "no data": 3}
    return sorted(result, key=lambda one: (order[one.state], one.name.lower()))


def _open_incidents(ask_all: Ask, now: datetime) -> list[OpenIncident]:
    """By the latest report of each; none where the store cannot be searched."""
    query = EventsQuery(
        dataset="incidents",
        columns=("incident", "state", "severity", "started", *PLACES),
        since=now - timedelta(seconds=INCIDENT_S),
        until=now,
        conditions=(Condition("event", "=", "reported"),),
        limit=INCIDENTS_MAX,
    )
    (rows,) = ask_all([query])
    if isinstance(rows, UnsupportedError):
        return []
    newest: dict[str, Mapping[str, Any]] = {}
    for row in rows:  # newest first
        newest.setdefault(row["incident"], row)
    incidents = [
        OpenIncident(place=_place(one), began=str(one["started"]), severity=str(one["severity"]))
        for one in newest.values()
        if one["state"] == "open"
    ]
    return sorted(incidents, key=lambda one: one.began, reverse=True)


def _place(row: Mapping[str, Any]) -> str:
    source, destination = (row[f"{end}_site"] or row[f"{end}_rse"] for end in ("src", "dst"))
    if source and destination:
        return f"{readable(source)} \N{RIGHTWARDS ARROW} {readable(destination)}"
    if one := row["site"]:
        return readable(one)
    if source or destination:
        return f"{'from' if source else 'to'} {readable(source or destination)}"
    return f"transfers by {readable(row['protocol'])}" if row["protocol"] else "not tied to a site"


def _completeness(empty: Answer, hours: int) -> Figure:
    title = "Hours with data on transfers"
    if empty.value is None:
        return Figure(title=title, text="no data", state="no data")
    share = max(0.0, 1 - empty.value / hours) if hours else 0.0
    state: State = "good" if share >= 0.99 else "warning" if share >= 0.9 else "critical"
    return Figure(title=title, text=format_value(share, "ratio"), state=state)


def _days(answers: Mapping[str, Answer], begin: datetime, now: datetime) -> list[DayStatus]:
    efficiency, volume = answers["efficiency_days"], answers["volume_days"]
    by_day = [{str(row["time"])[:10]: row["value"] for row in one.rows} for one in (efficiency, volume)]
    result = []
    for number in range((now.date() - begin.date()).days + 1):
        date = (begin + timedelta(days=number)).date().isoformat()
        share, size = (values.get(date) for values in by_day)
        result.append(
            DayStatus(
                date=date,
                efficiency=share,
                efficiency_text=efficiency.of(share).text,
                state=efficiency.state(share) if share is not None else None,
                volume_bytes=int(size or 0),
                volume_text=volume.of(size or 0).text,
            )
        )
    return result[::-1]


def _verdict(state: State, sites: Sequence[SiteStatus], incidents: Sequence[OpenIncident]) -> str:
    if state == "no data":
        return "The state is unknown: no transfers were reported in the last 24 hours."
    words = {"good": "Healthy", "warning": "Degraded", "critical": "Not healthy"}[state]
    bad_sites = sum(one.state in ("warning", "critical") for one in sites)
    parts = [
        *([f"{len(incidents)} open incident{'s' * (len(incidents) != 1)}"] if incidents else []),
        *([f"{bad_sites} of {len(sites)} sites below their bounds"] if bad_sites else []),
    ]
    return f"{words}: {', '.join(parts)}." if parts else f"{words}."
