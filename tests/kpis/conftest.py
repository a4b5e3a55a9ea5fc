"""A week of a simulated lake with its incidents, as messages really come: late, repeated, out of order."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import msgspec
import pytest

from lakescope.core.events import (
    AlertChange,
    Annotation,
    Daemon,
    Downtime,
    Event,
    FileOperation,
    FtsQueue,
    Host,
    IncidentReport,
    LinkRequests,
    Network,
    PipelineReport,
    Poll,
    Replica,
    RucioMetric,
    Rule,
    Storage,
    SyncRun,
    Transfer,
)
from lakescope.core.messages import Message
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.simulator import Incident, Options, make_lake, simulate
from lakescope.simulator.cric import rcsite_query, rse_query, service_query
from lakescope.transformers._common import identify
from lakescope.transformers.enrichment import Enrichment
from lakescope.transformers.quantities import quantity_of, series_of
from lakescope.transformers.topology import Topology
from tests.kpis._oracle import Oracle

START = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)  # whole neither in hours nor in days
END = START + timedelta(days=7)

_HOUR = 3600
_OPTIONS = Options(
    sam=_HOUR,
    throughput=8 * _HOUR,
    latency=8 * _HOUR,
    rtt=8 * _HOUR,
    trace=8 * _HOUR,
    clock=24 * _HOUR,
    rules=24 * _HOUR,
    usage=12 * _HOUR,
    accounts=24 * _HOUR,
    metrics=6 * _HOUR,
    optimizer=8 * _HOUR,
    hosts=24 * _HOUR,
    probes=6 * _HOUR,
    statistics=8 * _HOUR,
    availability=6 * _HOUR,
    checks=8 * _HOUR,
    templates=24 * _HOUR,
    monitoring=12 * _HOUR,
    inside=0,  # _rucio() tells it
    downtimes=24 * _HOUR,
    srr=12 * _HOUR,
)
"""A few samples of everything, and most events of transfers: all together some 80,000."""


def _incident(kind: Any, target: str, hour: float, hours: float, peer: str | None = None) -> Incident:
    begin = START.timestamp() + hour * _HOUR
    return Incident(kind, target, begin, begin + hours * _HOUR, peer)


@dataclass(frozen=True)
class Lake:
    """What came, and what is true."""

    events: list[Event]
    """In the order of their coming, repeats included."""
    documents: list[dict[str, Any]]
    """Each event once, as plain data: the oracle's."""

    def of(self, dataset: str) -> list[dict[str, Any]]:
        """The documents of one dataset."""
        return self._by_dataset[dataset]

    @cached_property
    def _by_dataset(self) -> dict[str, list[dict[str, Any]]]:
        found = defaultdict(list)
        for document in self.documents:
            found[document["dataset"]].append(document)
        return found

    @cached_property
    def encoded(self) -> list[bytes]:
        """The events as the pipeline hands them to a sink."""
        return [msgspec.json.encode(event) for event in self.events]


@pytest.fixture(scope="session")
def lake() -> Lake:
    """The lake's stream, a store's contents when all of it is written."""
    made = make_lake()
    topology = Topology(rse_query(made), service_query(made), rcsite_query(made))
    wires = simulate(made, seed=5, start=START, end=END, rate=7, incidents=_incidents(made), options=_OPTIONS)
    messages = _weathered([Message(wire.body, wire.format, wire.headers, wire.time) for wire in wires])
    events = [*Normaliser(formats(), Enrichment(topology))(messages).events, *_polled()]
    documents = {event.id: json.loads(msgspec.json.encode(event)) for event in events}
    assert len(events) > len(documents) * 1.1
    return Lake(events, list(documents.values()))


@pytest.fixture(scope="session")
def oracle(lake: Lake) -> Oracle:
    """The true answers."""
    return Oracle(lake.documents)


def _weathered(messages: list[Message]) -> list[Message]:
    """Every seventh message twice, neighbours in disorder, every fiftieth hours late."""
    chance = random.Random(5)
    places: list[tuple[float, Message]] = []
    for index, message in enumerate(messages):
        place = index + chance.uniform(0, 200) + (chance.uniform(0, len(messages)) if index % 50 == 0 else 0)
        places.append((place, message))
        if index % 7 == 0:
            places.append((place + chance.uniform(0, 2000), message))
    return [message for _, message in sorted(places, key=lambda placed: placed[0])]


def _incidents(lake: Any) -> list[Incident]:
    """One of each kind; hosts that were down begin their counters anew."""
    return [
        _incident("site_down", "LAPP", 30, 30),
        _incident("link_degraded", "SARA-MATRIX", 60, 20, "IN2P3-CC"),
        _incident("disk_full", lake.disks[0].name, 80, 30),
        _incident("fts_stalled", lake.fts[0].alias, 100, 3),
        _incident("certificate_expired", "DESY-HH", 120, 20),
    ]


def _polled() -> list[Event]:
    """What the simulator does not tell, or too seldom: stuck rules, free space, the share of an account (which is not
    the storage element's), links of FTS with a queue, transfers by several hops, hosts with counters and clocks, routes,
    Lakescope's own work."""
    return [
        *(event for number in range(160) for event in _told(number)),
        *_machines(),
        *_rucio(),
        *_counters(),
    ]


_RUCIO = "https://rucio.example.org"


def _rucio() -> Iterator[Event]:
    """What Rucio says of itself every half hour of a day and of the last hours: requests, daemons, bad replicas; some
    answers are empty, some lack what the one before had, some could not be read as a whole."""
    for number, minute in enumerate([*range(60 * 60, 84 * 60, 30), *range(162 * 60, 168 * 60, 30)]):
        time = START + timedelta(minutes=minute, seconds=13)
        common: dict[str, Any] = {
            "time": f"{time:%Y-%m-%dT%H:%M:%S}.25Z",
            "source": "rucio-api",
            "collector": "asker",
            "vo": "escape" if number % 3 else None,
        }
        ids = (identify("rucio", number, place) for place in range(100))
        for kind, events in (
            ("requests", _links(number)),
            ("open_requests", _open(number)),
            ("heartbeats", _heartbeats(number)),
            ("bad_replicas", _bad(number)),
            ("suspicious", _suspicious(number)),
        ):
            scope = f"{_RUCIO}/{kind}"
            found = [] if number % 11 == 5 else list(events)
            for make, fields in found:
                yield make(id=next(ids), poll=scope, **fields, **common)
            yield Poll(
                id=next(ids),
                scope=scope,
                kind=kind,
                count=len(found),
                complete=number % 7 != 3,
                interval_s=1800.0,
                **common,
            )


def _links(n: int) -> Iterator[tuple[type[Event], dict[str, Any]]]:
    for place, (src, dst) in enumerate(
        (("EULAKE-1", "DESY-DCACHE"), ("DESY-DCACHE", "EULAKE-1"), ("A", "B"))
    ):
        for activity in ("User Subscriptions", "Functional Test", None):
            if (n + place) % 4:
                counts = {"queued": n * 3 + place, "queued_bytes": n**4, "failed_1h": n % 3, "failed_6h": n}
                done = {"done_1h": n % 5, "done_6h": n % 5 + n} if n % 9 else {}
                where = {"src_rse": src, "dst_rse": dst, "src_site": "X" if place else None, "dst_site": "Y"}
                yield LinkRequests, {"activity": activity, **where, **counts, **done}


def _open(n: int) -> Iterator[tuple[type[Event], dict[str, Any]]]:
    for place in range(3):
        ages = {"older_12h": n, "older_24h": n // 2, "older_48h": n // 4}
        oldest = None if n % 5 == place else n * 1000.5
        yield (
            LinkRequests,
            {
                "src_rse": "A",
                "dst_rse": f"B{place}",
                "dst_site": "Y",
                "open": 2 * n,
                "oldest_s": oldest,
                **ages,
            },
        )


def _heartbeats(n: int) -> Iterator[tuple[type[Event], dict[str, Any]]]:
    for place in range(6):
        if (n + place) % 5:
            silent_s = float((n * 131 + place * 977) % 2000)
            yield (
                Daemon,
                {
                    "daemon": ("judge-cleaner", "reaper")[place % 2],
                    "host": f"pod{place % 3}",
                    "pid": None if place == 5 else 12 + place,
                    "thread": f"Thread-{place}",
                    "silent_s": silent_s,
                    "silent": silent_s > 600,
                },
            )


def _bad(n: int) -> Iterator[tuple[type[Event], dict[str, Any]]]:
    for place, state in enumerate(("bad", "suspicious", "lost", "recovered")):
        for reason in ("checksum mismatch of <PATH>", None):
            if (n + place) % 6:
                yield (
                    Replica,
                    {
                        "state": state,
                        "rse": f"R{place % 2}",
                        "site": "X",
                        "reason": reason,
                        "count": n + place,
                    },
                )


def _suspicious(n: int) -> Iterator[tuple[type[Event], dict[str, Any]]]:
    for place in range(n % 4):
        yield (
            Replica,
            {
                "state": "suspicious",
                "rse": f"R{place % 2}",
                "scope": "s",
                "name": f"f{place}",
                "attempts": n + 1,
            },
        )


def _counters() -> Iterator[Event]:
    """What happens to Rucio's daemons too seldom to be simulated, every half hour of a day: counters that rise, some
    from 0 again after a restart."""
    transmogrifier = "daemons.transmogrifier.transmogrifier"
    for number, minute in enumerate(range(60 * 60, 84 * 60, 30)):
        time = START + timedelta(minutes=minute, seconds=29)
        for place, (component, metric, exception) in enumerate(
            (
                ("daemons.hermes.hermes", "reconnect", None),
                ("daemons.cache.consumer", "reconnect", None),
                (transmogrifier, "addnewrule_errortype", "InsufficientQuota"),
                (transmogrifier, "addnewrule_errortype", "InvalidRSEExpression"),
                ("lakescope", "statsd_dropped_packets", None),
                ("lakescope", "statsd_refused_series", None),
                ("daemons.conveyor.receiver", "message_rucio", None),
                ("daemons.badreplicas.necromancer", "badfiles_lostfile", None),
            )
        ):
            labels = f'{{exception="{exception}"}}' if exception else ""
            yield RucioMetric(
                id=identify("counters", number, place),
                time=f"{time:%Y-%m-%dT%H:%M:%S}.5Z",
                source="rucio-metrics",
                component=component,
                metric=metric,
                kind="counter",
                instance=f"rucio-{place // 2}.example.org:8080",
                series=f"{component}.{metric}{labels}",
                exception=exception,
                value=float(number % (17 + place) * (place + 1)),
            )
        yield RucioMetric(
            id=identify("throttled", number),
            time=f"{time:%Y-%m-%dT%H:%M:%S}.5Z",
            source="rucio-metrics",
            component="daemons.conveyor.throttler",
            metric="rse_transfer_limits",
            kind="gauge",
            instance="rucio-0.example.org:8080",
            series="daemons.conveyor.throttler.rse_transfer_limits",
            limit_attr="waiting",
            rse="DESY-DCACHE",
            activity="User Subscriptions",
            value=float(number % 7),
        )


def _machines() -> Iterator[Event]:
    """Hosts every ten and every 25 minutes of a day and of the last hours, and one that falls silent after six hours;
    two disks each, one of whose free space is not always known."""
    hours = [*range(60 * 60, 84 * 60), *range(165 * 60, 168 * 60)]
    for place, (host, every, until) in enumerate((("m0", 10, None), ("m1", 25, None), ("m2", 10, 66 * 60))):
        for minute in hours[::every]:
            if until is None or minute < until:
                time = START + timedelta(minutes=minute, seconds=place * 7)
                common: dict[str, Any] = {
                    "time": f"{time:%Y-%m-%dT%H:%M:%S}.5Z",
                    "source": "node_exporter",
                    "host": f"{host}.example.org",
                    "site": "X" if place else None,
                    "type": "gauge",
                }
                for kind, (metric, labels, value) in enumerate(_gauges(minute + 100 * place)):
                    event = Host(
                        id=f"{10**9 + minute * 1000 + place * 100 + kind:032x}",
                        metric=metric,
                        labels=labels or None,
                        value=value,
                        quantity=quantity_of("node_exporter", metric, labels),
                        **common,
                    )
                    event.series = series_of(metric, labels)
                    yield event


def _gauges(n: int) -> Iterator[tuple[str, dict[str, str], float | None]]:
    yield "node_load1", {}, n % 97 / 7
    yield "node_memory_MemTotal_bytes", {}, 2.0**34
    yield "node_memory_MemAvailable_bytes", {}, 2.0**33 - n % 1009 * 1e5
    yield "node_timex_offset_seconds", {}, (n % 31 - 17) / 100
    for disk, size in (("sda", 1e12), ("sdb", 3e12)):
        labels = {"device": f"/dev/{disk}", "mountpoint": f"/{disk}", "fstype": "ext4"}
        yield "node_filesystem_size_bytes", labels, size
        yield "node_filesystem_avail_bytes", labels, None if n % 7 == 3 else size / 2 - n % 773 * 1e8


def _ruled(number: int, ids: Iterator[str], common: dict[str, Any]) -> Iterator[Event]:
    """Rules that nobody asked for, and answers to a question: complete or not, sometimes without a rule."""
    yield Rule(
        id=next(ids),
        event="stuck" if number % 3 else "replicating" if number % 2 else "suspended",
        locks_replicating=number % 2,
        episode=f"{number % 9:032x} {number // 27}" if number % 3 else None,
        locks_stuck=number % 5,
        rule_id=f"{number % 9:032x}",
        account=f"team{number % 4}",
        scope="test",
        stuck_s=number * 37.5 if number % 3 else None,
        **common,
    )
    asked = f"https://rucio.example.org/rules/?state=S&n={number % 2}"
    for rule in range(number % 5):
        yield Rule(
            id=next(ids),
            event="stuck",
            rule_id=f"{rule + number % 4:032x}",
            account=f"team{rule}",
            rse="RSE-1",
            stuck_s=None if rule == 3 else number + rule / 7,
            locks_stuck=rule + 1,
            error_class=f"{rule:012x}",
            error_template=f"no space on <URL> {rule}",
            activity="User Subscriptions" if rule else None,
            poll=asked,
            collector="poller",
            **common,
        )
    yield Poll(
        id=next(ids),
        scope=asked,
        vo="escape",
        kind="rules",
        state="stuck",
        count=number % 5,
        complete=number % 7 != 2,
        interval_s=9000.0,
        collector="poller",
        **common,
    )


def _found(number: int, ids: Iterator[str], common: dict[str, Any]) -> Iterator[Event]:
    """Lakescope's own reports: incidents that begin, grow and end, several at a time."""
    for age, incident in ((number - 5 * first, first) for first in range(30)):
        if not 0 <= age < 4 + incident % 5:
            continue
        began = common["time"] if age == 0 else None
        fields: dict[str, Any] = common | {
            "source": "lakescope",
            "collector": "lakescope",
            "incident": f"I{incident}",
            "state": "ended" if age == 3 + incident % 5 else "open",
            "severity": "ticket" if incident % 3 == 0 else "page",
            "owner": ("site", "storage", "network", "fts")[incident % 4],
            "culprit": f"destination SITE-{incident % 4}",
            "site": f"SITE-{incident % 4}" if incident % 6 == 0 else None,
            "src_site": f"SITE-{incident % 3}" if incident % 4 == 2 else None,
            "dst_site": f"SITE-{incident % 4}" if incident % 6 else None,
            "protocol": "root" if incident % 5 == 4 else None,
            "endpoint": f"fts{incident % 2}.example.org" if incident % 4 == 3 else None,
            "activity": "Production" if incident % 7 == 2 else None,
            "vo": "escape" if incident % 2 else None,
            "failures": 40 + age,
            "attempts": 90,
            "summary": f"I{incident} began",
        }
        if began is not None:
            yield IncidentReport(id=next(ids), event="began", **fields)
        yield IncidentReport(id=next(ids), event="reported", **fields)


def _changed(number: int, common: dict[str, Any]) -> Iterator[Event]:
    """What somebody wrote down: moments, and some that lasted."""
    if number % 20:
        return
    end = datetime.fromisoformat(common["time"]) + timedelta(hours=1) if number % 40 else None
    yield Annotation(
        id=f"{2**120 + number:032x}",
        annotation=f"N{number}",
        revision=1,
        state="noted",
        text=f"change {number}",
        noted=common["time"],
        site=f"SITE-{number % 3}" if number % 40 else None,
        summary=f"change {number} (by Ada)",
        ended=None if end is None else f"{end:%Y-%m-%dT%H:%M:%SZ}",
        ended_ms=None if end is None else round(end.timestamp()) * 1000,
        **common | {"source": "lakescope"},
    )


def _called(number: int, ids: Iterator[str], common: dict[str, Any]) -> Iterator[Event]:
    """Alerts of rules and incidents: pages and tickets, some muted, some acknowledged, some called false."""
    for alert in range(number % 4):
        fields: dict[str, Any] = common | {
            "source": "lakescope",
            "collector": "lakescope",
            "alert": f"A{number}-{alert}",
            "rule": ("incident", "storage_full", "network_loss")[(number + alert) % 3],
            "severity": "page" if (number + alert) % 4 else "ticket",
            "owner": ("site", "storage", "network")[alert % 3],
            "site": f"SITE-{number % 3}" if alert else None,
            "rse": f"RSE-{alert}" if (number + alert) % 3 == 1 else None,
            "vo": "escape" if number % 2 else None,
        }
        yield AlertChange(id=next(ids), event="opened", elapsed_s=number + alert / 3, **fields)
        if (number + alert) % 5:
            yield AlertChange(id=next(ids), event="notified", elapsed_s=number * 7.0 + alert, **fields)
            for event in ("acknowledged", "false_alarm")[: number % 3]:
                yield AlertChange(id=next(ids), event=event, elapsed_s=number * 3.5, **fields)
        yield AlertChange(id=next(ids), event="ended", elapsed_s=number * 100.0, **fields)


def _declared(number: int, ids: Iterator[str], common: dict[str, Any]) -> Iterator[Event]:
    """A portal's answers: downtimes that are planned, run, and end or are cancelled; some of several hosts."""
    common = common | {"source": "gocdb"}
    asked = "https://goc.example.org/?method=get_downtime"
    for age, downtime in ((number - 4 * first, first) for first in range(40)):
        if not 0 <= age < (3 if downtime % 5 == 4 else 9):  # every fifth is cancelled before its end
            continue
        began = START + timedelta(seconds=(4 * downtime + 3 + downtime % 3) // 2 * 7500)
        end = None if downtime % 11 == 3 else began + timedelta(hours=4)
        ended = f"{end:%Y-%m-%dT%H:%M:%SZ}" if end else None
        for host in range(1 + downtime % 3):
            if age == 3:
                yield Downtime(
                    id=next(ids),
                    event="began",
                    downtime_id=f"D{downtime}",
                    host=f"h{host}.example.org",
                    summary=f"D{downtime} of h{host} began",
                    ended=ended,
                    ended_ms=round(end.timestamp() * 1000) if end else None,
                    **common,
                )
            yield Downtime(
                id=next(ids),
                event="reported",
                downtime_id=f"D{downtime}",
                state="planned" if age < 3 + downtime % 3 else "running" if age < 7 else "ended",
                site=f"SITE-{downtime % 4}" if downtime % 7 else None,
                rse=f"RSE-{host}",
                host=f"h{host}.example.org",
                service=("webdav", "XRootD")[(downtime + host) % 2],
                severity="warning" if downtime % 4 == 1 else "outage",
                classification="unscheduled" if downtime % 3 == 2 else "scheduled",
                started=f"{began:%Y-%m-%dT%H:%M:%SZ}",
                ended=ended,
                portal_site=f"RC-{downtime % 4}",
                poll=asked,
                vo="escape",
                collector="portal",
                **common,
            )
    yield Poll(
        id=next(ids),
        scope=asked,
        vo="escape",
        kind="downtimes",
        count=1,
        complete=number % 9 != 2,
        interval_s=9000.0,
        collector="portal",
        **common,
    )


def _self_reported(number: int, ids: Iterator[str], common: dict[str, Any]) -> Iterator[Event]:
    """Storage services: shares that overlap, of which some are of one RSE."""
    common = common | {"source": "srr", "storage_service": f"dcache-{number % 2}"}
    whole = {"used": 10**14 + number, "total": 10**15, "age_s": 60.5 * number}
    yield Storage(id=next(ids), media="online", site="X", **whole, **common)
    for share in range(3):
        used = 10**13 * share + number**2
        yield Storage(
            id=next(ids),
            share=f"share-{share}",
            media="nearline" if share == 2 else "online",
            rse=f"RSE-{share}" if share else None,
            site="X" if share else None,
            country="XX" if share else None,
            qos="SAFE" if share == 1 else None,
            vo="escape" if share else None,
            used=used,
            total=10**14,
            free=10**14 - used,
            files=number * share,
            age_s=None if number % 3 == 0 else 3600.0 * share,
            **common,
        )


def _billed(number: int, ids: Iterator[str], common: dict[str, Any]) -> Iterator[Event]:
    """A storage's own records: reads and writes of clients, the request behind them, tape; some failed, some warnings."""
    for record in range(number % 4):
        event = ("request", "read", "write", "restore", "warning")[(number + record) % 5]
        yield FileOperation(
            id=next(ids),
            event=event,
            ok=None if event == "warning" else bool((number + record) % 3),
            site=f"SITE-{number % 3}" if record else None,
            pool=f"pool-{record}",
            protocol="xrootd" if number % 2 else "http",
            ip_version=(4, 6, None)[number % 3],
            vo="escape" if number % 2 else None,
            bytes=None if record == 2 else 10**9 + number**2,
            queue_s=None if number % 5 == 0 else number / 3 + record,
            storage_class="tape" if event == "restore" else None,
            tape_system="osm" if event == "restore" else None,
            **common | {"source": "dcache", "collector": "billing"},
        )


def _told(number: int) -> Iterator[Event]:
    """At one time, some of it in one hour with the next, some in one second."""
    time = f"{START + timedelta(seconds=number // 2 * 7500.25 + number % 2 * 31):%Y-%m-%dT%H:%M:%S}"
    common: dict[str, Any] = {"time": f"{time}.{number * 25 % 100:02}Z", "source": "rucio-api"}
    ids = (f"{number * 100 + kind:032x}" for kind in range(100))
    yield from _ruled(number, ids, common)
    yield from _declared(number, ids, common)
    yield from _found(number, ids, common)
    yield from _called(number, ids, common)
    yield from _self_reported(number, ids, common)
    yield from _billed(number, ids, common)
    yield from _changed(number, common)
    whole = {"rse": f"RSE-{number % 3}", "site": "X" if number % 3 else None, "total": 11 * 10**15}
    if number < 60:  # and never again
        yield Storage(id=next(ids), rse="RSE-GONE", used=number, free=5, total=10**6, **common)
    used = 10**15 + (number**3 if number % 3 else -number)
    yield Storage(id=next(ids), used=used, free=10**16 - number, files=number * 7, **whole, **common)
    for account in ("team0", "team1"):
        share = {"account": account, "used": number**2, "files": number}
        yield Storage(
            id=next(ids),
            rse=f"RSE-{number % 3}",
            total=10**5 if account == "team0" else None,
            **share,
            **common,
        )
    if number % 2:  # two of one moment would be stale at once
        yield Storage(
            id=next(ids),
            rse="tier=1",
            account="team0",
            usage_source="global",
            used=number,
            total=200,
            **common,
        )
    yield Storage(
        id=next(ids),
        rse=f"RSE-{number % 3}",
        site="X",
        usage_source="availability",
        readable=number % 5 > 0,
        writable=None if number % 13 == 2 else number % 4 > 0,
        deletable=number % 6 > 0,
        **common,
    )
    for source in (
        *("expired", "obsolete", "unavailable", "unlocked", "static", "min_free_space", "MinFreeSpace"),
    ):
        part = {"usage_source": source, "used": number * 100 + len(source)}
        yield Storage(
            id=next(ids), rse=f"RSE-{number % 3}", site="X", country="XX", qos="SAFE", **part, **common
        )
    yield FtsQueue(
        id=next(ids),
        endpoint="fts.example.org",
        src_host=f"se{number % 5}.example.org",
        dst_host="se9.example.org" if number % 2 else None,
        submitted=number * 10,
        active=None if number % 4 == 0 else number,
        throughput=number * 1e6 / 7,
        success_rate=number / 160,
        staging=number % 7 if number % 3 else None,
        archiving=number % 5,
        finished=number % 11 if number % 2 else None,
        failed=number % 4,
        ended=number % 11 + number % 4,
        **common,
    )
    yield Network(
        id=next(ids),
        test="trace",
        src_host="a.example.org",
        dst_host=f"b{number % 3}.example.org",
        ip_version=4 if number % 2 else 6,
        route_id=f"{number % 7:012x}",
        **common,
    )
    yield Network(
        id=next(ids),
        test="throughput",
        src_host="a.example.org",
        dst_host=f"b{number % 3}.example.org",
        ip_version=4 if number % 2 else 6,
        tool="iperf3",
        jitter_s=None if number % 4 == 0 else number / 7000,
        **common,
    )
    yield Transfer(
        id=next(ids),
        event="done",
        ok=True,
        bytes=number**5,
        multihop=number % 3 == 0,
        transfer_mode=("3rd pull", "streamed", None)[number % 3],
        datatype="RAW",
        request_id=f"{number:032x}",
        **{**common, "source": "fts" if number % 4 == 1 else "rucio"},
    )
    for kind in ("counter", "gauge"):
        for labels in (
            {"cpu": "0", "mode": "user"},
            {"cpu": "0", "mode": "idle"},
            {"cpu": "1", "mode": "idle"},
        ):
            yield Host(
                id=next(ids),
                host=f"h{number % 2}.example.org",
                metric=f"cpu_{kind}",
                type=kind,  # type: ignore[arg-type]
                quantity="cpu_idle" if labels["mode"] == "idle" else "cpu_busy",
                value=None if number % 11 == 5 else (number % 50) ** 2 / 3 + len(labels["mode"]),
                labels=labels,
                series=series_of(f"cpu_{kind}", labels) if kind == "gauge" else None,
                **common,
            )
    yield Host(
        id=next(ids),
        host=f"h{number % 2}.example.org",
        metric="clock",
        type="gauge",
        quantity="clock_offset",
        series="clock",
        value=(number - 90) / 700,
        **common,
    )
    for stage, told in (
        ("collector", {"received": number * 3, "silent_s": 60.0 if number % 5 == 0 else 0.0}),
        (
            "sink",
            {"stored": number * 2, "dead": number % 4 // 3, "retries": number % 3, "queued": number % 17},
        ),
    ):
        yield PipelineReport(
            id=next(ids),
            instance=f"scope{number % 2}",
            stage=stage,  # type: ignore[arg-type]
            name="main",
            seconds=60.0,
            lag_p50_s=None if stage == "collector" else number / 7,
            lag_p99_s=None if stage == "collector" else number * 1.5,
            overflow_bytes=None if stage == "collector" else number**3,
            overflow_age_s=None if stage == "collector" else number / 3,
            overflowed=None if stage == "collector" else number,
            token_life_s=number * 11.5 if stage == "collector" else None,
            token_failures=number % 4 if stage == "collector" else None,
            **told,
            **common,
        )
    yield SyncRun(
        id=next(ids),
        sync="rses" if number % 2 else "accounts",
        target="https://rucio.example.org" if number % 3 else None,
        ok=bool(number % 4),
        drift=number % 7 if number % 4 else None,
        drift_age_s=number * 60.0 if number % 4 else None,
        applied=number % 5,
        **common,
    )
