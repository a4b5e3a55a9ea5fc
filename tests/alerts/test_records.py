"""Incidents that grow: their numbers, and a ticket that becomes a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from lakescope.alerts.incidents import Incident, Peak
from lakescope.alerts.patterns import Pattern
from lakescope.alerts.records import Records, alert_of

LINK = Incident(
    id="i1", patterns=(Pattern((("link", "A -> B"),)),), began=0.0, noticed=300.0, seen=600.0, opened=600.0
)


def grown(value: float) -> Incident:
    return replace(LINK, peak=Peak(value, value + 10, 1.0))


@pytest.mark.parametrize(("failures", "severity"), [(30, "ticket"), (150, "ticket"), (202, "page")])
def test_an_open_incident_has_the_numbers_of_now(tmp_path: Path, failures: float, severity: str) -> None:
    records = Records(tmp_path / "incidents.json", lambda patterns: "link A to B")
    records.update([("opened", grown(20))], 600.0, b"")
    assert records.update([], 900.0, b"", growing=[grown(failures), replace(LINK, id="unknown")]) == []
    (record,) = Records(tmp_path / "incidents.json", str).incidents(0)
    assert (record.failures, record.attempts, record.severity) == (failures, failures + 10, severity)
    assert record.culprit == "link A to B"
    alert = alert_of(record)
    assert (alert.severity, alert.labels["severity"]) == (severity, severity)
    assert alert.annotations["value"] == f"{failures} of {failures + 10} attempts failed"


def test_a_page_stays_one_when_its_culprit_becomes_a_link(tmp_path: Path) -> None:
    records = Records(tmp_path / "incidents.json", str)
    records.update([("opened", replace(grown(20), patterns=(Pattern(),)))], 600.0, b"")
    records.update([("updated", grown(30))], 900.0, b"", growing=[grown(30)])
    assert [one.severity for one in records.incidents(0)] == ["page"]
