"""Where alerts' links lead: addresses that Lakescope's own pages and their data understand."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.model import Alert, Peers, Rule, Threshold
from lakescope.alerts.options import AlertOptions
from lakescope.app.links import dashboard_of, links_of, template_links
from lakescope.app.words import parse_selection
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.questions import dimensions

OPTIONS = AlertOptions(url="https://lakescope.example.org/", runbooks="https://docs.example.org")
NOON = 1_767_614_400.0  # 2026-01-05 12:00 UTC


def make_rule(kpi: str, *by: str, **more: Any) -> Rule:
    return Rule(
        name="r", title="t", kpi=kpi, condition=Threshold(above=1), window_s=7200, by=by, summary="s", description="d", **more
    )  # fmt: skip


def alert_of(rule: Rule, ended: float | None = None, **places: str) -> Alert:
    labels = {"rule": rule.name, "severity": "page", "owner": "lake", **places}
    return Alert(
        rule="r", labels=labels, annotations={}, severity="page", began=NOON, opened=NOON + 600, ended=ended
    )


@pytest.mark.parametrize(
    ("rule", "places", "page"),
    [
        (make_rule("transfer_efficiency"), {}, "lake?since=2026-01-05T10:00"),
        (
            make_rule("transfer_efficiency", "src_site", "dst_site"),
            {"src_site": "A & B", "dst_site": "Ü"},
            "link?since=2026-01-05T10:00&var.source=A%20%26%20B&var.destination=%C3%9C",
        ),
        (
            make_rule("transfer_efficiency", "dst_site", filters={"activity": ("Production", "User")}),
            {"dst_site": "A"},
            "transfers?since=2026-01-05T10:00&var.activity=Production&var.activity=User&var.destination=A",
        ),
        (
            make_rule("storage_fullness", "rse", "site", optional=("site",)),
            {"rse": "R"},
            "storage?since=2026-01-05T10:00&var.rse=R",
        ),
        (
            make_rule("network_loss", "src_host", "dst_host", peers=Peers(
                dimensions=("src_host", "dst_host"), least=5, label="host", summary="{peer}"
            )),
            {"src_host": "a", "dst_host": "b"},
            "network?since=2026-01-05T10:00&filter=src_host%3Da&filter=dst_host%3Db",
        ),
    ],
)  # fmt: skip
def test_the_dashboard_shows_the_kpi_at_the_place_and_time(
    rule: Rule, places: dict[str, str], page: str
) -> None:
    alert = alert_of(rule, **places)
    assert links_of(OPTIONS, rule, alert) == {
        "alert_url": f"https://lakescope.example.org/alerts/{alert.key}",
        "runbook_url": "https://docs.example.org/docs/runbooks/r.md",
        "dashboard_url": f"https://lakescope.example.org/dashboards/{page}",
    }


def test_an_ended_alert_ends_the_range() -> None:
    rule = make_rule("transfer_efficiency")
    url = links_of(OPTIONS, rule, alert_of(rule, ended=NOON + 7200))["dashboard_url"]
    assert url.endswith("lake?since=2026-01-05T10:00&until=2026-01-05T15:00")


def test_an_incident_has_its_page() -> None:
    alert = alert_of(make_rule("transfer_efficiency"), incident="2026-01-05/1")
    assert links_of(OPTIONS, None, alert) == {
        "runbook_url": "https://docs.example.org/docs/runbooks/incident.md",
        "dashboard_url": "https://lakescope.example.org/incidents/2026-01-05%2F1",
    }


def test_without_addresses_there_is_the_runbooks_path_alone() -> None:
    rule = make_rule("transfer_efficiency", runbook_url="https://wiki.example.org/r")
    alert = alert_of(rule)
    assert links_of(AlertOptions(), None, alert) == {"runbook_url": "docs/runbooks/incident.md"}
    assert links_of(AlertOptions(), rule, alert) == {"runbook_url": "https://wiki.example.org/r"}
    assert template_links(AlertOptions(), rule, ()) == {"runbook_url": "https://wiki.example.org/r"}


def test_where_nothing_is_published_a_runbook_is_on_lakescope_s_own_pages() -> None:
    own = AlertOptions(url="https://lakescope.example.org/")
    rule = make_rule("transfer_efficiency")
    assert links_of(own, rule, alert_of(rule))["runbook_url"] == "https://lakescope.example.org/runbooks/r"


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_the_page_of_every_rule_understands_its_address(rule: Rule) -> None:
    """Its variables are the dashboard's, and its filters are dimensions that the dashboard has."""
    alert = alert_of(rule, **dict.fromkeys(rule.by, "X"))
    address = urlsplit(links_of(OPTIONS, rule, alert)["dashboard_url"])
    dashboard = DASHBOARDS[address.path.removeprefix("/dashboards/")]
    assert dashboard is dashboard_of(rule, rule.by)
    query = parse_qsl(address.query, keep_blank_values=True)
    variables = [(key.removeprefix("var."), value) for key, value in query if key.startswith("var.")]
    assert {name for name, _ in variables} <= {one.name for one in dashboard.variables}
    filters = [value for key, value in query if key == "filter"]
    selection = parse_selection(
        dashboard,
        since=dict(query)["since"],
        variables=[f"{name}={value}" for name, value in variables],
        filters=filters,
    )
    narrowed = {one.field for one in selection.filters} | {
        one.dimension for one in dashboard.variables if one.name in selection.variables
    }
    assert narrowed == {*rule.filters, *rule.by}
    assert {one.field for one in selection.filters} <= {*dimensions(dashboard)} or not filters
