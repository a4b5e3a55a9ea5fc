"""The kinds of panels: one table of what definitions, questions, pages, previews and Grafana must know of each.

A new kind has its line here and, if it is a chart, the function in pages/vega.py that draws it. The page, the previews and
Grafana go by what its line says. A new form needs more, and that stays where it is: pages/pictures.py says what its picture
holds, page.js how that becomes elements, grafana/panels.py which of Grafana's panels shows it. These are three languages that
share no more than the form's name, so that a table of them would only list functions of other modules, which this one, the ground
of all of them, may not import.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

PanelKind = Literal["stat", "lines", "stacked", "bars", "table", "matrix", "states", "events", "text"]
"""stat: one value a number; lines, stacked: over time, a series a group; bars: a bar a group; table: a line a group
and a column a number; matrix: first dimension down, second across, cells coloured by the KPI's bounds; states: a
strip a group, coloured over time; events: the newest events themselves; text: words only."""
Form = Literal["tiles", "series", "groups", "cells", "events", "text"]

MAX_BINS = 240
"""Of a range, unless a kind has another number."""


class Kind(Struct, frozen=True, kw_only=True):
    """What a kind is."""

    form: Form
    """What its picture is made of, and the key that this stands under; ``series`` are over time."""
    grafana: str
    """Grafana's type of panel."""
    dimensions: tuple[int, int] = (0, 0)
    """How many its numbers are grouped by: at least, at most."""
    is_single: bool = False
    """It shows one number."""
    is_chart: bool = False
    """The page draws it by Vega; else as elements whose parts are links."""
    has_axis: bool = False
    """Its numbers share an axis of values, and a legend names its series."""
    is_summed: bool = False
    """Its series lie upon each other."""
    has_levels: bool = False
    """Its colours are levels, explained below it; series are in the order of their names."""
    keeps_least: bool = False
    """Where not all groups fit, the least matter of whatever is good when it is high; else of shares only."""
    bins_max: int = MAX_BINS
    """Unless its viewer wants finer ones."""
    series_max: int = 12
    """Six colours, each in two ways (dashed or not), are told apart; of areas only the six."""

    @property
    def is_over_time(self) -> bool:
        """Whether it has a time axis."""
        return self.form == "series"


KINDS: dict[PanelKind, Kind] = {
    "stat": Kind(form="tiles", grafana="stat", is_single=True),
    "lines": Kind(
        form="series", grafana="timeseries", dimensions=(0, 1), is_chart=True, has_axis=True, keeps_least=True
    ),
    "stacked": Kind(
        form="series",
        grafana="timeseries",
        dimensions=(0, 1),
        is_chart=True,
        has_axis=True,
        is_summed=True,
        series_max=6,
    ),
    "bars": Kind(form="groups", grafana="table", dimensions=(1, 1), is_single=True),
    "table": Kind(form="groups", grafana="table", dimensions=(1, 3)),
    "matrix": Kind(form="cells", grafana="table", dimensions=(2, 2), is_single=True, has_levels=True),
    "states": Kind(
        form="series",
        grafana="status-history",
        dimensions=(1, 1),
        is_single=True,
        is_chart=True,
        has_levels=True,
        keeps_least=True,
        bins_max=100,  # what is reported every quarter of an hour shall leave no gaps
        series_max=100,
    ),
    "events": Kind(form="events", grafana="table"),
    "text": Kind(form="text", grafana="text"),
}
