"""The rules of network and storage on tables of events: when each fires, and when it must not.

A row of a table is an event that comes every so many minutes from one minute to another. Rounds are a quarter of an hour apart,
in cases of a day or more an hour.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from lakescope.alerts import states
from lakescope.alerts.catalogue import RULES
from lakescope.alerts.catalogue.network import NETWORK
from lakescope.alerts.catalogue.storage import STORAGE
from lakescope.app.alerts import Evaluator
from lakescope.core.events import Event
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from tests.servers.fixtures import delete_indices

START = datetime(2026, 11, 2, tzinfo=UTC)
DAY = 1440
TYPES = {one.__struct_config__.tag: one for one in Event.__subclasses__()}
RUCIO, IAM = "https://rucio.example.org/ping", "oidc://iam.example.org/"
DOOR = "davs://se.example.org/"


class Row(NamedTuple):
    """Minutes."""

    every: int
    begin: int
    end: int
    event: Mapping[str, Any]


class Case(NamedTuple):
    """Rounds from minute `begin` to `end`; `fires`: (minute it opens, minute it ends or null, a part of its labels)."""

    rule: str
    what: str
    begin: int
    end: int
    rows: list[Row]
    fires: tuple[int, int | None, dict[str, str]] | None = None


# --- rows -------------------------------------------------------------------------------------------------


def _network(test: str, a: str, b: str, every: int, begin: int, end: int, **more: Any) -> Row:
    place = {"test": test, "src_host": a, "dst_host": b, "ok": True}
    return Row(every, begin, end, {"dataset": "network", "source": "perfsonar", **place, **more})


def _loss(a: str, b: str, begin: int, end: int, lost: int, **more: Any) -> Row:
    return _network("latencybg", a, b, 5, begin, end, packets_sent=600, packets_lost=lost, **more)


def _delay(a: str, b: str, begin: int, end: int, ms: float, every: int = 30) -> Row:
    return _network("latencybg", a, b, every, begin, end, latency_p95_s=ms / 1000, latency_mean_s=ms / 1000)


def _throughput(begin: int, end: int, gigabits: float, **more: Any) -> Row:
    return _network("throughput", "a", "b", 360, begin, end, throughput=gigabits * 1e9 / 8, **more)


def _clock(a: str, b: str, begin: int, end: int, seconds: float) -> Row:
    return _network("clock", a, b, 60, begin, end, clock_error_s=seconds)


def _expected(end: int, *tests: tuple[str, str, str]) -> list[Row]:
    common = {"source": "psconfig", "collector": "mesh"}
    url, hourly = "https://psconfig.example.org/lake", {"interval_s": 3600.0, "per_second": 1 / 3600}
    answer = {"scope": url, "kind": "expected_tests", "count": len(tests), "complete": True}
    wanted = [{"test": test, "task": test, "src_host": a, "dst_host": b} for test, a, b in tests]
    return [
        Row(60, 0, end, {"dataset": "polls", "interval_s": 3600.0, **answer, **common}),
        *(
            Row(60, 0, end, {"dataset": "expected_tests", "poll": url, **one, **hourly, **common})
            for one in wanted
        ),
    ]


def _storage(begin: int, end: int, source: str = "rucio-api", **more: Any) -> Row:
    return Row(
        30,
        begin,
        end,
        {"dataset": "storage", "source": source, "collector": source, "rse": "DISK", "site": "S"} | more,
    )


def _space(begin: int, end: int, used: int, free: int | None = None, **more: Any) -> Row:
    """In per cent of a petabyte."""
    left = 100 - used if free is None else free
    return _storage(begin, end, used=used * 10**13, free=left * 10**13, total=10**15, **more)


def _report(begin: int, end: int, age_s: float = 600.0, used: int = 40) -> Row:
    share = {"storage_service": "se.example.org", "share": "data", "age_s": age_s}
    return _storage(begin, end, "srr", used=used * 10**13, total=10**15, **share)


def _probe(target: str, begin: int, end: int, ok: bool, every: int = 5, **more: Any) -> Row:
    place = {"probe": "http", "operation": "get", "protocol": "https", "target": target}
    state = {"ok": ok, "status": "ok" if ok else "critical"}
    return Row(every, begin, end, {"dataset": "probes", "source": "probe", **place, **state, **more})


def _door(begin: int, end: int, ok: bool, number: str = "", **more: Any) -> Row:
    return _probe(f"{DOOR}{number}", begin, end, ok, 10, rse=f"DISK{number}", site="S", **more)


def _host(
    host: str, begin: int, end: int, value: float = 1.0, quantity: str = "load1", site: str = "S"
) -> Row:
    name = {"source": "node_exporter", "metric": quantity, "series": quantity, "type": "gauge"}
    place = {"host": host, "site": site, "quantity": quantity, "value": value}
    return Row(5, begin, end, {"dataset": "hosts", **name, **place})


def _mesh(hosts: str) -> Iterator[tuple[str, str]]:
    return ((a, b) for a in hosts for b in hosts if a != b)


# --- cases ------------------------------------------------------------------------------------------------

_SILENT = _expected(2 * DAY, ("rtt", "a", "b"), ("trace", "a", "b"))
_SPARSE = _expected(4 * DAY, ("rtt", "a", "b"))
_LINK = {"src_host": "a", "dst_host": "b"}
_OTHER = _space(0, DAY, 50, rse="OTHER")  # without any the feed is not there, which is another rule's
_FLAT = [_throughput(0, 10 * DAY, 8)]

CASES = [
    Case("network_loss", "three per cent", 0, 300,
         [_loss("a", "b", 0, 60, 0), _loss("a", "b", 60, 210, 18), _loss("a", "b", 210, 300, 0)], (165, 270, _LINK)),
    Case("network_loss", "many lossy peers are one host", 0, 180,
         [_loss("x", one, 0, 180, 30) for one in "abcde"], (90, None, {"host": "x"})),
    Case("network_loss", "an outage", 0, 300,
         [_loss("a", "b", 0, 60, 0), _loss("a", "b", 60, 210, 600), _loss("a", "b", 210, 300, 0)]),
    Case("network_loss", "a short outage", 0, 300,
         [_loss("a", "b", 0, 60, 0), _loss("a", "b", 60, 80, 600), _loss("a", "b", 80, 300, 0)]),
    Case("network_unreachable", "one link", 0, 210,
         [_loss("a", "b", 0, 60, 0), _loss("a", "b", 60, 150, 600), _loss("a", "b", 150, 210, 0),
          _loss("a", "c", 0, 210, 0)], (120, 180, _LINK)),
    Case("network_unreachable", "a firewall before one host", 0, 150,
         [_loss(one, "x", 60, 150, 600) for one in "abc"] + [_loss("x", one, 0, 150, 0) for one in "abc"],
         (90, None, {"host": "x"})),
    Case("network_unreachable", "a host that is wholly dead, and comes back one by one", 0, 300,
         [_loss(a, b, 60 if "x" in (a, b) else 0, 180 + 5 * "abcx".index(a) if "x" in (a, b) else 300,
                600 if "x" in (a, b) else 0) for a, b in _mesh("abcx")]
         + [_loss(a, b, 180 + 5 * "abcx".index(a), 300, 0) for a, b in _mesh("abcx") if "x" in (a, b)],
         (90, 225, {"host": "x"})),
    Case("network_unreachable", "one packet in two hundred", 0, 150, [_loss("a", "b", 0, 150, 597)]),
    Case("network_delay", "a longer route", 5 * DAY, 5 * DAY + 480,
         [_delay("a", "b", 0, 5 * DAY, 10), _delay("a", "b", 5 * DAY, 5 * DAY + 480, 26)],
         (5 * DAY + 165, None, _LINK)),
    Case("network_delay", "a daily rhythm", 5 * DAY, 6 * DAY,
         [_delay("a", "b", 60 * hour, 6 * DAY, 10 + abs(12 - hour) / 3, DAY) for hour in range(24)]),
    Case("network_delay", "too little history", DAY, DAY + 300,
         [_delay("a", "b", 0, DAY, 10), _delay("a", "b", DAY, DAY + 300, 90)]),
    Case("network_throughput_low", "down, and up again", 10 * DAY, 14 * DAY,
         [*_FLAT, _throughput(10 * DAY, 12 * DAY, 1), _throughput(12 * DAY, 14 * DAY, 8)],
         (10 * DAY + 840, 12 * DAY + 1500, _LINK)),
    Case("network_throughput_low", "a third less", 10 * DAY, 12 * DAY, [*_FLAT, _throughput(10 * DAY, 12 * DAY, 5.3)]),
    Case("network_ip_version_loss", "IPv6 is filtered", 0, 150,
         [_loss("a", "b", 0, 150, 0, ip_version=4), _loss("a", "b", 0, 150, 600, ip_version=6)], (75, None, _LINK)),
    Case("network_ip_version_loss", "both lose alike", 0, 150,
         [_loss("a", "b", 0, 150, 60, ip_version=4), _loss("a", "b", 0, 150, 66, ip_version=6)]),
    Case("network_ip_version_throughput", "IPv6 through a tunnel", 1080, 2 * DAY,
         [_throughput(0, 2 * DAY, 8, ip_version=4), _throughput(5, 2 * DAY, 2, ip_version=6)], (1200, None, _LINK)),
    Case("network_ip_version_throughput", "IPv6 a fifth less", 1080, 2 * DAY,
         [_throughput(0, 2 * DAY, 8, ip_version=4), _throughput(5, 2 * DAY, 6.4, ip_version=6)]),
    Case("network_clock_error", "one host is behind", 0, 180,
         [_clock(a, b, 0, 180, -0.4 if a == "x" else 0.002) for a, b in _mesh("abcx") if b != "x"],
         (45, None, {"host": "x"})),
    Case("network_clock_error", "sixty milliseconds", 0, 180, [_clock("a", "b", 0, 180, 0.06)]),
    Case("network_clock_correction", "one host is ahead", 0, 180,
         [_delay(a, b, 0, 180, 10 + 300 * ((b == "x") - (a == "x"))) for a, b in _mesh("abcx")], (75, None, {"host": "x"})),
    Case("network_clock_correction", "ways of different length", 0, 180,
         [_delay("a", "b", 0, 180, 90), _delay("b", "a", 0, 180, 10)]),
    Case("network_host_silent", "all kinds of tests", DAY, 2 * DAY,
         [*_SILENT, *(_network(test, "a", "b", 60, 0, 180) for test in ("rtt", "trace")),
          _network("rtt", "b", "a", 60, 0, 2 * DAY)],
         (1680, None, {"host": "a"})),
    Case("network_host_silent", "failed tests are results", DAY, 2 * DAY,
         [*_SILENT, *(_network(test, "a", "b", 60, 0, 2 * DAY, ok=False) for test in ("rtt", "trace"))]),
    Case("network_tests_missing", "every fourth", DAY, 4 * DAY,
         [*_SPARSE, _network("rtt", "a", "b", 240, 0, 4 * DAY)], (DAY + 2940, None, {"src_host": "a", "test": "rtt"})),
    Case("network_tests_missing", "a silence of eighteen hours", DAY, 4 * DAY,
         [*_SPARSE, _network("rtt", "a", "b", 60, 0, DAY), _network("rtt", "a", "b", 60, DAY + 1080, 4 * DAY)]),
    Case("storage_days_to_full", "a week of growth", 7 * DAY, 7 * DAY + 120,
         [_space(day * DAY, (day + 1) * DAY, 40 + 5 * day) for day in range(8)], (7 * DAY + 60, None, {"rse": "DISK"})),
    Case("storage_days_to_full", "full and not growing", 7 * DAY, 7 * DAY + 120, [_space(0, 8 * DAY, 97)]),
    Case("storage_full", "it fills and is cleaned", 0, 360,
         [_space(0, 60, 90), _space(60, 180, 99), _space(180, 360, 90)], (105, 255, {"rse": "DISK"})),
    Case("storage_full", "ninety-seven per cent", 0, 180, [_space(0, 180, 97)]),
    Case("storage_discrepancy", "dark data", 0, DAY + 120, [_space(0, DAY + 120, 40, 50)], (DAY + 60, None, {"rse": "DISK"})),
    Case("storage_discrepancy", "ten hours of deletions", 0, DAY + 120,
         [_space(0, 300, 40), _space(300, 900, 30, 60), _space(900, DAY + 120, 30)]),
    Case("share_discrepancy", "lost files", 0, DAY + 120,
         [_storage(0, DAY + 120, used=6 * 10**14), _report(0, DAY + 120)], (DAY + 60, None, {"rse": "DISK"})),
    Case("share_discrepancy", "two per cent", 0, DAY + 120,
         [_storage(0, DAY + 120, used=38 * 10**13), _report(0, DAY + 120)]),
    Case("storage_silent", "reports stop", 660, DAY, [_space(0, 720, 50), _OTHER], (855, None, {"rse": "DISK"})),
    Case("storage_silent", "one report is missing", 660, DAY, [_space(0, 720, 50), _space(765, DAY, 50), _OTHER]),
    Case("storage_report_old", "what writes it has stopped", 0, 360,
         [_report(0, 120), _report(120, 360, 200_000.0)], (195, None, {"storage_service": "se.example.org"})),
    Case("storage_report_old", "a report of yesterday", 0, 360, [_report(0, 360, 90_000.0)]),
    Case("service_down", "one service", 0, 180,
         [_probe(RUCIO, 0, 60, True), _probe(RUCIO, 60, 120, False), _probe(RUCIO, 120, 180, True),
          _probe(IAM, 0, 180, True)], (90, 150, {"target": RUCIO})),
    Case("service_down", "two at once are one page, and the last to recover is no other", 0, 240,
         [_probe(one, 0, 60, True) for one in (RUCIO, IAM)] + [_probe(RUCIO, 60, 120, False), _probe(RUCIO, 120, 240, True)]
         + [_probe(IAM, 60, 130, False), _probe(IAM, 130, 240, True)], (90, 150, {"source": "probe"})),
    Case("service_down", "two failures in a row", 0, 180,
         [_probe(RUCIO, 0, 62, True), _probe(RUCIO, 62, 72, False), _probe(RUCIO, 72, 180, True)]),
    Case("service_down", "a storage endpoint", 0, 120, [_door(0, 120, ok=False)]),
    Case("storage_probe_failing", "one endpoint", 0, 240,
         [_door(0, 60, ok=True), _door(60, 150, ok=False), _door(150, 240, ok=True), _door(0, 240, True, "2")],
         (105, 195, {"rse": "DISK", "site": "S"})),
    Case("storage_probe_failing", "a site is one alert", 0, 150,
         [_door(0, 60, True, one) for one in "123"] + [_door(60, 150, False, one) for one in "123"], (105, None, {"site": "S"})),
    Case("storage_probe_failing", "two failures in a row", 0, 150,
         [_door(0, 60, ok=True), _door(60, 80, ok=False), _door(80, 150, ok=True)]),
    Case("probe_flapping", "every other fails", 0, 600,
         [_probe(RUCIO, 0, 600, True, 10), _probe(RUCIO, 5, 600, False, 10)], (420, None, {"target": RUCIO})),
    Case("probe_flapping", "an outage of three hours", 0, 900,
         [_probe(RUCIO, 0, 300, True), _probe(RUCIO, 300, 480, False), _probe(RUCIO, 480, 900, True)]),
    Case("certificate_expiring", "it is renewed", 0, 330,
         [_door(0, 60, ok=True, certificate_days_left=14.2), _door(60, 210, ok=True, certificate_days_left=13.5),
          _door(210, 330, ok=True, certificate_days_left=90.0)], (135, 285, {"target": DOOR})),
    Case("certificate_expiring", "three weeks", 0, 120, [_door(0, 120, ok=True, certificate_days_left=21.0)]),
    Case("host_silent", "a host that comes back", 0, 210,
         [_host("h", 0, 60), _host("h", 135, 210), _host("other", 0, 210)], (105, 165, {"host": "h", "site": "S"})),
    Case("host_silent", "three hosts are their site", 0, 150,
         [_host(one, 0, 60) for one in "abc"] + [_host("other", 0, 150, site="T")], (105, None, {"site": "S"})),
    Case("host_silent", "a reboot", 0, 150, [_host("h", 0, 60), _host("h", 80, 150)]),
    Case("host_clock_offset", "behind", 0, 150,
         [_host("h", 0, 60, 0.001, "clock_offset"), _host("h", 60, 150, -0.3, "clock_offset")], (105, None, {"host": "h"})),
    Case("host_clock_offset", "a step that is corrected", 0, 150,
         [_host("h", 0, 60, 0.001, "clock_offset"), _host("h", 60, 80, 0.5, "clock_offset"),
          _host("h", 80, 150, 0.001, "clock_offset")]),
    Case("host_disk_full", "logs", 0, 150,
         [_host("h", 0, 60, 5e9, "disk_free"), _host("h", 60, 150, 1e8, "disk_free")], (90, None, {"host": "h"})),
    Case("host_disk_full", "a gigabyte left", 0, 90, [_host("h", 0, 90, 1e9, "disk_free")]),
]  # fmt: skip


# --- rounds -----------------------------------------------------------------------------------------------


def _events(rows: list[Row]) -> Iterator[Event]:
    for number, row in enumerate(rows):
        for minute in range(row.begin, row.end, row.every):
            time = f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"
            yield msgspec.convert(
                {**row.event, "id": f"{number:08x}{minute:024x}", "time": time}, TYPES[row.event["dataset"]]
            )


def _write(sink: Any, rows: list[Row]) -> None:
    events = sorted(_events(rows), key=lambda event: event.time)
    chunks = [one for one in sink.encode(events, [msgspec.json.encode(one) for one in events]) if one]
    for start in range(0, len(chunks), 1000):
        outcome = sink.write(chunks[start : start + 1000])
        assert not (outcome.retry or outcome.rejected)


def _check(case: Case, sink: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "GAP_S", 3600.0)
    step = 60 if case.end - case.begin >= DAY else 15
    evaluator = Evaluator({case.rule: RULES[case.rule]}, sink)
    for minute in range(case.begin, case.end + 1, step):
        evaluator.step((START + timedelta(minutes=minute)).timestamp())
        assert evaluator.fault is None
    alerts = [
        (_minute(one.opened), None if one.ended is None else _minute(one.ended), one.labels)
        for one in evaluator.ledger.alerts
    ]
    if case.fires is None:
        assert not alerts
        return
    ((opened, ended, labels),) = alerts  # one, whatever else is abnormal
    assert (opened, ended) == case.fires[:2]
    assert labels.items() >= case.fires[2].items(), json.dumps(labels)


@pytest.mark.parametrize("case", CASES, ids=[f"{case.rule}: {case.what}" for case in CASES])
def test_it_fires_when_it_should(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(DuckdbSink("store", DuckdbOptions(), tmp_path)) as sink:
        _write(sink, case.rows)
        _check(case, sink, monkeypatch)


ELSEWHERE = (
    "network_unreachable: a firewall before one host",  # a threshold with a volume and peers
    "network_delay: a longer route",  # a baseline
    "network_clock_correction: one host is ahead",  # a comparison
    "service_down: one service",  # a state, filtered by what is not known
    "storage_silent: reports stop",  # an absence
)


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize(
    "store", [pytest.param(one, marks=pytest.mark.server(one)) for one in ("elasticsearch", "influxdb")]
)
def test_it_fires_at_the_same_minute_in_other_stores(
    store: str, name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = (one for one in CASES if f"{one.rule}: {one.what}" == name)
    server, own = request.getfixturevalue(store), f"t{uuid.uuid4().hex[:10]}"
    sink: Any
    with ExitStack() as ending:
        if store == "elasticsearch":
            sink = ElasticsearchSink(
                "store", ElasticsearchOptions(urls=[server.url], prefix=own, replicas=0), tmp_path
            )
            ending.callback(delete_indices, server.url, own)
            ending.callback(sink.close)
        else:
            sink = InfluxdbSink("store", InfluxdbOptions(url=server.url, database=own), tmp_path)
            ending.callback(sink.close)
            ending.callback(sink.query, f'DROP DATABASE "{own}"')
        list(sink.setup())
        _write(sink, case.rows)
        if store == "elasticsearch":
            httpx.post(f"{server.url}/{own}-*/_refresh", trust_env=False, timeout=60).raise_for_status()
        _check(case, sink, monkeypatch)


def _minute(at: float) -> int:
    return round((at - START.timestamp()) / 60)


def test_every_rule_has_one_that_fires_and_one_that_must_not() -> None:
    names = {rule.name for rule in (*NETWORK, *STORAGE)}
    assert (
        {case.rule for case in CASES if case.fires}
        == {case.rule for case in CASES if not case.fires}
        == names
    )
