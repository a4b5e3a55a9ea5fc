"""Grafana's dashboards, built from the definitions for a kind of data source."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from grafanalib.core import Annotations, DashboardLink, RowPanel, Templating, Time, TimePicker
from grafanalib.core import Dashboard as GrafanaDashboard
from msgspec import Struct

from lakescope.core.columns import columns
from lakescope.dashboards.grafana._common import BIN, FILTERS, GROUP, NOISE, Builder
from lakescope.dashboards.grafana.elasticsearch import ElasticsearchBuilder, MonitBuilder
from lakescope.dashboards.grafana.extension import Json, document, options, own_filters, shortest_bin
from lakescope.dashboards.grafana.grouping import Grouping
from lakescope.dashboards.grafana.influxdb import InfluxBuilder
from lakescope.dashboards.grafana.panels import panel_of, placed
from lakescope.dashboards.model import Dashboard
from lakescope.dashboards.theme import LIGHT
from lakescope.dashboards.words import words
from lakescope.kpis import CATALOGUE, UnsupportedError
from lakescope.kpis.model import Condition

__all__ = ["SOURCES", "STORES", "Built", "Store", "build", "write"]

Store = Literal["elasticsearch", "opensearch", "influxdb", "monit"]
STORES: tuple[Store, ...] = ("elasticsearch", "opensearch", "influxdb", "monit")
SOURCES: dict[Store, str] = {
    "elasticsearch": "lakescope-records",
    "opensearch": "lakescope-records",
    "influxdb": "lakescope-metrics",
    "monit": "lakescope-monit",
}
"""Store -> uid of its data source in Grafana, unless another is said."""

TAG = "lakescope"
_BINS = ("1m", "5m", "15m", "1h", "3h", "6h", "12h", "1d", "7d")


class DashboardDocument(Struct, frozen=True):
    """A dashboard for Grafana."""

    document: dict[str, Any]
    """Its JSON model."""
    left_out: list[str]
    """What the store cannot answer, each with the reason."""

    @property
    def text(self) -> str:
        """The document as a file: sorted, indented, the same bytes each time."""
        return json.dumps(self.document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def build(dashboard: Dashboard, store: Store, source: str | None = None) -> DashboardDocument:
    """The dashboard for a data source of that kind; `source`: its uid in Grafana.

    A number that the store cannot answer is left out; a panel without any, too, and its row closes up.
    """
    builder = _builder(store)
    grouping = Grouping.of(dashboard, builder)
    variables, left_out = _variables(dashboard, builder, grouping)
    variable_names = [one.name for one in variables if one.name != BIN]
    panels: list[Any] = []
    top = 0
    for row in dashboard.rows:
        panels_of_row = []
        for panel in row.panels:
            panel_json, missing = panel_of(dashboard, grouping.panel(panel), builder, variable_names)
            left_out += missing
            if panel_json is not None:
                panels_of_row.append((panel_json, panel))
        if panels_of_row:
            heading = RowPanel(title=row.title, gridPos={"h": 1, "w": 24, "x": 0, "y": top})
            top = placed(panels_of_row, top + 1)
            panels += [
                heading,
                *(
                    one
                    for one_panel, _ in panels_of_row
                    for one in (one_panel, one_panel.below)
                    if one is not None
                ),
            ]
    for identifier, panel in enumerate(panels, 1):
        panel.id = identifier
    panel_json = GrafanaDashboard(
        uid=dashboard.uid,
        title=dashboard.title,
        description=dashboard.question,
        tags=[TAG],
        timezone="utc",
        time=Time(f"now-{dashboard.since}", "now"),
        timePicker=TimePicker(
            refreshIntervals=["30s", "1m", "5m", "15m", "1h"], timeOptions=[], hidden=False
        ),
        refresh=f"{dashboard.refresh_s}s",
        graphTooltip=1,  # one cross hair on all panels
        links=[
            DashboardLink(title="Lakescope", type="dashboards", tags=[TAG], asDropdown=True, includeVars=True)
        ],
        templating=Templating(list=variables),
        annotations=Annotations(list=_annotations(builder)),
        panels=panels,
    )
    uid = {"type": builder.type, "uid": source or SOURCES[store]}
    return DashboardDocument(document(panel_json, uid), left_out)


def write(
    out: Path, dashboards: Iterable[Dashboard], store: Store, source: str | None = None
) -> dict[str, DashboardDocument]:
    """Writes ``<uid>.json`` of each, as Grafana's provisioning reads them; what was built, by uid."""
    out.mkdir(parents=True, exist_ok=True)
    documents = {dashboard.uid: build(dashboard, store, source) for dashboard in dashboards}
    for uid, one in documents.items():
        (out / f"{uid}.json").write_text(one.text, encoding="utf-8")
    return documents


def _builder(store: Store) -> Builder:
    match store:
        case "elasticsearch":
            return ElasticsearchBuilder()
        case "opensearch":
            return ElasticsearchBuilder("grafana-opensearch-datasource")
        case "monit":
            return MonitBuilder("grafana-opensearch-datasource")
        case "influxdb":
            return InfluxBuilder()


def _variables(dashboard: Dashboard, builder: Builder, grouping: Grouping) -> tuple[list[Any], list[str]]:
    """What its panels are grouped by, the dashboard's own, functional tests in or out where they count, a viewer's own
    filters, and the shortest bin."""
    variables_json, left_out = [], []
    if grouping.choices:
        pairs = ", ".join(f"{words(name)} : {value}" for name, value in grouping.choices.items())
        variables_json.append(options(GROUP, "Group by", pairs, words(str(dashboard.group))))
    for variable in dashboard.variables:
        try:
            variables_json.append(builder.variable(variable))
        except UnsupportedError as error:
            left_out.append(f"{dashboard.name}: variable {variable.label}: {error}")
    datasets = {panel.listing.dataset for panel in dashboard.panels if panel.listing}
    has_functional_tests = any(
        column.name == "functional_test" for name in datasets for column in columns(name)
    )
    numbers = [number for panel in dashboard.panels for number in panel.numbers]
    if has_functional_tests or any(CATALOGUE[number.kpi].noise is not None for number in numbers):
        variables_json.append(options(NOISE, "Functional tests", builder.noise(), "in"))
    if builder.filters:
        variables_json.append(own_filters(FILTERS, "Filters"))
    variables_json.append(shortest_bin(BIN, "Bin", _BINS, 200))
    return variables_json, left_out


def _annotations(builder: Builder) -> list[Json]:
    """What a dip in any panel may come from: checks that found a service critical, declared downtimes, incidents, and
    interventions: each revision of one, as "Corrected: ..." or "Removed: ..."."""
    critical = builder.annotation("probes", (Condition("status", "=", "critical"),), "message")
    began = builder.annotation("downtimes", (Condition("event", "=", "began"),), "summary", until="ended")
    incidents = builder.annotation("incidents", (Condition("event", "=", "began"),), "summary")
    interventions = builder.annotation("annotations", (), "summary", until="ended")
    return [
        {"name": name, "enable": True, "hide": False, "iconColor": colour, "target": dict(one.target)}
        | dict(one.fields)
        for name, one, colour in (
            ("Critical probes", critical, LIGHT.critical),
            ("Declared downtimes", began, LIGHT.muted),
            ("Incidents", incidents, LIGHT.warning),
            ("Interventions", interventions, LIGHT.ink),
        )
    ]
