"""grafanalib as Grafana 12 wants it: the one place that knows what of the library is out of date.

grafanalib 0.7.1 speaks the dashboard schema of 2015 (12) and leans on Grafana's migrations. Here are the targets
and panels that it lacks, and `document`, which mends what it writes. Every panel is checked in tests against
Grafana's own schemas (grafana-foundation-sdk and @grafana/schema).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attr
from grafanalib._gen import DashboardEncoder
from grafanalib.core import Dashboard, Panel, Target, Template

from lakescope.dashboards.model import Variable

Json = dict[str, Any]

SCHEMA_VERSION = 42
"""The last one of the classic dashboard model; Grafana 12 and 13 take it without a migration."""

_attrs: Any = attr.s(auto_attribs=True, kw_only=True)
"""Of type Any: grafanalib has no types, and mypy would know of a subclass's own attributes only."""

# --- targets ---------------------------------------------------------------------------------------------


@_attrs
class ElasticsearchTarget(Target):  # type: ignore[misc]
    """A query of ``elasticsearch`` or ``grafana-opensearch-datasource``."""

    query: str
    timeField: str  # noqa: N815 - Grafana's
    metrics: list[Json]
    bucketAggs: list[Json] = attr.Factory(list)  # noqa: N815
    alias: str = ""

    def to_json_data(self) -> Json:
        """The query model (dataquery.cue of the plugin)."""
        return {
            "refId": self.refId,
            "query": self.query,
            "alias": self.alias,
            "timeField": self.timeField,
            "metrics": self.metrics,
            "bucketAggs": self.bucketAggs,
        }


@_attrs
class InfluxTarget(Target):  # type: ignore[misc]
    """A raw InfluxQL query of ``influxdb``."""

    query: str
    resultFormat: str  # noqa: N815
    alias: str = ""

    def to_json_data(self) -> Json:
        """The query model (public/app/plugins/datasource/influxdb/types.ts)."""
        return {
            "refId": self.refId,
            "query": self.query,
            "rawQuery": True,
            "alias": self.alias,
            "resultFormat": self.resultFormat,
        }


# --- panels ----------------------------------------------------------------------------------------------


@_attrs
class PanelOf(Panel):  # type: ignore[misc]
    """A panel of a type whose class in grafanalib is missing or of an older Grafana."""

    type: str
    options: Json = attr.Factory(dict)
    defaults: Json = attr.Factory(dict)
    """fieldConfig.defaults."""
    overrides: list[Json] = attr.Factory(list)
    below: PanelOf | None = None
    """A small panel that takes its lowest lines."""

    def to_json_data(self) -> Json:
        """The panel's JSON."""
        panel_json: Json = self.panel_json({"type": self.type, "options": self.options})
        panel_json["fieldConfig"] = {"defaults": self.defaults, "overrides": self.overrides}
        return panel_json


LEGEND: Json = {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []}
NO_LEGEND: Json = LEGEND | {"showLegend": False}
TOOLTIP: Json = {"mode": "multi", "sort": "desc"}


def cell(kind: str) -> Json:
    """How a table's cell shows its value: auto, color-background, color-text, ..."""
    return {"cellOptions": {"type": kind} | ({"mode": "basic"} if kind == "color-background" else {})}


def override(matcher: str, of: str, properties: Mapping[str, object]) -> Json:
    """What holds for some columns or series only; `matcher`: byName, byFrameRefID, byType, ..."""
    return {
        "matcher": {"id": matcher, "options": of},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


# --- variables -------------------------------------------------------------------------------------------


@_attrs
class Choice(Template):  # type: ignore[misc]
    """A template variable without the keys that Grafana no longer has."""

    current: Json
    auto_count: int | None = None
    static: Json | None = None

    def __attrs_post_init__(self) -> None:
        """grafanalib would make `current` of a default."""

    def to_json_data(self) -> Json:
        """The variable's JSON; null is left out."""
        variable_json = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "datasource": self.dataSource,
            "query": self.query,
            "current": self.current,
            "options": self.options,
            "hide": self.hide,
            "multi": self.multi,
            "includeAll": self.includeAll,
            "allValue": self.allValue,
            "staticOptions": [self.static] if self.static else None,
            "staticOptionsOrder": "after" if self.static else None,
            "refresh": self.refresh,
            "sort": self.sort if self.type == "query" else None,
            "regex": "" if self.type == "query" else None,
            "auto": True if self.auto_count else None,
            "auto_count": self.auto_count,
            "auto_min": self.autoMin if self.auto_count else None,
            "skipUrlSync": False,
        }
        return {key: value for key, value in variable_json.items() if value is not None}


@_attrs
class AdHoc(Choice):
    """A variable of a viewer's own filters."""

    def to_json_data(self) -> Json:
        """The variable's JSON."""
        return {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "hide": self.hide,
            "skipUrlSync": False,
        }


def choice(variable: Variable, query: str, everything: str, unknown: str) -> Choice:
    """A variable whose values are looked up; `everything`: the text that stands for all of them; `unknown`: the value that
    stands for having none, which no look-up finds (Grafana 12.2 shows it, older ones take it from a link only)."""
    return Choice(
        name=variable.name,
        label=variable.label,
        type="query",
        query=query,
        current={"text": ["All"], "value": ["$__all"]},
        multi=True,
        includeAll=True,
        allValue=everything,
        static={"text": "unknown", "value": unknown},
        refresh=2,  # whenever the range changes
        sort=1,  # by name
    )


def options(name: str, label: str, values: str, text: str) -> Choice:
    """A variable with fixed values, ``text : value, ...``; `text`: the one that holds at first."""
    pairs = dict(one.strip().split(" : ", 1) for one in values.split(","))
    options_json = [{"text": key, "value": value, "selected": key == text} for key, value in pairs.items()]
    current = {"text": text, "value": pairs[text]}
    return Choice(
        name=name, label=label, type="custom", query=values, options=options_json, current=current, refresh=0
    )


def own_filters(name: str, label: str) -> Choice:
    """What a viewer adds as ``field = value``; Grafana puts it into every query of the data source."""
    return AdHoc(name=name, label=label, type="adhoc", query="", current={}, refresh=0)


def shortest_bin(name: str, label: str, values: Sequence[str], bins: int) -> Choice:
    """The shortest bin; at first so long that a range has some `bins`."""
    auto = {"text": "auto", "value": f"$__auto_interval_{name}"}
    document = [auto | {"selected": True}, *({"text": v, "value": v, "selected": False} for v in values)]
    return Choice(
        name=name,
        label=label,
        type="interval",
        query=",".join(values),
        options=document,
        current=auto,
        refresh=2,
        auto_count=bins,
        autoMin="1m",
    )


# --- the build step --------------------------------------------------------------------------------------

_DEAD_OF_DASHBOARD = (
    "__inputs",
    "rows",
    "style",
    "hideControls",
    "sharedCrosshair",
    "gnetId",
    "id",
    "version",
)
_DEAD_OF_PANEL = (
    *("cacheTimeout", "editable", "error", "height", "hideTimeOverride", "minSpan", "span", "maxPerRow"),
    *("repeat", "repeatDirection", "timeFrom", "timeShift", "links", "transparent"),
)
_NULL_MATTERS = ("value",)
"""A threshold's first step begins at null."""


def document(dashboard: Dashboard, source: Mapping[str, str]) -> Json:
    """The dashboard as Grafana's schema 42 has it, the same bytes each time; `source`: data source as {type, uid}.

    Raises `ValueError` for a dashboard without uid.
    """
    if not dashboard.uid:
        raise ValueError(f"dashboard {dashboard.title!r} needs a uid: links and updates go by it")
    document: Json = json.loads(json.dumps(dashboard.to_json_data(), cls=DashboardEncoder))
    for key in _DEAD_OF_DASHBOARD:
        document.pop(key, None)
    document |= {"schemaVersion": SCHEMA_VERSION, "editable": True, "preload": False}
    document["annotations"]["list"] = [_with_source(one, source) for one in document["annotations"]["list"]]
    document["templating"]["list"] = [
        _with_source(one, source) if one["type"] in ("query", "adhoc") else one
        for one in document["templating"]["list"]
    ]
    document["panels"] = [_panel(panel, source) for panel in document["panels"]]
    document["timepicker"] = {"refresh_intervals": document["timepicker"]["refresh_intervals"]}
    for link in document["links"]:
        link.pop("uri", None)
        link.setdefault("url", "")
    return document


def panels_of(document: Json) -> Iterator[Json]:
    """All panels of a document but its rows' headings."""
    return (panel for panel in document["panels"] if panel["type"] != "row")


def _with_source(part: Json, source: Mapping[str, str]) -> Json:
    return part | {"datasource": dict(source)}


def _panel(panel: Json, source: Mapping[str, str]) -> Json:
    for key in _DEAD_OF_PANEL:
        panel.pop(key, None)
    kind = panel["type"]
    if kind == "row":
        return {key: panel[key] for key in ("id", "type", "title", "gridPos", "collapsed", "panels")}
    if kind == "text":
        panel = {key: value for key, value in panel.items() if key not in ("targets", "transformations")}
        panel.pop("fieldConfig", None)
    else:
        panel = _with_source(panel, source)
        panel["targets"] = [_with_source(target, source) for target in panel["targets"]]
    result: Json = _without_null(panel)
    return result


def _without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_null(one) for key, one in value.items() if one is not None or key in _NULL_MATTERS
        }
    return [_without_null(one) for one in value] if isinstance(value, list) else value
