"""A simulated day, from Rucio's messages through DuckDB to what `lakescope incidents` says."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from lakescope.cli.alerts import _tell
from lakescope.core.events import Event
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.simulator import make_lake, simulate
from lakescope.simulator.cric import rse_query
from lakescope.simulator.errors import Template
from lakescope.simulator.faults import Burst, Fault
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.topology import Topology
from tests.e2e import _commands

START = datetime(2026, 11, 2, tzinfo=UTC)
CONFIGURATION = """
data_dir = "{folder}"
[collectors.files]
type = "files"
format = "hermes"
paths = ["{folder}/none/*.json"]
[sinks.store]
type = "duckdb"
"""
REFUSED = Template("DESTINATION", "TRANSFER_PREPARATION", 111, "DESTINATION connection refused {dst_host}")
CANCELLED = Template("GENERAL_FAILURE", "", 125, "Transfer canceled by the user")


def at(hour: float) -> float:
    return (START + timedelta(hours=hour)).timestamp()


def events() -> Iterator[Event]:
    """Ten hours: for one and a half of them PIC takes nothing, and a user cancels 600 transfers."""
    lake = make_lake()
    fault = Fault(kind="down", places=({"dst_site": "PIC"},), begin=at(6), end=at(7.5), errors=(REFUSED,))
    user = {"account": "src-user1", "activity": "User Subscriptions", "src_rse": "SARA-DCACHE"}
    cancelled = Fault(kind="user", places=(user,), begin=at(4), end=at(9), errors=(CANCELLED,))
    burst = Burst(
        kind="user",
        vo="skatelescope.example",
        account="src-user1",
        activity="User Subscriptions",
        src_rse="SARA-DCACHE",
        dst_rse="LAPP-DPM",
        files=600,
        begin=at(4),
        end=at(4.5),
    )
    normaliser = Normaliser(formats(), Enrichment(Topology(rse_query(lake))))
    messages = [
        Message(wire.body, "hermes", wire.headers, wire.time)
        for wire in simulate(
            lake,
            seed=3,
            start=START,
            end=START + timedelta(hours=10),
            rate=1000,
            sources=["rucio"],
            incidents=[],
            faults=[fault, cancelled],
            bursts=[burst],
        )
    ]
    for first in range(0, len(messages), 500):
        yield from normaliser(messages[first : first + 500]).events


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("incidents")
    sink = DuckdbSink("store", DuckdbOptions(), folder)
    list(sink.setup())
    ended = [event for event in events() if event.dataset == "transfers"]
    sink.write(sink.encode(ended, [msgspec.json.encode(event) for event in ended]))
    sink.close()
    path = folder / "lakescope.toml"
    path.write_text(CONFIGURATION.format(folder=folder))
    return path


def incidents(configuration: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return _commands.lakescope("incidents", "-c", configuration, *options)


def test_it_names_the_place_that_failed_and_nobody_else(configuration: Path) -> None:
    span = ("--since", f"{START:%FT%TZ}", "--until", f"{START + timedelta(hours=10):%FT%TZ}")
    answer = incidents(configuration, *span, "--format", "json")
    assert answer.returncode == 0, answer.stderr
    (one,) = json.loads(answer.stdout)
    assert one["culprit"] == [{"dst_site": "PIC"}]
    assert "2026-11-02T06:00:00Z" <= one["began"] <= "2026-11-02T06:10:00Z"
    assert "2026-11-02T07:25:00Z" <= one["ended"] <= "2026-11-02T07:45:00Z"
    assert one["failed"] > 50 > one["expected"] and "connection refused" in one["error"]
    assert "destination PIC" in incidents(configuration, *span).stdout


def test_a_quiet_range_has_none(configuration: Path) -> None:
    quiet = incidents(configuration, "--since", "2026-11-02T08:30:00Z", "--until", "2026-11-02T09:30:00Z")
    assert (quiet.returncode, quiet.stdout) == (0, "") and "no incidents" in quiet.stderr


def test_a_range_that_is_empty_is_refused(configuration: Path) -> None:
    wrong = incidents(configuration, "--since", "1h", "--until", "2h")
    assert wrong.returncode == 2 and "range is empty" in wrong.stderr


# --- lakescope alerts -------------------------------------------------------------------------------------

RULES = """
from lakescope.plugin import AlertRule, Threshold
from tests.e2e import _commands
from tests.e2e import _commands

RULES = [
    AlertRule(
        name="failures_of_destination",
        title="Transfers to a site fail",
        kpi="transfer_efficiency",
        condition=Threshold(below=0.2),
        window_s=3600,
        by=("dst_site",),
        severity="page",
        summary="{dst_site}: {value} of the transfers succeed in {window}",
        description="Expected {threshold}.",
        runbook_url="https://wiki.example.org/failures",
    ),
]
"""


@pytest.fixture
def own(configuration: Path, tmp_path: Path) -> Path:
    """The day's store beside files of its own, with one rule of the site."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "rules.py").write_text(RULES)
    for path in configuration.parent.glob("lake.duckdb*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "lakescope.toml"
    path.write_text(CONFIGURATION.format(folder=tmp_path) + f'[site]\nfolder = "{tmp_path}/site"\n')
    return path


def alerts(configuration: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return _commands.lakescope("alerts", *arguments, "-c", configuration)


def test_a_round_as_of_a_time_keeps_its_alerts_for_the_next_one(own: Path) -> None:
    round_ = alerts(own, "evaluate", "--once", "--at", "2026-11-02T07:15:00")
    assert round_.returncode == 0, round_.stderr
    state = json.loads((own.parent / "alerts.json").read_text())
    (alert,) = [one["alert"] for one in state["watched"] if one["rule"] == "failures_of_destination"]
    assert alert["labels"]["dst_site"] == "PIC" and alert["annotations"]["summary"].startswith("PIC: ")
    records = json.loads((own.parent / "incidents.json").read_text())["records"]
    assert [one["culprit"] for one in records.values()] == ["destination PIC"]
    alerts(own, "evaluate", "--once", "--at", "2026-11-02T09:30:00")
    alerts(own, "evaluate", "--once", "--at", "2026-11-02T09:45:00")
    after = json.loads((own.parent / "alerts.json").read_text())
    changes = [one["state"] for one in after["transitions"] if one["rule"] == "failures_of_destination"]
    assert changes == ["firing", "ended"]


def test_rules_are_listed_and_checked_as_of_now(own: Path) -> None:
    rules = {one["rule"]: one for one in json.loads(alerts(own, "list", "--format", "json").stdout)}
    assert rules["failures_of_destination"]["state"] == "no data"  # the day is long over
    shown = alerts(own, "list")
    assert shown.returncode == 0 and "failures_of_destination" in shown.stdout, shown.stderr
    checked = alerts(own, "check", "failures_of_destination")
    assert checked.stdout.startswith("failures_of_destination: Transfers to a site fail: no data")
    wrong = alerts(own, "check", "failures_of_destinations")
    assert wrong.returncode == 2 and "did you mean 'failures_of_destination'?" in wrong.stderr


@pytest.mark.parametrize(
    ("option", "expected"),
    [("evaluate = false", "evaluate is false"), ('store = "stor"', 'write "store"')],
)
def test_what_cannot_be_evaluated_says_why(own: Path, option: str, expected: str) -> None:
    own.write_text(own.read_text() + f"[alerts]\n{option}\n")
    answer = alerts(own, "evaluate", "--once")
    assert answer.returncode == 2 and expected in answer.stderr


def test_a_strangers_name_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    alert = {
        "annotations": {"summary": "To PIC\x1b[2K\r\n\u202eX: 10 %"},
        "acknowledged": None,
        "silence": None,
    }
    _tell(alert)
    assert capsys.readouterr().out == "To PIC\\u001b[2K \\u202eX: 10 %: not silenced\n"
