"""Large lakes in Grafana: a search stays within a store's buckets, and of what cannot be shown the right end is kept."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import httpx
import pytest
from msgspec import structs

from lakescope.app.words import duration
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.grafana import Store, build
from lakescope.dashboards.grafana._common import TOTAL
from lakescope.dashboards.grafana.extension import Json, panels_of
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from lakescope.transformers.quantities import series_of
from tests.dashboards._grafana import Elastic, View, interpolate, round_interval
from tests.servers.fixtures import delete_indices

MAX_BUCKETS = 65_535
"""``search.max_buckets`` of OpenSearch; Elasticsearch's is one more."""
SPAN = timedelta(hours=24)
SINCE = datetime(2026, 1, 5, tzinfo=UTC)
MANY = 300
MIDDLE = SINCE + timedelta(hours=12)


@pytest.mark.parametrize("store", ["elasticsearch", "opensearch", "monit"])
@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_search_stays_within_the_buckets_of_a_store(name: str, store: Store) -> None:
    """With as many groups as a target asks for, on each level, at the bin that Grafana chooses first."""
    dashboard = DASHBOARDS[name]
    for panel in panels_of(build(dashboard, store).document):
        _fits(panel, dashboard.since)


@pytest.mark.parametrize("hours", [1, 6, 9, 11.6, 24, 48, 96, 7 * 24, 30 * 24, 90 * 24])
def test_at_any_range_as_well(hours: float) -> None:
    """Grafana rounds a bin up and down; up to three months a panel's groups times its bins fit."""
    for panel in panels_of(build(DASHBOARDS["storage"], "opensearch").document):
        _fits(panel, f"{hours}h")


def _fits(panel: Json, since: str) -> None:
    for target in panel.get("targets", ()):
        levels = [_size(bucket, panel, since) for bucket in target["bucketAggs"]]
        if MAX_BUCKETS in levels:  # whole or refused: each level has as many buckets as there are series
            assert _stated_series(panel) * len(levels) <= MAX_BUCKETS, (panel["title"], levels)
            assert _stated_series(panel) >= 9_000, "what a lake of some size has"
            continue
        buckets = sum(math.prod(levels[: i + 1]) for i in range(len(levels)))
        assert buckets <= MAX_BUCKETS, (panel["title"], target["refId"], since, levels)


def _stated_series(panel: Json) -> int:
    """Of how many series the panel says that it takes them."""
    (count,) = re.findall(r"Complete for up to ([\d,]+) reported series", panel["description"])
    return int(count.replace(",", ""))


def _size(bucket: Json, panel: Json, since: str) -> int:
    if bucket["type"] == "terms":
        size, order = int(bucket["settings"]["size"]), bucket["settings"]["orderBy"]
        return size if order == "_key" else int(1.5 * size + 10)  # a shard's answer: OpenSearch counts it
    range_s = duration(since)
    interval_s = max(
        round_interval(range_s / panel["maxDataPoints"]), round_interval(range_s / 200)
    )  # `interval` is the variable of the shortest bin, whose own is a 200th
    assert panel["interval"] == "$bin"
    return math.ceil(range_s / interval_s) + 1


# --- real stores -----------------------------------------------------------------------------------------


class Full(NamedTuple):
    """A store with 300 storage elements and 300 hosts, and Grafana's way to it."""

    store: Literal["elasticsearch", "opensearch"]
    source: Elastic


@pytest.fixture(
    scope="module",
    params=[pytest.param(s, marks=pytest.mark.server(s)) for s in ("elasticsearch", "opensearch")],
)
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Full]:
    server, prefix = request.getfixturevalue(request.param), f"t{uuid.uuid4().hex[:10]}"
    options = ElasticsearchOptions(urls=[server.url], prefix=prefix, replicas=0, flavour=request.param)
    sink = ElasticsearchSink("store", options, Path(tmp_path_factory.mktemp("store")))
    list(sink.setup())
    _bulk(server.url, prefix, list(_documents()))
    source = Elastic(server.url, f"{prefix}-*", request.param, "@timestamp")
    yield Full(request.param, source)
    source.client.close()
    sink.close()
    delete_indices(server.url, prefix)


def _documents() -> Iterator[Json]:
    """Host and storage element i have i MB free (another disk more); the first half of the elements have no site."""
    for hour in (1, 23):
        time = f"{SINCE + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"
        for i in range(1, MANY + 1):
            host = {"dataset": "hosts", "host": f"h{i}", "source": "node_exporter", "type": "gauge"}
            for quantity in ("disk_free", "memory_available", "clock_offset", "load1"):
                metric = {"metric": quantity, "quantity": quantity, "value": i * 1e6}
                yield {"time": time, **host, **metric, "series": series_of(quantity, None)}
            roomy = {"metric": "disk_free", "quantity": "disk_free", "value": (2 * MANY - i) * 1e6}
            yield {"time": time, **host, **roomy, "series": series_of("disk_free", {"path": "/data"})}
            site = {"site": f"S{i}"} if i > MANY / 2 else {}
            size = {"used": (MANY - i) * 1e6, "free": i * 1e6, "total": MANY * 1e6, "files": i}
            yield {"time": time, "dataset": "storage", "rse": f"RSE-{i}", **site, **size}
    yield from _queues()
    for i in range(MANY):
        source = {"src_site": "NAMED"} if i % 3 else {}
        event = {"event": "failed", "ok": False, "source": "rucio", "kind": "transfer", "dst_site": "D"}
        yield {"time": f"{MIDDLE:%Y-%m-%dT%H:%M:%SZ}", "dataset": "transfers", **event, **source}


QUEUES = 9_362


def _queues() -> Iterator[Json]:
    """A queue of each link between so many hosts, none of which is of two links; more of them two days later."""
    for i in range(QUEUES + 3_000):
        time = MIDDLE + timedelta(days=0 if i < QUEUES else 2)
        sites = {"src_site": f"S{i % 100}", "dst_site": f"D{i // 100}"}
        series = {name: f"{name}-{i}" for name in ("endpoint", "src_host", "dst_host", "protocol")}
        yield {"time": f"{time:%Y-%m-%dT%H:%M:%SZ}", "dataset": "fts_queue", "staging": 2} | sites | series


def _bulk(url: str, prefix: str, documents: list[Json]) -> None:
    lines = []
    for one in documents:
        action = {"index": {"_index": f"{prefix}-{one['dataset']}-2026.01", "_id": uuid.uuid4().hex}}
        lines += [json.dumps(action), json.dumps(one | {"@timestamp": one["time"]})]
    body, kind = "\n".join([*lines, ""]), {"content-type": "application/x-ndjson"}
    answer = httpx.post(f"{url}/_bulk?refresh=true", content=body, headers=kind, timeout=60, trust_env=False)
    assert not answer.raise_for_status().json()["errors"], answer.text[:500]


VIEW = View(since=SINCE, until=SINCE + SPAN, interval_s=300)


def _asked(full: Full, name: str, view: View = VIEW) -> dict[str, list[Any]]:
    """Panel -> its frames, of the targets that the test's store can answer (its Elasticsearch has no scripts)."""
    document = build(DASHBOARDS[name], full.store).document
    return {
        interpolate(panel["title"], document, view): full.source.query(document, targets, view)
        for panel in panels_of(document)
        if (targets := [t for t in panel["targets"] if full.store == "opensearch" or not _scripted(t)])
    }


def _scripted(target: Json) -> bool:
    return any(metric["type"] == "bucket_script" for metric in target["metrics"])


def test_no_panel_fails_at_300_storage_elements_and_hosts(full: Full) -> None:
    for name in ("storage", "hosts", "lake"):
        shown = _asked(full, name)
        assert shown
    (table,) = (frame for frame in _asked(full, "storage")["RSEs"] if frame.ref == "B")
    assert len(set(table.columns["rse"])) == MANY, "a table shows all"


def test_series_of_several_fields_are_counted_whole_or_not_at_all(full: Full) -> None:
    document = build(DASHBOARDS["storage"], full.store).document
    (panel,) = (one for one in panels_of(document) if one["title"].startswith("Staging and archiving"))
    assert _stated_series(panel) == QUEUES
    (frame,) = full.source.query(document, panel["targets"][:1], VIEW)
    assert sum(frame.columns["Max"]) == 2 * QUEUES
    with pytest.raises(AssertionError, match="too_many_buckets"):
        full.source.query(
            document, panel["targets"][:1], structs.replace(VIEW, until=VIEW.until + timedelta(days=2))
        )


def test_the_fullest_disks_are_kept_and_all_are_counted(full: Full) -> None:
    hosts = _asked(full, "hosts")
    for title in ("Free space of the fullest disk by host", "Least memory available by host"):
        series = [frame.name for frame in hosts[title] if frame.ref == "A"]
        assert sorted(series) == sorted(f"h{i}" for i in range(1, 21)), title
        (total,) = (frame for frame in hosts[title] if frame.ref == "total")
        assert total.name == TOTAL
        assert max(total.columns["Value"]) == MANY
    load = [frame.name for frame in hosts["Load (1 minute) by host"] if frame.ref == "A"]
    assert sorted(load) == sorted(f"h{i}" for i in range(MANY - 19, MANY + 1)), "of a load the greatest"


def test_the_table_of_hosts_keeps_the_fullest_disks(full: Full) -> None:
    titles = {"F": "host_memory_available", "H": "host_disk_free"}
    frames = {frame.ref: frame for frame in _asked(full, "hosts")["Hosts"]}
    for ref, kpi in titles.items():
        columns = frames[ref].columns
        least: dict[str, float] = {}
        for host, value in zip(columns["host"], columns["Max"], strict=True):
            least[host] = min(value, least.get(host, math.inf))
        assert least == {f"h{i}": i * 1e6 for i in range(1, MANY + 1)}, kpi


def test_a_click_on_unknown_shows_what_has_no_value(full: Full) -> None:
    table = _asked(full, "failures")["Failures of each source"][0]
    counts = dict(zip(table.columns["src_site"], table.columns["Count"], strict=True))
    assert counts == {"NAMED": 200, "unknown": 100}
    for chosen, expected in ((["unknown"], 100), (["NAMED"], 200), (["NAMED", "unknown"], 300), (["X"], 0)):
        view = View(since=SINCE, until=SINCE + SPAN, interval_s=300, chosen={"source": chosen})
        frames = _asked(full, "failures", view)["Failures of each destination"]
        assert sum(sum(frame.columns["Count"]) for frame in frames) == expected, chosen
