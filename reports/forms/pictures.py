"""The charts of a report, drawn as those of the dashboards are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from lakescope.dashboards.model import Dashboard, Number, Panel, Row
from lakescope.dashboards.pages import vega
from lakescope.dashboards.pages.pictures import pictures
from lakescope.dashboards.questions import Selection
from lakescope.dashboards.theme import LIGHT
from lakescope.kpis.model import UnsupportedError
from lakescope.reports.forms.texts import readable
from lakescope.reports.model import Chart, Report

WIDTH, HEIGHT = 460, 170
"""Pixels as laid out: narrow, so that a telephone can show it and its texts are read. The PNG has twice as many."""


class Legend(NamedTuple):
    """One series of a chart."""

    name: str
    colour: str


class Drawing(NamedTuple):
    """A chart, ready to be put into a document."""

    name: str
    """Of its file, without an ending."""
    title: str
    query: int
    words: str
    """For those who do not see it."""
    legend: list[Legend]
    png: bytes
    svg: str


def draw(report: Report) -> Iterator[tuple[str, Drawing]]:
    """Name of the section and each of its charts that has anything in it."""
    import vl_convert

    since, until = (datetime.fromisoformat(text) for text in (report.period.since, report.period.until))
    for section in report.sections:
        for number, chart in enumerate(section.charts, 1):
            (picture,) = _pictures(chart, since, until)
            if not vega.is_drawable(picture):
                continue
            spec = vega.spec(picture, LIGHT, width=WIDTH, height=HEIGHT)
            svg: str = vl_convert.vegalite_to_svg(spec)
            png: bytes = vl_convert.svg_to_png(svg, scale=2)
            looks = vega.looks(picture, LIGHT)
            # one series is what the title says
            legend = [Legend(readable(look.name), look.colour) for look in looks] if len(looks) > 1 else []
            yield (
                section.name,
                Drawing(
                    name=f"{section.name}-{number}",
                    title=chart.title,
                    query=chart.query,
                    words=vega.describe(picture),
                    legend=legend,
                    png=png,
                    svg=svg,
                ),
            )


def _pictures(chart: Chart, since: datetime, until: datetime) -> list[dict[str, object]]:
    panel = Panel(
        title=chart.title, kind=chart.kind, numbers=(Number(kpi=chart.kpi, by=tuple(chart.by)),), width=24
    )
    dashboard = Dashboard(
        name="report", title="", question="", variables=(), rows=(Row(title="", panels=(panel,)),)
    )
    selection = Selection(since=since, until=until, bin_s=chart.bin_s)
    answer: list[dict[str, object]] | UnsupportedError = [dict(row) for row in chart.rows]
    return pictures(dashboard, selection, [answer])
