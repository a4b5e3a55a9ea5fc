"""Where an alert's links lead: its runbook, and the dashboard that shows its KPI at its place and time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from urllib.parse import quote

from lakescope.alerts.configured import page
from lakescope.alerts.model import Alert, Rule
from lakescope.alerts.options import AlertOptions
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.definitions.link import LINK
from lakescope.dashboards.model import Dashboard
from lakescope.kpis import CATALOGUE
from lakescope.kpis.model import HOUR
from lakescope.kpis.units import duration_text

INCIDENTS = "docs/runbooks/incident.md"
OWN = "docs/how-to/alerts.md"
"""Of alerts of Lakescope itself."""


def links_of(options: AlertOptions, rule: Rule | None, alert: Alert) -> dict[str, str]:
    """An alert's annotations `runbook_url`, `dashboard_url` and `alert_url`; the last two only with `[alerts] url`.

    `alert_url` is its own page, to acknowledge and silence it; an incident's `dashboard_url` is that page. Without a rule the
    alert is an incident's. A runbook is a path where nothing says at which address it is published.
    """
    if rule is None:
        path = f"incidents/{quote(alert.labels.get('incident', ''), '')}"
        return _links(options, page(options, INCIDENTS), path)
    since = datetime.fromtimestamp(alert.began - max(rule.window_s, HOUR), UTC)
    span = f"since={since:%Y-%m-%dT%H:%M}"
    if alert.ended is not None:
        span += f"&until={datetime.fromtimestamp(alert.ended + HOUR, UTC):%Y-%m-%dT%H:%M}"
    places = {name: value for name, value in alert.labels.items() if name in rule.labels}
    own = {} if options.url is None else {"alert_url": f"{options.url}/alerts/{alert.key}"}
    return _links(options, _runbook(options, rule), _dashboard(rule, span, places, _quoted)) | own


def template_links(options: AlertOptions, rule: Rule | None, labels: Iterable[str]) -> dict[str, str]:
    """The same for the rules of Prometheus, which fills in the values of its alerts' labels."""
    names = [*labels]
    if rule is None:
        if "incident" in names:
            return _links(options, page(options, INCIDENTS), "incidents/{{ $labels.incident }}")
        return _links(options, page(options, OWN), "incidents")
    span = f"since={duration_text(rule.window_s + HOUR).replace(' ', '')}"
    places = {name: f"$labels.{name}" for name in names}
    return _links(options, _runbook(options, rule), _dashboard(rule, span, places, _filled_in))


def _quoted(key: str, value: str) -> str:
    return f"&{key}{quote(value, '')}"


def _filled_in(key: str, value: str) -> str:
    return f"{{{{ with {value} }}}}&{key}{{{{ . | urlquery }}}}{{{{ end }}}}"


def dashboard_of(rule: Rule, labels: Collection[str]) -> Dashboard:
    """The dashboard that shows a rule's KPI, or another number of its dataset, and can be narrowed by most of its labels."""
    kpi = CATALOGUE[rule.kpi]

    def fitness(dashboard: Dashboard) -> tuple[bool, bool, int, bool]:
        kpis = _kpis_of(dashboard)
        narrowed = {variable.dimension for variable in dashboard.variables} & {*labels, *rule.filters}
        both_ends = {"src", "dst"} <= {name.partition("_")[0] for name in narrowed}
        return (
            kpi.name in kpis,
            any(CATALOGUE[name].dataset == kpi.dataset for name in kpis),
            len(narrowed),
            (dashboard is LINK) == both_ends,
        )

    return max(DASHBOARDS.values(), key=fitness)  # of equal ones the first


def _kpis_of(dashboard: Dashboard) -> set[str]:
    numbers = {number.kpi for panel in dashboard.panels for number in panel.numbers}
    listings = (panel.listing for panel in dashboard.panels)
    return numbers | {one.counted_by for one in listings if one and one.counted_by}


def _dashboard(rule: Rule, span: str, places: Mapping[str, str], write: Callable[[str, str], str]) -> str:
    """Path and query of the dashboard, narrowed by what the rule is about and by its labels."""
    dashboard = dashboard_of(rule, places)
    variables = {one.dimension: one.name for one in dashboard.variables}
    dimensions = CATALOGUE[rule.kpi].dimensions
    keys = {name: f"filter={name}%3D" for name in dimensions} | {
        name: f"var.{variable}=" for name, variable in variables.items()
    }
    fixed = [
        _quoted(keys[name], value)
        for name, values in rule.filters.items()
        for value in ((values,) if isinstance(values, str) else values)
    ]
    own = [write(keys[name], value) for name, value in places.items() if name in keys]
    return f"dashboards/{dashboard.name}?{span}{''.join([*fixed, *own])}"


def _runbook(options: AlertOptions, rule: Rule) -> str:
    return rule.runbook_url or page(options, rule.runbook)


def _links(options: AlertOptions, runbook: str, path: str) -> dict[str, str]:
    dashboard = {} if options.url is None else {"dashboard_url": f"{options.url}/{path}"}
    return {"runbook_url": runbook} | dashboard
