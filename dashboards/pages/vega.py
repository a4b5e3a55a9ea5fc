"""Pictures as Vega-Lite: plain dictionaries. Times are in UTC.

Series are known by their index (``s``) and moments by theirs (``i``): what a name says can never become syntax,
and whoever draws finds the words for a tooltip, and the legend, beside the spec.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from lakescope.dashboards.pages.pictures import Picture
from lakescope.dashboards.pages.sheet import width_of
from lakescope.dashboards.theme import FONT, Theme
from lakescope.kpis.model import Unit
from lakescope.kpis.units import Level, scale_of

Spec = dict[str, Any]

_DASHES = [6, 3]
_DAY_MS = 86_400_000
_LABEL_PX = 220  # of a group's name at an axis
_ROW_PX = 18  # of a strip or a bar
_ONLY_WIDTH = {"type": "fit-x", "contains": "padding"}
_CELL_FONT = 10.5
_TEXT_CELLS = 14  # sites of a matrix whose cells are wide enough for their text


def is_drawable(picture: Picture) -> bool:
    """Whether there is anything in it that can be a chart."""
    return any(picture.get(part) for part in ("series", "cells")) or bool(
        picture["kind"] == "bars" and picture.get("groups")
    )


def spec(picture: Picture, theme: Theme, *, width: int = 600, height: int = 200) -> Spec:
    """A drawable picture as Vega-Lite. Bars, matrix and states are as high as their groups need instead."""
    spec = _KINDS[picture["kind"]](picture, theme)
    return {
        "description": describe(picture),
        "width": width,
        "height": height,
        "autosize": {"type": "fit", "contains": "padding"},
        "padding": 2,
        "background": "transparent",
        "config": _config(theme),
        **spec,
    }


def describe(picture: Picture) -> str:
    """A chart in words, for those who do not see it."""
    names = [str(line["name"]) for line in picture.get("series", ())]
    if not names:
        return str(picture["title"])
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    incidents = len(picture.get("incidents", ()))
    shades = (
        f"; services failed their checks in {incidents} of {len(picture['times'])} bins" if incidents else ""
    )
    if downtimes := picture.get("downtimes"):
        places = dict.fromkeys(place for one in downtimes for place in one["places"])
        shades += f"; downtimes were declared for {', '.join(places)}"
    if disturbances := picture.get("disturbances"):
        titles = dict.fromkeys(title for one in disturbances for title in one["titles"])
        shades += f"; incidents: {'; '.join(titles)}"
    if notes := picture.get("interventions"):
        shades += f"; interventions: {'; '.join(dict.fromkeys(one['text'] for one in notes))}"
    return f"{picture['title']}, over time: {', '.join(names[:12])}{more}{shades}"


class Look(NamedTuple):
    """How a series is drawn, for its legend."""

    name: str
    colour: str
    dashed: bool


def looks(picture: Picture, theme: Theme) -> list[Look]:
    """Of the series of lines and areas, in their order: each colour once, then dashed again; the rest of areas grey.

    Beside series of which more is better, one of which less is better has the colour of what is bad.
    """
    is_stacked = picture["is_summed"]
    bad = any(line["bad"] for line in picture["series"])
    colours = [colour for colour in theme.series if not (bad and colour == theme.series6)]
    layers, index = [], 0
    for line in picture["series"]:
        if line["rest"]:
            layers.append(Look(line["name"], theme.edge, False))
            continue
        again, which = divmod(index, len(colours))
        colour = theme.critical if line["bad"] else colours[which]
        layers.append(Look(line["name"], colour, bool(again and not is_stacked)))
        index += not line["bad"]
    return layers


def _config(theme: Theme) -> Spec:
    return {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": theme.muted,
            "titleColor": theme.muted,
            "gridColor": theme.line,
            "domainColor": theme.edge,
            "tickColor": theme.edge,
            "labelFontSize": 11,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "labelLimit": _LABEL_PX,
        },
    }


def _time(picture: Picture) -> Spec:
    """The time axis, from the beginning to the end of what was asked."""
    length = picture["until"] - picture["since"]
    form = "%H:%M" if length <= 1.1 * _DAY_MS else "%a %H:%M" if length <= 4 * _DAY_MS else "%d %b"
    # as expressions: Vega-Lite makes datetime(ms) of plain numbers, which Vega's interpreter does not understand
    first, last = ({"expr": str(moment)} for moment in (picture["times"][0], picture["until"]))
    return {
        "field": "t",
        "type": "temporal",
        "scale": {"type": "utc", "domainMin": first, "domainMax": last, "nice": False},
        "axis": {
            "format": form,
            "title": None,
            "grid": False,
            "labelOverlap": True,
            "labelFlush": True,
            "tickCount": 8,
        },
    }


def _lines(picture: Picture, theme: Theme) -> Spec:
    divisor, unit = _axis_unit(picture["greatest"], picture["unit"])
    values = [
        {"t": t, "s": s, "v": None if v is None else v / divisor}
        for s, line in enumerate(picture["series"])
        for t, v in zip(picture["times"], line["values"], strict=True)
    ]
    lonely = [
        {"t": picture["times"][i], "s": s, "v": line["values"][i] / divisor}
        for s, line in enumerate(picture["series"])
        for i in _alone(line["values"])
    ]
    y = {
        "field": "v",
        "type": "quantitative",
        "scale": _domain(picture, divisor),
        "axis": _values(unit, picture["greatest"], _has_only_integers(picture)),
    }
    colour, dash = _scales(picture, theme)
    x = _time(picture)
    dots = {
        "data": {"values": lonely},
        "mark": {"type": "point", "filled": True, "size": 22, "opacity": 1},
        "encoding": {"x": x, "y": y, "color": colour},
    }
    return {
        "data": {"values": values},
        "layer": [
            *_marks(picture, theme),
            *_bounds(picture, theme, divisor),
            {
                "mark": {"type": "line", "strokeWidth": 1.8},
                "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash},
            },
            *([dots] if lonely else []),
            _moments(picture, theme),
        ],
    }


def _stack(picture: Picture, theme: Theme) -> Spec:
    """Steps, a bin wide each: no sum between two bins that was never measured."""
    heights = [sum(v or 0 for v in values) for values in zip(*_values_of(picture), strict=True)]
    divisor, unit = _axis_unit(max(heights, default=0), picture["unit"])
    end = picture["times"][-1] + picture["bin_s"] * 1000
    values = [
        {"t": t, "s": s, "v": (v or 0) / divisor}
        for s, line in enumerate(picture["series"])
        for t, v in zip([*picture["times"], end], [*line["values"], line["values"][-1]], strict=True)
    ]
    colour, _ = _scales(picture, theme)
    return {
        "data": {"values": values},
        "layer": [
            *_marks(picture, theme),
            {
                "mark": {"type": "area", "interpolate": "step-after", "clip": True},
                "encoding": {
                    "x": _time(picture),
                    "y": {
                        "field": "v",
                        "type": "quantitative",
                        "stack": "zero",
                        **({} if any(heights) else {"scale": {"domain": [0, 1]}}),
                        "axis": _values(unit, max(heights, default=0), _has_only_integers(picture)),
                    },
                    "color": colour,
                    "order": {"field": "s", "type": "quantitative"},
                },
            },
            _moments(picture, theme),
        ],
    }


def _states(picture: Picture, theme: Theme) -> Spec:
    """A strip a group; where nothing is known the strip is empty."""
    bin_ms = picture["bin_s"] * 1000
    values = []
    for s, line in enumerate(picture["series"]):
        for i, (t, value) in enumerate(zip(picture["times"], line["values"], strict=True)):
            if value is not None:
                fill, _ = theme.fill(line["levels"][i], line["shares"][i])
                values.append(
                    {"t": t, "end": min(t + bin_ms, picture["until"]), "s": s, "i": i, "fill": fill}
                )
    names = [line["name"] for line in picture["series"]]
    row_px = (picture["height"] * 30 - 130) / max(1, len(names))  # as much as the panel has, in reason
    return {
        "height": round(min(36, max(_ROW_PX + 4, row_px))) * len(names),
        "autosize": _ONLY_WIDTH,
        "data": {"values": values},
        "mark": {"type": "rect"},
        "encoding": {
            "x": _time(picture),
            "x2": {"field": "end"},
            "y": _axis_of(names, "s", {"ticks": False, "domain": False}, padding=0.18),
            "color": {"field": "fill", "type": "nominal", "scale": None},
            "tooltip": [{"field": "i"}, {"field": "s"}],
        },
    }


def _bars(picture: Picture, theme: Theme) -> Spec:
    """A bar a group, its value behind it."""
    colours = {"warning": theme.warning, "critical": theme.critical}
    cells = [group["cells"][0] for group in picture["groups"]]
    values = [
        {"g": g, "share": c["share"], "text": c["text"], "fill": colours.get(c["level"], theme.good)}
        for g, c in enumerate(cells)
    ]
    names = [", ".join(group["names"]) for group in picture["groups"]]
    x = {
        "field": "share",
        "type": "quantitative",
        "scale": {"domain": [0, 1.25]},
        "axis": None,
    }  # room for the text
    return {
        "height": (_ROW_PX + 4) * len(names),
        "autosize": _ONLY_WIDTH,
        "data": {"values": values},
        "encoding": {"y": _axis_of(names, "g", {"ticks": False, "domain": False}, padding=0.25), "x": x},
        "layer": [
            {"mark": "bar", "encoding": {"color": {"field": "fill", "type": "nominal", "scale": None}}},
            {
                "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11, "color": theme.ink},
                "encoding": {"text": {"field": "text"}},
            },
        ],
    }


def _matrix(picture: Picture, theme: Theme) -> Spec:
    """Square cells; a pair that says nothing stays an empty square."""
    down, across = picture["down"], picture["across"]
    most = max(len(down), len(across))
    longest = max((width_of(cell["text"], _CELL_FONT) for cell in picture["cells"]), default=0.0)
    step = max(40, round(longest) + 8) if most <= _TEXT_CELLS else 20 if most <= 40 else 12
    values = []
    for cell in picture["cells"]:
        fill, ink = theme.fill(cell["level"], cell["share"])
        values.append({"y": cell["row"], "x": cell["column"], "text": cell["text"], "fill": fill, "ink": ink})
    pairs = [{"x": x, "y": y} for y in range(len(down)) for x in range(len(across))]
    text = {
        "mark": {"type": "text", "fontSize": _CELL_FONT},
        "encoding": {
            "text": {"field": "text"},
            "color": {"field": "ink", "type": "nominal", "scale": None},
        },
    }
    above = {
        "orient": "top",
        "labelAngle": -90 if most > _TEXT_CELLS else -40,
        "ticks": False,
        "domain": False,
    }
    return {
        "width": {"step": step},
        "height": {"step": step},
        "autosize": {"type": "pad"},
        "data": {"values": values},
        "encoding": {
            "x": _axis_of(across, "x", above, padding=0.06),
            "y": _axis_of(down, "y", {"ticks": False, "domain": False}, padding=0.06),
        },
        "layer": [
            {
                "data": {"values": pairs},
                "mark": {"type": "rect", "fill": "transparent", "stroke": theme.line, "strokeWidth": 1},
            },
            {"mark": "rect", "encoding": {"color": {"field": "fill", "type": "nominal", "scale": None}}},
            *([text] if most <= _TEXT_CELLS else []),
        ],
    }


_KINDS: dict[str, Callable[[Picture, Theme], Spec]] = {
    "lines": _lines,
    "stacked": _stack,
    "states": _states,
    "bars": _bars,
    "matrix": _matrix,
}


# --- their parts -----------------------------------------------------------------------------------------


def _axis_of(names: list[str], field: str, axis: Spec, padding: float) -> Spec:
    """Groups by their index, in the picture's order, each labelled with its name.

    The names are the labels' lookup table, written as JSON: the one place where a name meets an expression. Vega looks
    each text of an expression up among its own signals, and finds "constructor" or "toString" there: no text may be one.
    """
    table = json.dumps([f"={name}" for name in names])
    return {
        "field": field,
        "type": "ordinal",
        "scale": {"domain": list(range(len(names))), "padding": padding},
        "axis": {"title": None, "labelExpr": f"slice({table}[datum.value], 1)", **axis},
    }


def _axis_unit(greatest: float, unit: Unit) -> tuple[float, str]:
    """Counts have no unit that would stand above the axis: their numbers carry the k or M themselves."""
    return (1.0, "") if unit == "count" else scale_of(greatest, unit)


def _values(unit: str, greatest: float, is_integer: bool) -> Spec:
    """The axis of values, its unit above it, level; no half transfers where all are whole."""
    title = {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleX": 0, "titleY": -8}
    plain = {
        "tickCount": 5,
        "domain": False,
        "ticks": False,
        # six digits said outright: a precision of Vega's own writes 0.12 as 0.1
        "format": "~s" if not unit and greatest >= 1e4 else ",.6~r",
        "labelExpr": "datum.value ? datum.label : '0'",
    }
    return {"title": unit or None, **title, **plain, **({"tickMinStep": 1} if is_integer else {})}


def _has_only_integers(picture: Picture) -> bool:
    return picture["unit"] == "count" and all(v is None or v == round(v) for v in chain(*_values_of(picture)))


def _domain(picture: Picture, divisor: float) -> Spec:
    """A share of what went well fills its axis from nothing to all; everything else begins at 0."""
    if picture["share"] and picture["greatest"] <= 1:
        return {"domain": [0, 100]}
    if not picture["greatest"]:
        return {"domain": [0, 1]}  # or 0 would stand in the middle
    return {"zero": True, "nice": True}


def _bounds(picture: Picture, theme: Theme, divisor: float) -> list[Spec]:
    """Thin rules where a bound is near what is drawn; a far one would press the lines flat."""
    colours: dict[Level, str] = {"warning": theme.warning, "critical": theme.critical}
    return [
        {
            "data": {"values": [{"v": bound["value"] / divisor}]},
            "mark": {
                "type": "rule",
                "strokeDash": [2, 3],
                "strokeWidth": 1,
                "color": colours[bound["level"]],
            },
            "encoding": {"y": {"field": "v", "type": "quantitative"}},
        }
        for bound in picture["bounds"]
        if picture["share"] or bound["value"] <= 1.3 * picture["greatest"]
    ]


def _marks(picture: Picture, theme: Theme) -> list[Spec]:
    """The bins of downtimes, of services that failed their checks and of incidents, behind all else."""
    return [
        *_shade(picture, picture.get("downtimes", ()), theme.muted),
        *_shade(picture, picture.get("incidents", ()), theme.critical),
        *_shade(picture, picture.get("disturbances", ()), theme.warning),
        *_notes(picture, theme),
    ]


def _notes(picture: Picture, theme: Theme) -> list[Spec]:
    """A dashed line where an intervention began, and its time in grey where it lasted."""
    notes = picture.get("interventions", ())
    if not notes:
        return []
    spans = [{"t": one["t"], "end": one["end"]} for one in notes if one["end"] is not None]
    x = {"x": _time(picture)}
    rule = {"type": "rule", "color": theme.ink, "strokeDash": [2, 3], "strokeWidth": 1.5, "clip": True}
    rect = {"type": "rect", "color": theme.ink, "opacity": 0.06, "clip": True}
    return [
        *(
            [{"data": {"values": spans}, "mark": rect, "encoding": x | {"x2": {"field": "end"}}}]
            if spans
            else []
        ),
        {"data": {"values": [{"t": one["t"]} for one in notes]}, "mark": rule, "encoding": x},
    ]


def _shade(picture: Picture, marked: Sequence[Mapping[str, Any]], colour: str) -> list[Spec]:
    bin_ms = picture["bin_s"] * 1000
    times = [picture["times"][one["i"]] for one in marked]
    values = [{"t": t, "end": min(t + bin_ms, picture["until"])} for t in times]
    shade = {
        "data": {"values": values},
        "mark": {"type": "rect", "color": colour, "opacity": 0.14, "clip": True},
        "encoding": {"x": _time(picture), "x2": {"field": "end"}},
    }
    return [shade] if values else []


def _moments(picture: Picture, theme: Theme) -> Spec:
    """A rule at the moment next to the pointer, with the moment's index for the tooltip."""
    return {
        "data": {"values": [{"t": t, "i": i} for i, t in enumerate(picture["times"])]},
        "params": [
            {
                "name": "hover",
                "select": {
                    "type": "point",
                    "on": "pointermove",
                    "nearest": True,
                    "encodings": ["x"],
                    "clear": "pointerout",
                },
            }
        ],
        "mark": {"type": "rule", "color": theme.muted, "strokeWidth": 1},
        "encoding": {
            "x": _time(picture),
            "opacity": {"condition": {"param": "hover", "empty": False, "value": 0.6}, "value": 0},
            "tooltip": [{"field": "i"}],
        },
    }


def _scales(picture: Picture, theme: Theme) -> tuple[Spec, Spec]:
    looks_of_series = looks(picture, theme)
    domain = list(range(len(looks_of_series)))
    colours = {"domain": domain, "range": [look.colour for look in looks_of_series]}
    dashes = {"domain": domain, "range": [_DASHES if look.dashed else [1, 0] for look in looks_of_series]}
    return (
        {"field": "s", "type": "nominal", "scale": colours, "legend": None},
        {"field": "s", "type": "nominal", "scale": dashes, "legend": None},
    )


def _values_of(picture: Picture) -> list[list[float | None]]:
    return [line["values"] for line in picture["series"]]


def _alone(values: list[Any]) -> list[int]:
    """Where a value stands between two gaps: a line would not show it."""
    is_known = [False, *(value is not None for value in values), False]
    return [i for i in range(len(values)) if is_known[i + 1] and not is_known[i] and not is_known[i + 2]]
