"""CRIC's documents as versions: read anew without a restart, refused when they cannot be true, their changes kept."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lakescope.alerts.model import Alert
from lakescope.alerts.muting import outage_of
from lakescope.app.config import Configuration, parse
from lakescope.app.topology import InactiveRses, TopologyReload, read_topology, refresh, snapshots_of
from lakescope.sync.topology import SourceError
from lakescope.transformers.topology import Topology
from tests.contract._http import Answer, HttpServer, Request
from tests.sync._cric import document


class Cric:
    """What a stand-in for CRIC answers, and a clock."""

    def __init__(self) -> None:
        self.document: Any = document()
        self.text: str | None = None
        self.time = 1_767_600_000.0

    def answer(self, request: Request) -> Answer:
        body = json.dumps(self.document) if self.text is None else self.text
        return Answer(200, body.encode(), (("content-type", "application/json"),))


@pytest.fixture
def cric() -> Cric:
    return Cric()


@pytest.fixture
def configuration(tmp_path: Path, cric: Cric) -> Iterator[Configuration]:
    with HttpServer(cric.answer) as server:
        text = f"""
[topology]
rses = "{server.url}/api/doma/rse/query/?json&preset=doma"
interval_s = 60
[collectors.push]
type = "http"
[sinks.out]
type = "jsonl"
directory = "out"
"""
        yield parse(text, directory=tmp_path)


def site(topology: Topology) -> str | None:
    one = topology.rse("EULAKE-1")
    return one and one.site


def test_a_url_is_read_anew_and_a_refused_answer_changes_nothing(
    configuration: Configuration, cric: Cric
) -> None:
    topologies = [read_topology(configuration, is_kept=True)]
    assert site(topologies[0]) == "CERN-PROD"
    reload = TopologyReload(configuration, topologies.append, clock=lambda: cric.time)
    reload(threading.Event())
    assert len(topologies) == 1, "nothing has changed"

    cric.document["rses"]["EULAKE-1"]["site"] = "ELSEWHERE"
    reload(threading.Event())
    assert len(topologies) == 1, "its interval is not over"
    cric.time += 60
    reload(threading.Event())
    assert site(topologies[-1]) == "ELSEWHERE"

    for text in ("<html>Log in</html>", json.dumps(cric.document)[:-100], '{"rses": {}}'):
        cric.time += 60
        cric.text = text
        with pytest.raises(RuntimeError, match="expected"):
            reload(threading.Event())
    assert len(topologies) == 2
    assert site(read_topology(configuration)) == "ELSEWHERE", "after a restart, too"
    cric.text = None
    cric.time += 60
    assert "1 documents" in reload(threading.Event())


def test_rses_that_are_not_active_mute_their_alerts(configuration: Configuration, cric: Cric) -> None:
    inactive = InactiveRses(configuration.settings)
    assert inactive() == []
    cric.document["rses"]["EULAKE-1"]["state"] = "DISABLED"
    refresh(configuration.settings, "rses", 0.0)
    (outage,) = inactive()
    assert str(outage) == "downtime of EULAKE-1: its state in CRIC is DISABLED"
    alert = Alert(
        rule="storage_full",
        labels={"rse": "EULAKE-1"},
        annotations={},
        severity="page",
        began=0.0,
        opened=0.0,
    )
    assert outage_of(alert, "storage", inactive()) == outage
    cric.document["rses"]["EULAKE-1"]["state"] = "ACTIVE"
    refresh(configuration.settings, "rses", 0.0)
    assert inactive() == []


def test_a_loss_is_refused_until_it_is_accepted(configuration: Configuration, cric: Cric) -> None:
    refresh(configuration.settings, "rses", 0.0)
    for name in ("EULAKE-1", "EULAKE-2"):  # a fifth
        del cric.document["rses"][name]
    refresh(configuration.settings, "rses", 0.0)
    for name in ("LAPP-DPM", "LAPP-DCACHE"):  # 2 of 8
        del cric.document["rses"][name]
    with pytest.raises(
        SourceError, match=r"2 of 8 records are gone \(LAPP-DCACHE, LAPP-DPM\).*--accept-loss"
    ):
        refresh(configuration.settings, "rses", 0.0)
    assert refresh(configuration.settings, "rses", 0.0, accept_loss=True).version == 3


def test_the_history_has_each_change_and_nothing_else(configuration: Configuration, cric: Cric) -> None:
    refresh(configuration.settings, "rses", 0.0)
    one = cric.document["rses"]["EULAKE-1"]
    one["updated_at"] = "2027-01-01T00:00:00"
    assert refresh(configuration.settings, "rses", 60.0).version == 1
    one |= {"availability_write": False, "protocols": one["protocols"][:1]}
    one["protocols"][0]["prefix"] = "/new"
    cric.document["rses"]["NEW"] = dict(one)
    del cric.document["rses"]["EULAKE-2"]
    cric.document["distances"]["PIC-DCACHE"]["CNAF-STORM"] = {"distance": 42}
    refresh(configuration.settings, "rses", 120.0)
    (version,) = snapshots_of(configuration.settings).history()
    assert (version.version, version.at, version.more) == (2, "1970-01-01T00:02:00Z", 0)
    assert [(change.kind, change.type, change.object, change.part) for change in version.changes] == [
        ("change", "rse", "EULAKE-1", "availability_write"),
        ("change", "rse", "EULAKE-1", "protocol davs://eulake-1.example.org:443"),
        ("change", "rse", "EULAKE-1", "protocol srm://eulake-1.example.org:8443"),
        ("remove", "rse", "EULAKE-2", ""),
        ("create", "rse", "NEW", ""),
        ("change", "distance", "PIC-DCACHE -> CNAF-STORM", ""),
    ]
