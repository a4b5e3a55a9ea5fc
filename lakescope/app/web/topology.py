"""The topology as a page, ``/topology``: map, RSEs with their protocols and states, distances, and what changed in CRIC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import cos, radians
from typing import Any

from fastapi import APIRouter, Response

from lakescope.app.sync import LatestPlan
from lakescope.app.web.markup import html_of, minute, part, table
from lakescope.app.web.pages import SECURITY
from lakescope.app.web.viewing import Viewed, damaged
from lakescope.core.printable import rfc3339
from lakescope.core.state_files import DamagedStateError
from lakescope.dashboards.pages import page
from lakescope.sync.plan import summary, value_text
from lakescope.sync.topology import Snapshot, Version, records_of

LINES_MAX = 500
"""Most lines of the history on the page."""
MATRIX_MAX = 60
"""Most RSEs whose distances are a matrix: beyond it nobody can read one."""
_NO_SOURCE = (
    "<p>No document of CRIC has been read: name it as <code>rses</code> of <code>[topology]</code>.</p>"
)


def router() -> APIRouter:
    """The page."""
    router = APIRouter()

    @router.get("/topology", include_in_schema=False)
    def topology(view: Viewed) -> Response:
        snapshot, history, latest = view.topology()
        drift = html_of(damaged(view, latest)) if isinstance(latest, DamagedStateError) else _drift(latest)
        content = _page(snapshot, history, drift)
        html = page.html("topology", "dashboards/", f'<div class="report story">{content}</div>')
        return Response(html, 200, SECURITY | {"cache-control": "no-cache"}, media_type="text/html")

    return router


def _page(snapshot: Snapshot | None, history: Sequence[Version], drift: str) -> str:
    """`drift`: HTML."""
    if snapshot is None:
        return _NO_SOURCE
    records = {
        str(name): record
        for name, record in records_of(snapshot.document).items()
        if isinstance(record, Mapping)
    }
    facts = (
        f"<p>Version {snapshot.version} of {html_of(minute(snapshot.at))} UTC, {len(records)} RSEs, from"
        f" {html_of(snapshot.source)}</p>"
    )
    return "".join(
        (
            facts,
            _map(records),
            f"<p>{drift}</p>" if drift else "",
            _rses(records),
            _matrix(snapshot.document.get("distances"), list(records)),
            _history(history),
        )
    )


def _map(records: Mapping[str, Mapping[str, Any]]) -> str:
    """Sites with their RSEs on Natural Earth's outlines (public domain, 1:110 million), as large as the lake is."""
    places: dict[tuple[float, float], list[str]] = {}
    for name, record in records.items():
        try:
            where = (round(float(record["longitude"]), 2), round(float(record["latitude"]), 2))
        except (KeyError, TypeError, ValueError):
            continue
        if abs(where[0]) <= 180 and abs(where[1]) <= 90:
            places.setdefault(where, []).append(name)
    if not places:
        return ""
    low, high = min(y for _, y in places) - 4, max(y for _, y in places) + 4
    shrink = max(0.2, cos(radians((low + high) / 2)))  # degrees of longitude are shorter there
    left, right = shrink * (min(x for x, _ in places) - 6), shrink * (max(x for x, _ in places) + 6)
    width, height = right - left, high - low
    radius = max(width, height) / 110
    dots = []
    labels: list[tuple[float, float, float]] = []
    for (longitude, y), names in sorted(places.items()):
        x = shrink * longitude
        site = str(records[names[0]].get("site") or names[0])
        text_x, text_y = x + radius * 1.4, _free_line(labels, x, -y, len(site), radius)
        is_active = any(_state(records[one]) == "ACTIVE" for one in names)
        label = html_of(", ".join(names))
        fill = "var(--good)" if is_active else "var(--warning)"
        dots.append(
            f'<g><title>{label}</title><circle cx="{x:g}" cy="{-y:g}" r="{radius:.2f}" fill="{fill}"/>'
            f'<text x="{text_x:.2f}" y="{text_y:.2f}" font-size="{radius * 2:.2f}"'
            f' fill="currentColor">{html_of(site)}</text></g>'
        )
    return (
        '<section class="panel" aria-labelledby="h-map"><h2 id="h-map">Map</h2>'
        f'<svg class="map" role="img" aria-label="Sites of {len(records)} RSEs"'
        f' viewBox="{left:g} {-high:g} {width:g} {height:g}"><path d="{_outlines()}"'
        f' transform="scale({shrink:.4f} 1)" fill="var(--line)"'
        f' stroke="var(--card)" stroke-width="{radius / 6:.3f}"/>{"".join(dots)}</svg></section>'
    )


def _free_line(
    labels: list[tuple[float, float, float]], x: float, y: float, characters: int, radius: float
) -> float:
    """Where beside a dot its label stands, below or above those of near dots. Adds it to `labels`: left, right and line."""
    right = x + radius * (1.4 + 1.3 * characters)
    lines = [y + radius * (0.7 + 2.2 * step) for step in (0, 1, -1, 2, -2, 3, -3)]
    free_lines = [
        line
        for line in lines
        if all(
            right < other_left or other_right < x or abs(line - other) > 2 * radius
            for other_left, other_right, other in labels
        )
    ]
    line = (free_lines or lines)[0]
    labels.append((x, right, line))
    return line


@cache
def _outlines() -> str:
    return page.file("countries.txt").strip()


def _rses(records: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, record in sorted(records.items()):
        state = _state(record)
        level = "" if state == "ACTIVE" else ' data-level="warning"'
        rows.append(
            f'<th scope="row">{html_of(name)}</th>{_cell(record.get("site") or record.get("rcsite"))}'
            f"<td{level}>{html_of(state)}</td>{_cell(record.get('country_name'))}{_cell(record.get('rse_type') or 'DISK')}"
            f"{_cell(', '.join(_protocols(record)))}"
        )
    return part("rses", "RSEs", table("rses", ("RSE", "site", "state", "country", "type", "protocols"), rows))


def _protocols(record: Mapping[str, Any]) -> Iterable[str]:
    protocols = record.get("protocols") or ()
    for one in protocols.values() if isinstance(protocols, Mapping) else protocols:
        if isinstance(one, Mapping):
            yield (
                f"{one.get('scheme') or one.get('flavour')}://{one.get('hostname') or one.get('endpoint')}"
                + (f":{one['port']}" if one.get("port") else "")
            )


def _matrix(distances: Any, names: list[str]) -> str:
    if not isinstance(distances, Mapping) or not distances:
        return ""
    if len(names) > MATRIX_MAX:
        count = sum(len(ends) for ends in distances.values() if isinstance(ends, Mapping))
        return f"<p>{count} distances: too many for a matrix. <code>lakescope sync rses --json</code> has what differs.</p>"
    names = sorted(names)
    rows = []
    for source in names:
        cells = []
        for destination in names:
            ends = distances.get(source)
            record = ends.get(destination) if isinstance(ends, Mapping) else None
            value = record.get("distance", record.get("ranking")) if isinstance(record, Mapping) else record
            cells.append(f'<td class="num">{"" if value is None else html_of(str(value))}</td>')
        rows.append(f'<th scope="row">{html_of(source)}</th>{"".join(cells)}')
    return part("distances", "Distances", table("distances", ("from, to", *names), rows))


def _drift(latest: LatestPlan | None) -> str:
    if latest is None:
        return ""
    text = f"{summary(latest.plan)} ({minute(rfc3339(latest.at))} UTC)"
    return f'{html_of(text)}. <a href="syncs/rses">The plan</a>'


def _history(history: Sequence[Version]) -> str:
    rows = []
    for version in reversed(history):
        for change in version.changes:
            cells = (
                change.kind,
                change.object,
                change.part,
                value_text(change.before),
                value_text(change.after),
            )
            rows.append("".join(map(_cell, (minute(version.at), version.name, *cells))))
        if version.more:
            rows.append(
                "".join(
                    map(_cell, (minute(version.at), version.name, f"{version.more} more", "", "", "", ""))
                )
            )
    if not rows:
        return "<p>CRIC's documents have not changed since they were first read.</p>"
    heads = ("read (UTC)", "document", "what", "object", "part", "before", "after")
    return part("history", "Changes in CRIC", table("history", heads, rows[:LINES_MAX]))


def _cell(value: Any) -> str:
    return f"<td>{'' if value is None else html_of(str(value))}</td>"


def _state(record: Mapping[str, Any]) -> str:
    return str(record.get("state") or "ACTIVE").upper()
