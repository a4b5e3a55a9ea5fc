"""The weekly report from real stores: the numbers of the embedded one, in a request a section."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from msgspec import structs

from lakescope.app.reports import ReportText, report_of
from lakescope.reports.differences import differences
from lakescope.reports.model import Report
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from tests.app._searched import Store
from tests.contract._http import HttpServer, proxy_to
from tests.reports._store import BEFORE, MONDAY, hourly, store_of

EVENTS = [
    *hourly(range(168), of=BEFORE),
    *hourly(range(168)),
    *hourly(range(168), failed_every=2, first=500, dst_site="SITE-C", dst_rse="C-DISK"),
]
WEEK = ReportText("weekly", "2026-W47")


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Report:
    with store_of(EVENTS, tmp_path_factory.mktemp("store")) as sink:
        return report_of(WEEK, sink, MONDAY)


@pytest.mark.parametrize("store", ["elasticsearch"], indirect=True)
def test_from_elasticsearch_with_a_request_a_section(store: Store, expected: Report) -> None:
    direct = store(EVENTS).options
    with HttpServer(proxy_to(direct.urls[0])) as proxy:
        options = ElasticsearchOptions(urls=[proxy.url], prefix=direct.prefix)
        with closing(ElasticsearchSink("store", options, Path())) as sink:
            report = report_of(WEEK, sink, MONDAY)
    assert differences(expected, report) == []
    searches = [request for request in proxy.requests if request.path == "/_msearch"]
    # that of causes asks what its first answers call for, that of incidents lists events, too
    assert len(searches) <= len(report.sections) + 4


@pytest.mark.parametrize("store", ["influxdb"], indirect=True)
def test_from_influxdb_but_for_the_errors(store: Store, expected: Report) -> None:
    report = report_of(WEEK, store(EVENTS), MONDAY)

    def rest(report: Report) -> Report:
        sections = [one for one in report.sections if one.name != "errors"]
        return structs.replace(report, sections=sections, summary=[], findings=[])

    assert differences(rest(expected), rest(report)) == []
    (errors,) = [one for one in report.sections if one.name == "errors"]
    assert errors.notes == (
        "transfers_failed: InfluxDB groups by tags only, and error_class is none;"
        " a store of type duckdb or elasticsearch can answer",
    )
