"""The weekly report from real stores: the numbers of the embedded one, in a request a section."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from lakescope.app.query import ask
from lakescope.app.reports import ReportText, lake_status_of, report_of
from lakescope.core.events import IncidentReport
from lakescope.kpis.model import EventsQuery
from lakescope.reports.differences import differences
from lakescope.reports.lake_status import LakeStatus
from lakescope.reports.model import Report
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from tests.app._searched import Store
from tests.contract._http import HttpServer, proxy_to
from tests.reports._store import BEFORE, MONDAY, WEEK, hourly, store_of

EVENTS = [
    *hourly(range(168), of=BEFORE),
    *hourly(range(168)),
    *hourly(range(168), failed_every=2, first=500, dst_site="SITE-C", dst_rse="C-DISK"),
    *(
        IncidentReport(
            id=f"{hour:032x}",
            time=f"{WEEK.since + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}",
            source="lakescope",
            event="reported",
            incident="i1",
            state="open" if hour < 19 else "ended",
            severity="page",
            culprit="destination SITE-C",
            dst_site="SITE-C",
            started=f"{WEEK.since + timedelta(hours=9):%Y-%m-%dT%H:%M:%SZ}",
            ended=f"{WEEK.since + timedelta(hours=19):%Y-%m-%dT%H:%M:%SZ}" if hour == 19 else None,
            notified=f"{WEEK.since + timedelta(hours=10):%Y-%m-%dT%H:%M:%SZ}",
        )
        for hour in range(10, 20)
    ),
]
WEEKLY = ReportText("weekly", "2026-W47")
SUNDAY = WEEK.until - timedelta(hours=10)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, LakeStatus]:
    with store_of(EVENTS, tmp_path_factory.mktemp("store")) as sink:
        return report_of(WEEKLY, sink, MONDAY), lake_status_of(sink, SUNDAY)


@pytest.mark.parametrize("store", ["elasticsearch"], indirect=True)
def test_from_elasticsearch_with_a_request_a_section(
    store: Store, expected: tuple[Report, LakeStatus], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = store(EVENTS)
    direct = plain.options
    with HttpServer(proxy_to(direct.urls[0])) as proxy:
        options = ElasticsearchOptions(urls=[proxy.url], prefix=direct.prefix)
        with closing(ElasticsearchSink("store", options, Path())) as sink:
            report = report_of(WEEKLY, sink, MONDAY)
    assert differences(expected[0], report) == []
    assert lake_status_of(plain, SUNDAY) == expected[1]
    searches = [request for request in proxy.requests if request.path == "/_msearch"]
    # that of causes asks what its first answers call for, that of incidents lists events and counts their files
    assert len(searches) <= len(report.sections) + 5
    monkeypatch.setattr("lakescope.kpis.elasticsearch.PAGE", 4)  # Elasticsearch gives 10,000 at a time
    incidents = EventsQuery(
        dataset="incidents", columns=("state",), since=WEEK.since, until=WEEK.until, conditions=(), limit=9
    )
    times = [row["time"][11:13] for row in ask(incidents, plain)]
    assert times == [f"{hour}" for hour in range(19, 10, -1)]


BY_ERRORS = {"errors": "error_class", "causes": "error_template"}
"""Section that asks for errors -> its field, which is no tag of InfluxDB."""


@pytest.mark.parametrize("store", ["influxdb"], indirect=True)
def test_from_influxdb_but_for_the_errors(store: Store, expected: tuple[Report, LakeStatus]) -> None:
    sink = store(EVENTS)
    report = report_of(WEEKLY, sink, MONDAY)
    assert lake_status_of(sink, SUNDAY) == expected[1]

    def rest(report: Report) -> Report:
        sections = [one for one in report.sections if one.name not in BY_ERRORS]
        changes = [one for one in report.changes if not one.text.startswith("Failed transfers")]
        return structs.replace(report, sections=sections, changes=changes, summary=[], findings=[])

    assert differences(rest(expected[0]), rest(report)) == []
    notes = {one.name: " ".join(one.notes) for one in report.sections if one.name in BY_ERRORS}
    for name, field in BY_ERRORS.items():
        assert (
            f"transfers_failed: InfluxDB groups by tags only, and {field} is none; a store of" in notes[name]
        )
