"""The charts of one incident: the dashboards' kinds of panels, narrowed to its culprit.

A culprit is a list of patterns, each of attributes and values as `lakescope.alerts.search` writes them: dimensions of
transfers, ``site`` and ``rse`` for either end, ``link`` (``A -> B``) and ``links`` (``A <-> B``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from math import inf
from typing import Any, NamedTuple

from msgspec import Struct, structs

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Link, Listing, Number, Panel, Row
from lakescope.dashboards.pages.pictures import Picture
from lakescope.dashboards.questions import Selection, bin_of
from lakescope.dashboards.variables import DESTINATION, SOURCE, TRANSFERS
from lakescope.dashboards.words import words
from lakescope.kpis import CATALOGUE

Pattern = Sequence[tuple[str, str]]
Where = dict[str, str]

BIN_S = 300
"""Least length of a bin: incidents are looked for in such steps."""
PLACES = 6
"""Most places whose lines a chart can tell apart."""
_LISTED = 2
_BEFORE, _AFTER = timedelta(hours=1), timedelta(hours=1)


class Place(Struct, frozen=True):
    """One way in which transfers can be at a culprit."""

    label: str
    where: Where


def title_of(patterns: Sequence[Pattern]) -> str:
    """The culprit as a heading."""
    return "; ".join(map(_title, patterns)) or "the whole lake"


def _title(pattern: Pattern) -> str:
    names = {"link": "link", "links": "links", "site": "site", "rse": "RSE"}
    return (
        ", ".join(f"{names.get(name) or words(name)} {_arrows(value)}" for name, value in pattern)
        or "the whole lake"
    )


def places_of(patterns: Sequence[Pattern]) -> list[Place]:
    """The places of all patterns, `PLACES` at most."""
    places = [place for pattern in patterns or [()] for place in _places(pattern)]
    return places[:PLACES]


def _places(pattern: Pattern) -> list[Place]:
    combined = [Place("", {})]
    for name, value in pattern:
        combined = [
            Place(" ".join(filter(None, [one.label, other.label])), {**one.where, **other.where})
            for one in combined
            for other in _ways(name, value)
        ]
    return [Place(one.label or _title(pattern), one.where) for one in combined]


def _ways(name: str, value: str) -> list[Place]:
    match name:
        case "site" | "rse":
            return [
                Place(f"from {value}", {f"src_{name}": value}),
                Place(f"to {value}", {f"dst_{name}": value}),
            ]
        case "link":
            source, _, destination = value.partition(" -> ")
            return [Place(_arrows(value), {"src_site": source, "dst_site": destination})]
        case "links":
            one, _, other = value.partition(" <-> ")
            return [*_ways("link", f"{one} -> {other}"), *_ways("link", f"{other} -> {one}")]
        case _:
            return [Place(f"{words(name)} {value}", {name: value})]


def _arrows(text: str) -> str:
    return text.replace(" <-> ", " ↔ ").replace(" -> ", " → ")


def dashboard_of(patterns: Sequence[Pattern]) -> Dashboard:
    """What happens at a culprit, and what is around it."""
    places = places_of(patterns)
    around = list(_around(places))
    return Dashboard(
        name="incident",
        title=title_of(patterns),
        question="",
        variables=(),
        rows=(
            Row(
                title="Transfers there",
                panels=(
                    _panel("Failed transfers", "transfers_failed", places),
                    _panel("Transfer efficiency", "transfer_efficiency", places),
                ),
            ),
            *([Row(title="Around it", panels=tuple(around))] if around else []),
            Row(
                title="What fails",
                panels=(
                    _table("Errors", ("error_template", "error_class", "error_scope"), places, links.ERROR),
                    _table("Failed transfers by link", ("src_site", "dst_site"), places, links.LINK),
                    *(_listing(place, several=len(places) > 1) for place in islice(places, _LISTED)),
                ),
            ),
        ),
    )


def _panel(title: str, kpi: str, places: Sequence[Place], width: int = 12) -> Panel:
    numbers = tuple(Number(kpi=kpi, where=place.where, label=place.label) for place in places)
    return Panel(title=title, kind="lines", width=width, numbers=numbers)


def _table(title: str, by: tuple[str, ...], places: Sequence[Place], link: Link) -> Panel:
    numbers = tuple(
        Number(
            kpi="transfers_failed",
            by=by,
            where=place.where,
            label=f"failed {place.label}" if len(places) > 1 else "failed",
        )
        for place in places
    )
    return Panel(title=title, kind="table", width=12, numbers=numbers, link=link)


def _listing(place: Place, *, several: bool) -> Panel:
    columns = ("src_rse", "dst_rse", "protocol", "name", "error", "request_id")
    return Panel(
        title=f"Latest failed transfers{f' {place.label}' if several else ''}",
        kind="events",
        width=24,
        height=10,
        listing=Listing(
            dataset="transfers",
            where={**place.where, "ok": False, "source": "rucio"},
            columns=columns,
            limit=20,
        ),
    )


def _around(places: Sequence[Place]) -> list[Panel]:
    """What other sources report of the same sites, RSEs and links."""
    ends = ("src", "dst")
    sites = list(dict.fromkeys(p.where[f"{e}_site"] for p in places for e in ends if f"{e}_site" in p.where))
    rses = list(dict.fromkeys(p.where[f"{e}_rse"] for p in places for e in ends if f"{e}_rse" in p.where))
    network = [place for place in places if place.where.keys() & {"src_site", "dst_site"}]
    panels = []
    if sites:
        panels.append(
            _panel(
                "Probe success rate",
                "probe_availability",
                [Place(site, {"site": site}) for site in sites[:PLACES]],
                8,
            )
        )
    if network:
        dimensions = CATALOGUE["network_loss"].dimensions
        paths = [
            Place(place.label, {name: value for name, value in place.where.items() if name in dimensions})
            for place in network
        ]
        panels.append(_panel("Packet loss", "network_loss", paths, 8))
    by = [Place(rse, {"rse": rse}) for rse in rses] or [Place(site, {"site": site}) for site in sites]
    if by:
        panels.append(_panel("Fill level of the storage", "storage_fullness", by[:PLACES], 8))
    return panels


def selection_of(began: datetime, ended: datetime | None, now: datetime) -> Selection:
    """A range with the incident in it: an hour before, or half its length if that is more, and an hour after."""
    end = min(now, ended + _AFTER) if ended else now
    before = max(_BEFORE, ((ended or now) - began) / 2)
    selection = Selection(since=(began - before).replace(microsecond=0), until=end.replace(microsecond=0))
    return structs.replace(selection, bin_s=max(BIN_S, bin_of(selection)))


class Span(NamedTuple):
    """An incident's title and time (POSIX seconds); null: it goes on."""

    title: str
    began: float
    ended: float | None


def marked(picture: Picture, spans: Sequence[Span], *, whole: bool = False) -> Picture:
    """A chart over time with marks in the bins in which incidents began, or in all of theirs: ``disturbances`` has each
    bin's place in ``times``, and the incidents' titles."""
    if "incidents" not in picture:
        return picture
    titles: dict[int, list[str]] = {}
    for i, time_ms in enumerate(picture["times"]):
        begin, end = time_ms / 1000, time_ms / 1000 + picture["bin_s"]
        for span in spans:
            ended = span.ended or inf
            if span.began < end and (ended > begin if whole else span.began >= begin):
                titles.setdefault(i, []).append(span.title)
    return picture | {"disturbances": [{"i": i, "titles": names} for i, names in titles.items()]}


class Note(NamedTuple):
    """An intervention: what was changed, from when to when (POSIX seconds); null: at that moment."""

    text: str
    began: float
    ended: float | None


def noted(picture: Picture, notes: Sequence[Note]) -> Picture:
    """A chart over time with the interventions of its range: ``interventions`` has each one's text, its time and end in
    milliseconds, and the place in ``times`` of the bin in which it began (of the first bin, if it began before)."""
    if "incidents" not in picture or not picture["times"]:
        return picture
    times, bin_ms = picture["times"], picture["bin_s"] * 1000
    marks = []
    for note in notes:
        begin_ms, end_ms = note.began * 1000, (note.ended or note.began) * 1000
        if end_ms < times[0] or begin_ms >= times[-1] + bin_ms:
            continue
        i = max((i for i, time_ms in enumerate(times) if time_ms <= begin_ms), default=0)
        marks.append(
            {
                "i": i,
                "text": note.text,
                "t": max(begin_ms, times[0]),
                "end": min(end_ms, times[-1] + bin_ms) if note.ended else None,
            }
        )
    return picture | {"interventions": marks} if marks else picture


def links_of(patterns: Sequence[Pattern], selection: Selection) -> list[dict[str, Any]]:
    """Dashboards that show the place in that time: ``title``, ``dashboard`` and its query as pairs."""
    time = [("since", f"{selection.since:%Y-%m-%dT%H:%M}"), ("until", f"{selection.until:%Y-%m-%dT%H:%M}")]
    dashboard_links = []
    for place in places_of(patterns)[:_LISTED]:
        query = [*time, *_query(place.where)]
        names = ["transfers", "failures"]
        if {SOURCE.dimension, DESTINATION.dimension} <= place.where.keys():
            names.insert(0, "link")
        titles = {"link": "Link", "transfers": "Transfers", "failures": "Failures"}
        dashboard_links += [
            {"title": f"{titles[name]}: {place.label}", "dashboard": name, "query": query} for name in names
        ]
    return dashboard_links


def _query(where: Mapping[str, str]) -> list[tuple[str, str]]:
    variables = {variable.dimension: variable.name for variable in TRANSFERS}
    return [
        (f"var.{variables[name]}", value) if name in variables else ("filter", f"{name}={value}")
        for name, value in where.items()
    ]
