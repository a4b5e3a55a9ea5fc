"""A small dashboard with every kind of panel, and answers to it that a test can read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from lakescope.dashboards.model import Dashboard, Link, Listing, Number, Panel, Row
from lakescope.dashboards.pages.pictures import Answer, Picture, pictures
from lakescope.dashboards.questions import Selection
from lakescope.dashboards.variables import DESTINATION, SOURCE

SINCE = datetime(2026, 1, 5, 12, tzinfo=UTC)
SELECTION = Selection(since=SINCE, until=SINCE + timedelta(hours=1), bin_s=600)
NAMES = (
    *("constructor", "__proto__", "toString", "hasOwnProperty", "valueOf", "length"),
    *("a.b[c]", 'it\'s "q"', "back\\slash\\", "\N{RIGHT-TO-LEFT OVERRIDE}RTL", "<b>x</b>", "LONG-" * 60),
)
"""Of sites, as nobody would choose them."""
HOSTILE = "</SCRIPT><script>alert(1)</script>\"'&"
LINK = Link("link", {"source": "src_site", "destination": "dst_site"})
BY_LINK = ("src_site", "dst_site")


def dashboard(*panels: Panel) -> Dashboard:
    """A dashboard of these panels."""
    row = Row(title="All", panels=panels)
    return Dashboard(
        name="small", title="Small", question="Why?", variables=(SOURCE, DESTINATION), rows=(row,)
    )


def picture(panel: Panel, *answers: Answer, selection: Selection = SELECTION) -> Picture:
    """What is drawn of one panel."""
    (found,) = pictures(dashboard(panel), selection, answers)
    return found


def panel(kind: Any, *kpis: str, by: tuple[str, ...] = (), **rest: Any) -> Panel:
    """A panel of these KPIs."""
    return Panel(title=f"A {kind}", kind=kind, numbers=tuple(Number(kpi=kpi, by=by) for kpi in kpis), **rest)


def at(bin_: int, value: float | None, **dimensions: Any) -> dict[str, Any]:
    """A row of the bin of that number."""
    return {
        "time": f"{SINCE + timedelta(minutes=10 * bin_):%Y-%m-%dT%H:%M:%SZ}",
        **dimensions,
        "value": value,
    }


EVENTS = Panel(
    title="Failed last",
    kind="events",
    listing=Listing(
        dataset="transfers", columns=("src_rse", "bytes", "error", "request_id"), where={"ok": False}
    ),
)


def every_kind(sites: int = 3, others: Sequence[str] = ()) -> tuple[Dashboard, list[Answer]]:
    """A dashboard with each kind of panel, one name hostile, and its answers; `others`: more names."""
    names = [HOSTILE, *(f"SITE-{i}" for i in range(1, sites)), *others]
    pairs = [
        {"src_site": a, "dst_site": b, "value": 0.4 + 0.6 / (1 + i)}
        for i, a in enumerate(names)
        for b in names
    ]
    over_time = [at(b, 0.3 * b % 1, src_site=name) for name in names for b in range(6) if b != 2]
    groups = [{"src_site": name, "value": 1000 * i} for i, name in enumerate(names)]
    built = dashboard(
        panel("stat", "transfer_efficiency", width=6, height=4),
        panel("matrix", "transfer_efficiency", by=BY_LINK, link=LINK),
        panel("lines", "transfer_efficiency", by=("src_site",)),
        panel("stacked", "transfers_failed", by=("src_site",)),
        panel("states", "transfer_efficiency", by=("src_site",)),
        panel("bars", "transfers_failed", by=("src_site",)),
        panel("table", "transfers_failed", "transfer_efficiency", by=BY_LINK, link=LINK),
        EVENTS,
        Panel(title="Words", kind="text", text=HOSTILE),
    )
    event = {
        "time": "2026-01-05T12:01:02.5Z",
        "src_rse": HOSTILE,
        "bytes": 2_000_000,
        "error": HOSTILE * 9,
        "request_id": "ab",
    }
    answers: list[Answer] = [
        [{"value": 0.72}], pairs, over_time, over_time, over_time, groups, pairs, pairs, [event],
    ]  # fmt: skip
    return built, answers
