"""The files for Prometheus and Alertmanager, judged by promtool, amtool and the servers themselves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydantic import SecretStr

from lakescope.alerts.catalogue import RULES as CATALOGUE_OF_RULES
from lakescope.alerts.inhibition import MUTE
from lakescope.alerts.model import Alert, Rule, Threshold
from lakescope.alerts.options import AlertOptions
from lakescope.alerts.prometheus.files import write_files
from lakescope.alerts.prometheus.gauges import (
    COMPLETENESS,
    DOWNTIME,
    INCIDENT,
    STATE,
    STATES,
    THRESHOLD,
    VALUE,
)
from lakescope.alerts.prometheus.rules import DEAD_MANS_SWITCH
from lakescope.alerts.receivers.alertmanager import AlertmanagerOptions
from lakescope.alerts.receivers.chat import MattermostOptions, SlackOptions
from lakescope.alerts.receivers.mail import MailOptions
from lakescope.alerts.receivers.pagerduty import PagerdutyOptions
from lakescope.alerts.receivers.webhook import WebhookOptions
from lakescope.alerts.routing import Receipts, Subscription, due
from lakescope.app.links import template_links
from lakescope.core.options import Options
from tests.contract._http import Answer, HttpServer
from tests.e2e import _commands
from tests.e2e._lakescope import until
from tests.servers._process import ServerError
from tests.servers.alertmanager import Alertmanager, amtool
from tests.servers.fixtures import StartServer
from tests.servers.prometheus import Prometheus, promtool

NOON = 1_767_614_400.0  # Monday, 2026-01-05 12:00 UTC


def make_rule(name: str, *by: str, **more: Any) -> Rule:
    defaults: dict[str, Any] = {
        "title": "Transfers fail",
        "kpi": "transfer_efficiency",
        "condition": Threshold(below=0.2),
        "window_s": 3600,
        "summary": "{value} of transfers work, expected {threshold} in {window}",
        "description": "Look at the doors first.",
    }
    return Rule(name=name, by=by, **defaults | more)


RULES = [
    make_rule(
        "link_failing",
        "src_site",
        "dst_site",
        severity="page",
        summary="{src_site} to {dst_site}: {value} < {threshold}",
    ),
    make_rule("source_failing", "src_site", severity="page", owner="site"),
    make_rule("lake_failing", severity="page"),
    make_rule("site_down", "site", kpi="probe_availability", severity="page", owner="site"),
    make_rule("disk_full", "rse", kpi="storage_free", owner="storage"),
    make_rule("loss", "src_site", "dst_site", kpi="network_loss", owner="network"),
    make_rule("off", enabled=False),
]

RECEIVERS: Mapping[str, Options] = {
    "chat": SlackOptions(url=SecretStr("http://127.0.0.1:9/services/T0KEN")),
    "matter": MattermostOptions(url=SecretStr("http://127.0.0.1:9/hooks/x"), channel="ops"),
    "mail": MailOptions(
        host="smtp.example.org",
        sender="l@example.org",
        to=["o@example.org"],
        username="u",
        password=SecretStr("p"),
    ),
    "pager": PagerdutyOptions(routing_key=SecretStr("r" * 32)),
    "hook": WebhookOptions(url=SecretStr("http://127.0.0.1:9/"), token=SecretStr("t")),
    "lead": WebhookOptions(url=SecretStr("http://127.0.0.1:9/lead"), proxy="http://127.0.0.1:10"),
}

HOSTILE = "<script>alert('x')</script>\n{{ .Labels }} \u202eevil" + "W" * 200
SUBSCRIPTIONS = {
    "pages": Subscription(
        receivers=["pager"], severities=["page"], escalate_after_s=1800, escalate_to=["lead"]
    ),
    "switch": Subscription(receivers=["hook"], rules=[DEAD_MANS_SWITCH]),
    "site-a": Subscription(
        receivers=["mail"], sites=["A", "A-*"], quiet_hours="22:00-07:00", quiet_days=["sat", "sun"]
    ),
    "mails": Subscription(receivers=["mail", "chat"], owners=["storage"], rses=["A?_DISK", 'B"\\x', HOSTILE]),
    "digest": Subscription(receivers=["matter"], digest="23:55", timezone="Europe/Zurich"),
    "escape": Subscription(receivers=["chat"], vos=["escape"], activities=["Production (input)"]),
}


PAGES = AlertOptions(url="https://lakescope.example.org", runbooks="https://docs.example.org")


def build(
    out: Path,
    receivers: Mapping[str, Options] = RECEIVERS,
    subscriptions: Mapping[str, Subscription] = SUBSCRIPTIONS,
) -> list[str]:
    return write_files(out, RULES, receivers, subscriptions, partial(template_links, PAGES))[1]


def test_files_are_made_anew_and_secrets_are_their_owners(tmp_path: Path) -> None:
    for name, text in (("gone.yml", "# Written by `lakescope alerts build"), ("own.yml", "groups: []\n")):
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "rules" / name).write_text(
            text + " --for prometheus`: changes are overwritten.\n" * (name[0] == "g")
        )
    assert build(tmp_path) == []
    names = sorted(path.name for path in (tmp_path / "rules").iterdir())
    assert names == ["lake.yml", "lakescope.yml", "network.yml", "own.yml", "site.yml", "storage.yml"]
    assert (tmp_path / "alertmanager.yml").stat().st_mode & 0o777 == 0o600
    assert "T0KEN" in (tmp_path / "alertmanager.yml").read_text()


def test_what_alertmanager_cannot_do_is_told(tmp_path: Path) -> None:
    receivers = {
        "am": AlertmanagerOptions(urls=["http://127.0.0.1:9"]),
        "hook": WebhookOptions(
            url=SecretStr("http://127.0.0.1:9/"), token=SecretStr("t"), token_header="X-Token"
        ),
        "mail": MailOptions(
            host="h", sender="l@example.org", to=["o@example.org"], security="tls", port=4650
        ),
    }
    faults = build(tmp_path, receivers, {"all": Subscription(receivers=["am", "hook", "mail"])})
    assert [fault.partition(" is left out: ")[0] for fault in faults] == [
        f"receiver {name}" for name in receivers
    ]


@pytest.mark.server("prometheus")
def test_every_rule_is_one_that_prometheus_takes(tmp_path: Path) -> None:
    build(tmp_path)
    files = sorted((tmp_path / "rules").glob("*.yml"))
    promtool("check", "rules", *files)
    for path in files:
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                own = {"completeness"} if path.name != "lakescope.yml" else set()
                assert set(rule["annotations"]) == own | {
                    "summary",
                    "description",
                    "runbook_url",
                    "dashboard_url",
                }
                assert rule["labels"]["severity"] in ("page", "ticket", "none")
                assert rule["alert"] != "off"


CONFIGURATION = """
[collectors.push]
type = "http"
[sinks.store]
type = "duckdb"
[alerts]
url = "https://lakescope.example.org"
runbooks = "https://docs.example.org"
[alerts.receivers.chat]
type = "slack"
url = "https://hooks.example.org/T0KEN"
[alerts.receivers.oncall]
type = "pagerduty"
routing_key = "01234567890123456789012345678901"
[alerts.subscriptions.pages]
receivers = ["oncall"]
severities = ["page"]
[alerts.subscriptions.all]
receivers = ["chat"]
[[objectives]]
kpi = "transfer_efficiency"
target = 0.98
by = ["dst_site"]
"""


def command(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return _commands.lakescope("alerts", *arguments, "-c", folder / "l.toml")


@pytest.mark.server("prometheus")
@pytest.mark.server("alertmanager")
def test_the_command_writes_what_promtool_and_amtool_take(tmp_path: Path) -> None:
    """The whole catalogue, and an objective; each rule with its pages."""
    (tmp_path / "l.toml").write_text(CONFIGURATION)
    out = tmp_path / "out"
    built = command(tmp_path, "build", "--for", "prometheus", "--out", out)
    assert (built.returncode, built.stderr) == (0, "")
    files = sorted((out / "rules").glob("*.yml"))
    assert {str(path) for path in files} < {*built.stdout.splitlines()}
    promtool("check", "rules", *files)
    amtool("check-config", out / "alertmanager.yml")
    documents = [yaml.safe_load(path.read_text()) for path in files if path.name != "lakescope.yml"]
    built_rules = {
        one["alert"]: one for file in documents for group in file["groups"] for one in group["rules"]
    }
    objective = {f"objective_transfer_efficiency_{window}" for window in ("1h", "6h", "3d")}
    assert built_rules.keys() == {*CATALOGUE_OF_RULES} | objective
    for name, rule in built_rules.items():
        page = "objective" if name in objective else name
        assert rule["annotations"]["runbook_url"] == f"https://docs.example.org/docs/runbooks/{page}.md"
        assert rule["annotations"]["dashboard_url"].startswith("https://lakescope.example.org/dashboards/")


@pytest.mark.server("prometheus")
def test_every_text_of_the_catalogue_is_filled_in_by_prometheus(tmp_path: Path) -> None:
    """Each rule with one firing group: its annotations come without an error of a template."""
    write_files(tmp_path, CATALOGUE_OF_RULES.values(), {}, {}, partial(template_links, PAGES))
    tests = [
        {
            "interval": "1m",
            "input_series": [
                series(gauge, f"{value}x9", rule=name, **dict.fromkeys(rule.by, "X"))
                for gauge, value in ((STATE, STATES["firing"]), (VALUE, 1), (THRESHOLD, 2), (COMPLETENESS, 1))
            ],
            "alert_rule_test": [expect(name, "2m")],
        }
        for name, rule in CATALOGUE_OF_RULES.items()
    ]
    (tmp_path / "tests.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules/*.yml"], "evaluation_interval": "1m", "tests": tests})
    )
    with pytest.raises(
        ServerError
    ) as failed:  # all fire, and none was expected: so promtool prints what it got
        promtool("test", "rules", tmp_path / "tests.yml")
    got = str(failed.value)
    for name, rule in CATALOGUE_OF_RULES.items():
        assert f'runbook_url="https://docs.example.org/{rule.runbook}"' in got, name
    for fault in ("error expanding", "error executing", "error parsing", "no value", "<no value>"):
        assert fault not in got.lower()


def test_the_command_explains_a_rule_and_suggests_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "l.toml").write_text(CONFIGURATION)
    shown = command(tmp_path, "explain", "transfer_efficiency_lake")
    assert shown.returncode == 0, shown.stderr
    for text in ("when the value is below 30 %", "oncall (subscription pages)", "chat (subscription all)"):
        assert text in shown.stdout
    wrong = command(tmp_path, "explain", "transfer_eficiency_lake")
    assert wrong.returncode == 2
    assert "no rule 'transfer_eficiency_lake'; did you mean transfer_efficiency_lake?" in wrong.stderr


def test_what_the_files_lack_is_reported_with_exit_code_1(tmp_path: Path) -> None:
    text = CONFIGURATION.replace('url = "https://lakescope.example.org"\n', "")
    text += '[alerts.receivers.am]\ntype = "alertmanager"\nurls = ["http://127.0.0.1:9"]\n'
    (tmp_path / "l.toml").write_text(text)
    built = command(tmp_path, "build", "--out", tmp_path / "out")
    assert built.returncode == 1
    assert "without [alerts] url there are no links to dashboards" in built.stderr
    assert "receiver am is left out: Alertmanager has no receiver of this type" in built.stderr


def series(name: str, values: str, /, **labels: str) -> dict[str, str]:
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return {"series": f"{name}{{{text}}}", "values": values}


def expect(alert: str, at: str, *expected: dict[str, Any]) -> dict[str, Any]:
    return {"eval_time": at, "alertname": alert, "exp_alerts": list(expected)}


@pytest.mark.server("prometheus")
def test_comparisons_by_promtool(tmp_path: Path) -> None:
    build(tmp_path)
    link = {"rule": "link_failing", "src_site": "A", "dst_site": "B 'x'"}
    of_link = {"severity": "page", "owner": "lake", "scope": "link", "topic": "transfers"} | link
    texts = {
        "summary": "A to B 'x': 12.5% < 20%",
        "description": "Look at the doors first.",
        "completeness": "87.5%",
        "runbook_url": "https://docs.example.org/docs/runbooks/link_failing.md",
        "dashboard_url": "https://lakescope.example.org/dashboards/link?since=2h&var.source=A&var.destination=B+%27x%27",
    }
    firing, clearing, unknown = STATES["firing"], STATES["clearing"], STATES["unknown"]
    one, two = {"instance": "a", "job": "l"}, {"instance": "b", "job": "l"}
    mute = own("none")
    incident = {"incident": "i1", "severity": "page", "owner": "site", "src_site": "A"}
    of_incident = {
        "summary": "Transfers fail: incident i1, 310 failed attempts",
        "description": "Its culprit, evidence and charts are on its page.",
        "runbook_url": "https://docs.example.org/docs/runbooks/incident.md",
        "dashboard_url": "https://lakescope.example.org/incidents/i1",
    }
    tests = [
        {  # from one instance to the other it stays the same alert
            "interval": "1m",
            "input_series": [
                series(STATE, f"0 1 {firing} {firing} _x6", **link, **one),
                series(STATE, f"_x4 {firing} {clearing} 0", **link, **two),
                series(VALUE, "0.125x20", **link, **one),
                series(THRESHOLD, "0.2x20", **link, **one),
                series(COMPLETENESS, "0.875x20", **link, **one),
                series(VALUE, "0.9x20", **link | {"src_site": "C"}, **one),
            ],
            "alert_rule_test": [
                expect("link_failing", "1m"),
                *(
                    expect("link_failing", at, {"exp_labels": of_link, "exp_annotations": texts})
                    for at in ("2m", "3m", "5m")
                ),
            ],
        },
        {
            "interval": "1m",
            "input_series": [series(STATE, f"_x3 {unknown}x40", rule="disk_full", rse="R")],
            "alert_rule_test": [
                expect(
                    DEAD_MANS_SWITCH, "2m", mute | {"exp_annotations": written(tmp_path, DEAD_MANS_SWITCH)}
                ),
                expect("alerts_unknown", "17m"),
                expect(
                    "alerts_unknown",
                    "18m",
                    own("page") | {"exp_annotations": written(tmp_path, "alerts_unknown")},
                ),
                expect("alerts_absent", "18m"),
            ],
        },
        {
            "interval": "1m",
            "input_series": [],
            "alert_rule_test": [
                expect("alerts_absent", "9m"),
                expect(
                    "alerts_absent",
                    "10m",
                    own("page") | {"exp_annotations": written(tmp_path, "alerts_absent")},
                ),
            ],
        },
        {
            "interval": "1m",
            "input_series": [
                series(DOWNTIME, "_ 1 0", site="S"),
                series(STATE, f"_ _ {firing} 0", rule="site_down", site="T"),
                series(INCIDENT, "_ 310 _", **incident, **one),
            ],
            "alert_rule_test": [
                expect(MUTE, "0m"),
                expect(MUTE, "1m", *mutes(tmp_path, "downtime", "S")),
                expect(MUTE, "2m", *mutes(tmp_path, "outage", "T")),
                expect(MUTE, "3m"),
                expect(
                    "incident",
                    "1m",
                    {"exp_labels": incident | {"topic": "transfers"}, "exp_annotations": of_incident},
                ),
            ],
        },
    ]
    (tmp_path / "tests.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules/*.yml"], "evaluation_interval": "1m", "tests": tests})
    )
    promtool("test", "rules", tmp_path / "tests.yml")


def own(severity: str) -> dict[str, Any]:
    return {"exp_labels": {"severity": severity, "owner": "monitoring"}}


def mutes(out: Path, cause: str, site: str) -> list[dict[str, Any]]:
    """What mutes a site's links, as their source and as their destination."""
    return [
        {
            "exp_labels": {
                "severity": "none",
                "owner": "monitoring",
                "cause": cause,
                "site": site,
                end: site,
            },
            "exp_annotations": written(out, MUTE)
            | {
                "summary": f"{site}: {cause}",
                "description": f"Mutes the links of the site, by its label {end}.",
            },
        }
        for end in ("src_site", "dst_site")
    ]


def written(out: Path, alert: str) -> dict[str, str]:
    """The annotations of an alert as they stand in the file, where the gauge shows 1."""
    (group,) = yaml.safe_load((out / "rules" / "lakescope.yml").read_text())["groups"]
    (first, *_) = (rule for rule in group["rules"] if rule["alert"] == alert)
    return {name: text.replace("{{ $value }}", "1") for name, text in first["annotations"].items()}


# --- routes -----------------------------------------------------------------------------------------------

ALERTS = [
    {"severity": severity, "owner": owner, **place}
    for severity in ("page", "ticket")
    for owner in ("lake", "storage")
    for place in (
        {},
        {"site": "A"},
        {"site": "AB"},
        {"src_site": "A-2", "dst_site": "B"},
        {"src_site": "B", "dst_site": "A"},
        {"rse": "A1_DISK"},
        {"dst_rse": "A12_DISK"},
        {"rse": 'B"\\x'},
        {"rse": HOSTILE},
        {"rse": HOSTILE[:-1]},
        {"vo": "escape", "activity": "Production (input)"},
        {"vo": "escape", "activity": "Production .input."},
    )
]


@pytest.mark.server("alertmanager")
def test_routes_are_the_subscriptions(tmp_path: Path) -> None:
    """Of every alert amtool names the receivers that Lakescope itself would tell, now or after a wait."""
    build(tmp_path)
    file = tmp_path / "alertmanager.yml"
    amtool("check-config", file)
    for labels in ALERTS:
        shown = [
            f"{name}={json.dumps(value, ensure_ascii=False)}"
            for name, value in {"alertname": "r", **labels}.items()
        ]
        routed = amtool("config", "routes", "test", f"--config.file={file}", *shown).strip().split(",")
        routed = [receiver for receiver in routed if receiver != "lakescope-nobody"]
        assert sorted(routed) == sorted(told(labels)), labels


def told(labels: dict[str, str]) -> list[str]:
    """Receivers of an alert that nobody acknowledges, in two days that begin on a Monday at noon."""
    alert = Alert(
        rule="r",
        labels={"rule": "r", **labels},
        annotations={},
        severity=labels["severity"],
        began=NOON,
        opened=NOON,  # type: ignore[arg-type]
    )
    receipts = Receipts()
    receivers = []
    for hour in range(48):
        for delivery in due([alert], receipts, SUBSCRIPTIONS, NOON + 3600 * hour):
            receipts.note(delivery)
            receivers.append(delivery.receiver)
    return list(dict.fromkeys(receivers))


@pytest.mark.server("alertmanager")
def test_the_dead_mans_switch_goes_to_who_asks_for_it_and_mutes_go_nowhere(tmp_path: Path) -> None:
    build(tmp_path)
    for alert, receivers in ((DEAD_MANS_SWITCH, "hook,lakescope-nobody"), (MUTE, "lakescope-nobody")):
        shown = ["config", "routes", "test", f"--config.file={tmp_path / 'alertmanager.yml'}"]
        assert amtool(*shown, f"alertname={alert}", "severity=none").strip() == receivers


# --- the servers themselves -------------------------------------------------------------------------------

A, B = {"src_site": "A"}, {"dst_site": "B"}
LINK = {"alertname": "link_failing", "severity": "page", "scope": "link", "topic": "transfers", **A, **B}
SOURCES: dict[str, dict[str, str]] = {
    "downtime of the source": {"alertname": MUTE, "severity": "none", "cause": "downtime", "site": "A", **A},
    "outage of the destination": {"alertname": MUTE, "severity": "none", "cause": "outage", "site": "B", **B},
    "the source": {
        "alertname": "source_failing",
        "severity": "page",
        "scope": "site",
        "topic": "transfers",
        **A,
    },
    "the lake": {"alertname": "lake_failing", "severity": "page", "scope": "lake", "topic": "transfers"},
    "the network": {"alertname": "loss", "severity": "page", "scope": "link", "topic": "network", **A, **B},
}
NETWORK_TICKET = SOURCES["the network"] | {"severity": "ticket"}
CLOCK = NETWORK_TICKET | {"alertname": "network_clock_error"}


@pytest.mark.server("alertmanager")
def test_who_mutes_whom(tmp_path: Path, start_server: StartServer) -> None:
    build(tmp_path)
    configuration = (
        (tmp_path / "alertmanager.yml").read_text().replace("templates/*", f"{tmp_path}/templates/*")
    )
    configuration = configuration.replace("group_wait: 30s", "group_wait: 1h")
    server = start_server(Alertmanager, configuration=configuration)
    strangers = [
        LINK | {"case": "x", "src_site": "C", "dst_site": "D"},
        {"alertname": "disk_full", "severity": "ticket", "scope": "site", "topic": "storage", "rse": "R"},
        *(NETWORK_TICKET | {"src_site": "E"}, LINK | {"src_site": "E"}),  # a ticket mutes no page
        *(CLOCK | {"src_site": "F"}, LINK | {"src_site": "F", "severity": "ticket"}),
    ]
    # each source with a link of its own; the sites' names are the case's
    alerts = []
    for number, source in enumerate(SOURCES.values()):
        topic = f"transfers{number}" if source.get("scope") == "lake" else "transfers"
        names = {"A": f"A{number}", "B": f"B{number}"}

        def renamed(
            labels: dict[str, str], names: dict[str, str] = names, topic: str = topic
        ) -> dict[str, str]:
            own = {key: names.get(value, value) for key, value in labels.items()}
            return own | ({"topic": topic} if own.get("topic") == "transfers" else {})

        alerts += [renamed(source), renamed(LINK)]
    posted = [{"labels": labels} for labels in (*alerts, *strangers)]
    httpx.post(f"{server.url}/api/v2/alerts", json=posted, trust_env=False).raise_for_status()
    muted = {
        json.dumps(one["labels"], sort_keys=True): bool(one["status"]["inhibitedBy"])
        for one in server.alerts()
    }
    for name, source, target in zip(SOURCES, alerts[::2], alerts[1::2], strict=True):
        assert not muted[json.dumps(source, sort_keys=True)], name
        assert muted[json.dumps(target, sort_keys=True)], name
    for stranger in strangers:
        assert not muted[json.dumps(stranger, sort_keys=True)]


@pytest.mark.server("prometheus")
@pytest.mark.server("alertmanager")
def test_from_the_gauges_to_a_chat(tmp_path: Path, start_server: StartServer) -> None:
    """Lakescope's gauges, Prometheus, Alertmanager, and what the chat is told at the end."""
    gauges = f"""\
{STATE}{{rule="link_failing",src_site="A",dst_site="B"}} {STATES["firing"]}
{VALUE}{{rule="link_failing",src_site="A",dst_site="B"}} 0.125
{THRESHOLD}{{rule="link_failing",src_site="A",dst_site="B"}} 0.2
"""
    answer = Answer(200, gauges.encode(), (("content-type", "text/plain; version=0.0.4"),))
    with HttpServer(lambda _: answer) as lakescope, HttpServer(lambda _: Answer(200)) as chat:
        build(
            tmp_path,
            {"chat": SlackOptions(url=SecretStr(f"{chat.url}/x"))},
            {"all": Subscription(receivers=["chat"])},
        )
        configuration = (
            (tmp_path / "alertmanager.yml").read_text().replace("templates/*", f"{tmp_path}/templates/*")
        )
        alertmanager = start_server(Alertmanager, configuration=configuration.replace("30s", "0s"))
        scrape = {"job_name": "lakescope", "static_configs": [{"targets": [f"127.0.0.1:{lakescope.port}"]}]}
        prometheus = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [f"{tmp_path}/rules/*.yml"],
            "scrape_configs": [scrape],
            "alerting": {
                "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager.port}"]}]}]
            },
        }
        start_server(Prometheus, configuration=yaml.safe_dump(prometheus))
        until(lambda: chat.requests, 30, alertmanager.log_tail)
        (attachment,) = json.loads(chat.requests[0].body)["attachments"]
        assert attachment["title"] == "[PAGE] A to B: 12.5% < 20%"
        assert "Look at the doors first." in attachment["text"]
        assert "https://docs.example.org/docs/runbooks/link_failing.md" in attachment["text"]
        assert len(chat.requests) == 1
