"""Every query of every panel, asked of a real store as Grafana asks: the panel shows what the KPI says.

The emulation is tests/dashboards/_grafana.py. Scripts (ratios, rates) run on OpenSearch only: the Elasticsearch of
the test shelf has no script engine.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, NamedTuple

import httpx
import pytest
from msgspec import structs

from lakescope.app.query import ask, ask_many
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.dashboards.grafana import Store, build
from lakescope.dashboards.grafana.extension import Json, panels_of
from lakescope.dashboards.grafana.panels import last_reports
from lakescope.dashboards.model import Dashboard, Number, Panel
from lakescope.dashboards.questions import Selection, as_chosen, listing_of, query_of, series_of
from lakescope.kpis import CATALOGUE, Query
from lakescope.kpis.model import UNKNOWN, Condition, Part, PerSecond, combine, parts
from lakescope.sinks.elasticsearch import ElasticsearchOptions, ElasticsearchSink
from lakescope.sinks.influxdb import InfluxdbOptions, InfluxdbSink
from lakescope.sinks.monit import MonitEncoder
from tests.dashboards._grafana import Elastic, Frame, Influx, View, interpolate, transform
from tests.kpis._oracle import meets, seconds
from tests.kpis._oracle_states import Reports, States
from tests.kpis._queries import EVERY_QUESTION
from tests.kpis.conftest import END, START, Lake
from tests.servers.elasticsearch import Elasticsearch
from tests.servers.fixtures import delete_indices
from tests.servers.influxdb import InfluxDB
from tests.servers.opensearch import OpenSearch

BATCH = 2000  # chunks a write
INTERVAL_S = 6 * 3600
NOTHING: set[str] = set()
"""Panels that show nothing in the simulated week."""
EVERYTHING = View(since=START, until=END, interval_s=INTERVAL_S)


class Loaded(NamedTuple):
    """A store that holds the lake, and Grafana's way to it."""

    store: Store
    sink: Any
    kind: str
    source: Elastic | Influx
    lake: Lake


STORES = [
    pytest.param(store, marks=pytest.mark.server(server))
    for store, server in (
        ("elasticsearch", "elasticsearch"),
        ("opensearch", "opensearch"),
        ("influxdb", "influxdb"),
        ("monit", "opensearch"),
    )
]


@pytest.fixture(scope="module")
def filled(
    request: pytest.FixtureRequest, lake: Lake, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Loaded]]:
    """Fills a server once: MONIT's documents lie beside those of OpenSearch, which is what they are compared with."""
    assert not any(document["time"].startswith(f"{END:%Y-%m-%dT%H:%M:%S}") for document in lake.documents), (
        "Grafana's range has its end in it, a KPI's has not"
    )
    with ExitStack() as ending:

        @cache
        def of(name: str) -> Loaded:
            if name == "monit":
                return _monit(of("opensearch"), lake, ending)
            server, folder = request.getfixturevalue(name), tmp_path_factory.mktemp("store")
            fill = _influxdb if name == "influxdb" else _elastic
            return fill(server, lake, folder, ending)

        yield of


@pytest.fixture(scope="module", params=STORES)
def loaded(request: pytest.FixtureRequest, filled: Callable[[str], Loaded]) -> Loaded:
    """One store after the other."""
    return filled(request.param)


ONE_OF_TWO = {} if EVERY_QUESTION else {"elasticsearch": 0, "monit": 1}
"""Their documents differ from OpenSearch's by scripts and by a prefix: each dashboard is asked of one of them."""


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_show_the_kpis(name: str, loaded: Loaded) -> None:
    half = list(DASHBOARDS).index(name) % 2
    if ONE_OF_TWO.get(loaded.store, half) != half:
        pytest.skip("asked of the other one of the two")
    selection = Selection(since=START, until=END, bin_s=INTERVAL_S)
    assert _compare_all(DASHBOARDS[name], loaded, EVERYTHING, selection) <= NOTHING, "nothing to compare"


@pytest.mark.parametrize("name", ["transfers", "link", "storage", "failures"])
def test_a_viewers_choice_counts(name: str, lake: Lake, loaded: Loaded) -> None:
    """Two values of each variable, and no functional tests."""
    dashboard = DASHBOARDS[name]
    chosen = {
        variable.name: _values(lake, variable.dataset, variable.dimension)[:2]
        for variable in dashboard.variables[-4:]
        if loaded.store != "influxdb" or variable.name != "error"
    }
    view = View(since=START, until=END, interval_s=INTERVAL_S, chosen=chosen, noise="out")
    selection = Selection(
        since=START,
        until=END,
        bin_s=INTERVAL_S,
        noise=False,
        variables={k: tuple(v) for k, v in chosen.items()},
    )
    _compare_all(dashboard, loaded, view, selection)


def test_a_choice_of_unknown_counts(loaded: Loaded) -> None:
    """What its option stands for: the events without a value."""
    if loaded.store == "monit":
        pytest.skip("MONIT's index templates are not ours: its documents have no field of that name")
    templates = build(DASHBOARDS["failures"], loaded.store).document["templating"]["list"]
    (option,) = next(one for one in templates if one["name"] == "source")["staticOptions"]
    assert option["text"] == "unknown"
    view = View(since=START, until=END, interval_s=INTERVAL_S, chosen={"source": [option["value"]]})
    for name in ("network", "link"):
        selection = Selection(since=START, until=END, bin_s=INTERVAL_S, variables={"source": (UNKNOWN,)})
        nothing = _compare_all(DASHBOARDS[name], loaded, view, selection)
        assert len(nothing) < len(DASHBOARDS[name].panels), "something is compared"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_list_what_there_is(name: str, lake: Lake, loaded: Loaded) -> None:
    """Each variable's choices are the values of its field."""
    made = {one["name"]: one for one in build(DASHBOARDS[name], loaded.store).document["templating"]["list"]}
    for variable in DASHBOARDS[name].variables:
        if variable.name not in made:
            assert (loaded.store, variable.name) == ("influxdb", "error")
            continue
        found = loaded.source.values(made[variable.name]["query"], EVERYTHING)
        assert found == sorted(_values(lake, variable.dataset, variable.dimension)), variable.name


@pytest.mark.parametrize(
    ("name", "group", "text"),
    [
        ("transfers", "activity", "activity"),
        ("transfers", "dst_rse", "destination RSE"),
        ("failures", "src_site", "source"),
        ("hosts", "site", "site"),
        ("network", "dst_site", "destination"),
    ],
)
def test_a_viewer_groups_by_what_they_choose(name: str, group: str, text: str, loaded: Loaded) -> None:
    if (loaded.store, name) == ("influxdb", "hosts"):
        pytest.skip("counters are added up by host only: some of its panels keep that grouping")
    dashboard = DASHBOARDS[name]
    view = structs.replace(EVERYTHING, group=text)
    selection = Selection(since=START, until=END, bin_s=INTERVAL_S, group=group)
    nothing = _compare_all(dashboard, loaded, view, selection)
    grouped = {as_chosen(dashboard, panel, group).title for panel in dashboard.panels if panel.grouped}
    assert all(f" by {text}" in title for title in grouped)
    assert not grouped & nothing, "each is compared"


def test_a_viewers_own_filters_count(loaded: Loaded) -> None:
    """Of a dataset that has their fields in all of its panels; Grafana puts them into every query."""
    template = list(build(DASHBOARDS["failures"], loaded.store).document["templating"]["list"])
    assert any(one["type"] == "adhoc" for one in template) == (loaded.store != "influxdb")
    if loaded.store == "influxdb":
        pytest.skip("Grafana adds no filters to InfluxQL that is written out")
    activity, protocol = (_values(loaded.lake, "transfers", name)[0] for name in ("activity", "protocol"))
    prefix = "data." if loaded.store == "monit" else ""
    filters = ((f"{prefix}activity", "=", activity), (f"{prefix}protocol", "!=", protocol))
    view = structs.replace(EVERYTHING, filters=filters)
    conditions = (Condition("activity", "in", (activity,)), Condition("protocol", "not", protocol))
    selection = Selection(since=START, until=END, bin_s=INTERVAL_S, filters=conditions)
    nothing = _compare_all(DASHBOARDS["failures"], loaded, view, selection)
    assert len(nothing) < len(DASHBOARDS["failures"].panels) / 2


def test_a_table_that_may_lack_hosts_says_how_many_there_are(loaded: Loaded) -> None:
    document = build(DASHBOARDS["hosts"], loaded.store).document
    table, *rest = panels_of(document)
    if loaded.store == "influxdb":
        assert rest[0]["title"], "InfluxQL cuts nothing"
        return
    count = rest[0]
    assert count["gridPos"]["y"] == table["gridPos"]["y"] + table["gridPos"]["h"], "right below it"
    (name,) = (one["value"] for one in count["fieldConfig"]["overrides"][0]["properties"])
    assert name == "host: number in all, at most 47 in a column above"
    (frame,) = loaded.source.query(document, count["targets"], EVERYTHING)
    assert frame.columns["Unique Count"] == [len(_values(loaded.lake, "hosts", "host"))]


def test_clock_offsets_are_ranked_by_their_distance_from_0(loaded: Loaded) -> None:
    """The store keeps the worst hosts, on whichever side of 0 their clocks are."""
    if loaded.store not in ("opensearch", "monit"):
        pytest.skip("InfluxQL cuts nothing; the Elasticsearch of the test shelf has no script engine")
    document = build(DASHBOARDS["hosts"], loaded.store).document
    (table,) = (panel for panel in panels_of(document) if panel["title"] == "Hosts")
    offsets: dict[str, float] = {}
    for one in loaded.lake.of("hosts"):
        if one.get("quantity") == "clock_offset":
            offsets[one["host"]] = max(offsets.get(one["host"], 0.0), abs(one["value"]))
    worst = max(offsets, key=lambda host: offsets[host])
    signed = [one["value"] for one in loaded.lake.of("hosts") if one.get("quantity") == "clock_offset"]
    assert min(signed) < 0 < max(signed)
    (target,) = (one for one in table["targets"] if "clock_offset" in one["query"])
    target["bucketAggs"][0]["settings"]["size"] = "1"
    (frame,) = loaded.source.query(document, [target], EVERYTHING)
    assert set(frame.columns[target["bucketAggs"][0]["field"]]) == {worst}


def test_annotations_are_the_critical_checks_the_downtimes_the_incidents_and_the_interventions(
    lake: Lake, loaded: Loaded
) -> None:
    document = build(DASHBOARDS["probes"], loaded.store).document
    annotation, *others = document["annotations"]["list"]
    found = [text for text, _ in loaded.source.annotations(document, annotation, EVERYTHING)]
    critical = [one["message"] for one in lake.of("probes") if one["status"] == "critical"]
    assert len(critical) > 10
    assert sorted(found) == sorted(critical)
    first = f"{START:%Y-%m-%dT%H:%M:%S}"  # what began before the range is not marked
    for dataset, one in zip(("downtimes", "incidents", "annotations"), others, strict=True):
        began = [
            (event["summary"], event.get("ended_ms"))
            for event in lake.of(dataset)
            if event.get("event", "began") == "began" and event["time"] >= first
        ]
        assert began and any(end for _, end in began) == (dataset != "incidents")
        assert sorted(loaded.source.annotations(document, one, EVERYTHING)) == sorted(began)


def _compare_all(dashboard: Dashboard, loaded: Loaded, view: View, selection: Selection) -> set[str]:
    """Titles of panels that show nothing."""
    built = build(dashboard, loaded.store)
    left = [as_chosen(dashboard, panel, selection.group) for panel in dashboard.panels]
    outcomes = []
    for made in panels_of(built.document):
        if not made.get("title"):
            continue  # how many groups there are
        title = interpolate(made["title"], built.document, view)
        while title not in (left[0].title, f"{left[0].title}: last reports"):
            left.pop(0)  # left out
        panel = left.pop(0)
        if panel.title != title:
            panel = last_reports(panel) or panel
        outcomes.append(
            (panel.title, _compare(dashboard, panel, made, built.document, loaded, view, selection))
        )
    return {title for title, outcome in outcomes if outcome is False}


def _compare(
    dashboard: Dashboard,
    panel: Panel,
    made: Json,
    document: Json,
    loaded: Loaded,
    view: View,
    selection: Selection,
) -> bool | None:
    """Whether the panel shows anything; null if it is not asked."""
    if panel.kind == "text":
        return None
    if loaded.store == "elasticsearch" and "bucket_script" in json.dumps(made["targets"]):
        return None
    frames = loaded.source.query(document, made["targets"], view)
    if panel.listing is not None:
        shown = transform(frames, made["transformations"])
        return _compare_events(dashboard, panel, shown, loaded, selection)
    measured = False
    for number, label, ref in _answered(panel, made):
        query = query_of(dashboard, panel, number, selection)
        rows = _states(query, loaded) if query.is_snapshot else ask(query, loaded.sink)
        where = f"{loaded.store} {dashboard.name} {panel.title}: {number.kpi} by {number.by}"
        if panel.traits.is_over_time:
            expected = {
                (_key(loaded, number, row[number.by[0]]) if number.by else "", _moment(row)): row["value"]
                for row in rows
            }
            found = _over_time(number, label, [frame for frame in frames if frame.ref == ref])
            if loaded.store == "influxdb" and isinstance(CATALOGUE[number.kpi].value, PerSecond):
                found, expected = _of_whole_bins(found, expected, view)
        else:
            expected = {tuple(_key(loaded, number, row[n]) for n in number.by): row["value"] for row in rows}
            found = _of_range(panel, number, label, transform(frames, made["transformations"]))
        _equal(where, number, panel, expected, found, loaded.store)
        measured |= any(expected.values())
    return measured


def _states(query: Query, loaded: Loaded) -> list[dict[str, Any]]:
    """What Grafana can tell of states: the last report within the range, however old; over time InfluxQL's last one of
    each series in a bin, or what is made of all of the bin's reports: of one series the mean."""
    begin, end = (f"{moment:%Y-%m-%dT%H:%M:%S}" for moment in (query.since, query.until))
    within = [document for document in loaded.lake.of(query.dataset) if begin <= document["time"] < end]
    if query.bin_s is None:
        states = _in_range(query, within)
        return [dict(zip(query.by, group, strict=True)) | {"value": v} for group, v in states.rows().items()]
    found: dict[tuple[Any, ...], list[dict[Any, list[float]]]] = {}
    series = _in_range(structs.replace(query, bin_s=None), within)
    for index, reports in enumerate(series.series):
        told = ((key, one) for key, events in reports.items() for one in events if series.is_chosen(one))
        for of, report in told:
            time = datetime.fromtimestamp(seconds(report["time"]) // query.bin_s * query.bin_s, UTC)
            key = (f"{time:%Y-%m-%dT%H:%M:%SZ}", *(report.get(name) for name in query.by))
            of_parts = found.setdefault(key, [{} for _ in series.series])
            of_parts[index].setdefault(of, []).append(report[series.parts[index].field])
    return [
        dict(zip(("time", *query.by), key, strict=True))
        | {
            "value": _of_parts(
                query, [_of_bin(*one, loaded.store) for one in zip(series.parts, told, strict=True)]
            )
        }
        for key, told in found.items()
    ]


def _of_bin(part: Part, of_series: dict[Any, list[float]], store: str) -> float | None:
    last_only = store == "influxdb"
    values = [one for reports in of_series.values() for one in (reports[-1:] if last_only else reports)]
    if not values:
        return None
    if part.over == "sum":
        return sum(values) if last_only else fmean(values)
    return {"mean": fmean, "min": min, "max": max, "largest": lambda some: max(map(abs, some))}[part.over](
        values
    )


class _InRange(States):
    """Nothing is ever stale."""

    def _stale_after(self, *_: Any) -> float:
        return math.inf


def _in_range(query: Query, within: list[dict[str, Any]]) -> _InRange:
    """Of the reports of the range, and no earlier ones."""
    begin, end = query.since.timestamp(), query.until.timestamp()
    return _InRange(query, Reports(query.kpi, begin, end, within, [], meets, seconds))


def _of_parts(query: Query, values: list[float | None]) -> Any:
    return combine(query, (), values)


def _answered(panel: Panel, made: Json) -> list[tuple[Number, str, str]]:
    """The panel's numbers that are there, each with its label and its target's id."""
    refs = {target["refId"] for target in made["targets"]}
    return [
        (number, number.label or CATALOGUE[number.kpi].name.replace("_", " "), ref)
        for number, ref in zip(panel.numbers, "ABCDEFGHIJKLMNOP", strict=False)
        if ref in refs
    ]


def _over_time(number: Number, label: str, frames: list[Frame]) -> dict[tuple[Any, ...], Any]:
    """(group, bin) -> value. A series is called by its number, its group or both."""
    found: dict[tuple[Any, ...], Any] = {}
    for frame in frames:
        group = frame.name.removeprefix(label).lstrip() if number.by else ""
        for moment, value in zip(frame.columns["Time"], frame.columns["Value"], strict=True):
            found[group, moment] = value
    return found


def _of_whole_bins(
    found: dict[tuple[Any, ...], Any], expected: dict[tuple[Any, ...], Any], view: View
) -> tuple[dict[tuple[Any, ...], Any], dict[tuple[Any, ...], Any]]:
    """Without the bin in which the range begins, of which Grafana's InfluxQL takes the whole; no answer may have a bin
    in which the range ends."""
    length = view.interval_s * 1000
    assert all(moment + length <= view.to_ms for _, moment in found), "a bin that is cut"
    return (
        {key: value for key, value in found.items() if key[1] >= view.from_ms},
        {key: value for key, value in expected.items() if view.from_ms <= key[1] <= view.to_ms - length},
    )


def _of_range(panel: Panel, number: Number, label: str, frames: list[Frame]) -> dict[tuple[Any, ...], Any]:
    """Dimensions -> value."""
    if not frames:
        return {}
    (frame,) = frames
    dimensions = [name.replace("_", " ") for name in number.by]
    if panel.kind != "matrix":
        return {tuple(row[d] for d in dimensions): row.get(label) for row in frame.rows}
    corner, *across = frame.shown
    return {(row[corner], name): row[name] for row in frame.rows for name in across}


def _equal(
    where: str,
    number: Number,
    panel: Panel,
    expected: Mapping[tuple[Any, ...], Any],
    found: Mapping[tuple[Any, ...], Any],
    store: Store,
) -> None:
    """What has no value is missing, null or not a number; a count of nothing may be missing; a bin without events is
    missing, or 0 as Elasticsearch's sum of nothing is."""
    kinds = {part.kind for part in parts(CATALOGUE[number.kpi].value)}
    absolute = 0.0015 if "silence" in kinds else 0  # the store's milliseconds, MONIT's rounded
    near = 0.02 if "percentile" in kinds and store != "elasticsearch" else 1e-9
    keys = found.keys() if panel.top else expected.keys() | found.keys()
    for key in keys:
        wanted, got = expected.get(key), found.get(key)
        if isinstance(got, float) and not math.isfinite(got):
            got = None
        if not wanted:
            assert not got or (wanted is not None and abs(got) < 1e-12), (where, key, wanted, got)
        else:
            assert got is not None, (where, key, wanted, got)
            assert got == pytest.approx(wanted, rel=near, abs=absolute), (where, key)


def _compare_events(
    dashboard: Dashboard, panel: Panel, frames: list[Frame], loaded: Loaded, selection: Selection
) -> bool:
    assert panel.listing is not None
    listing, series = panel.listing, series_of(panel.listing)
    query = listing_of(
        dashboard, structs.replace(listing, limit=1000 if series else listing.limit), selection
    )
    (wanted,) = ask_many([query], loaded.sink)
    assert not isinstance(wanted, Exception)
    if series:  # what Grafana can tell of a state: the latest report within the range
        latest = {tuple(row[name] for name in series): row for row in reversed(wanted)}
        wanted = list(latest.values())[: listing.limit]
    if not wanted:
        assert not frames
        return False
    (frame,) = frames
    names = ["time", *panel.listing.columns]
    assert [name for name in frame.shown if name in names] == [n for n in names if n in frame.shown]
    found = [_event(row, names) for row in frame.rows]
    expected = [_event(row, names) for row in wanted]
    assert len(found) == len(expected)
    # of events in one moment, the store may take others at the end of the list
    assert len(set(found) & set(expected)) >= len(set(expected)) * 0.9, (panel.title, found[:2], expected[:2])
    return True


def _event(row: Mapping[str, Any], names: list[str]) -> tuple[Any, ...]:
    """All but the time, which each store rounds its own way."""
    values = (row.get(name) for name in names[1:])
    return tuple(float(v) if isinstance(v, int) and not isinstance(v, bool) else v for v in values)


def _key(loaded: Loaded, number: Number, value: Any) -> Any:
    """A group's name in Grafana."""
    if value is None:
        return "" if loaded.kind == "influxdb" else "unknown"
    return str(value) if not isinstance(value, str) else value


def _moment(row: Mapping[str, Any]) -> int:
    return round(datetime.fromisoformat(row["time"]).timestamp() * 1000)


def _values(lake: Lake, dataset: str, field: str) -> list[str]:
    """Values of a field, the most frequent first."""
    counts: dict[str, int] = {}
    for document in lake.of(dataset):
        if (value := document.get(field)) is not None:
            counts[value] = counts.get(value, 0) + 1
    return sorted(counts, key=lambda value: (-counts[value], value))


# --- the stores


def _write(sink: Any, lake: Lake) -> None:
    chunks = [chunk for chunk in sink.encode(lake.events, lake.encoded) if chunk is not None]
    for start in range(0, len(chunks), BATCH):
        outcome = sink.write(chunks[start : start + BATCH])
        assert not (outcome.retry or outcome.rejected), outcome


def _elastic(server: Elasticsearch | OpenSearch, lake: Lake, folder: Path, ending: ExitStack) -> Loaded:
    flavour: Literal["elasticsearch", "opensearch"] = (
        "opensearch" if isinstance(server, OpenSearch) else "elasticsearch"
    )
    prefix = f"t{uuid.uuid4().hex[:10]}"
    options = ElasticsearchOptions(
        urls=[server.url], prefix=prefix, replicas=0, flavour=flavour, period="year"
    )
    sink = ElasticsearchSink("store", options, folder)
    ending.callback(sink.close)
    ending.callback(delete_indices, server.url, prefix)
    list(sink.setup())
    _write(sink, lake)
    source = Elastic(server.url, f"{prefix}-*", flavour, "@timestamp")
    ending.callback(source.client.close)
    source.client.post(f"/{prefix}*/_refresh").raise_for_status()
    return Loaded(flavour, sink, "elasticsearch", source, lake)


_RESERVED = {"producer", "type", "type_prefix", "timestamp", "_id", "host", "idb_tags", "idb_fields"}


def _monit(opensearch: Loaded, lake: Lake, ending: ExitStack) -> Loaded:
    of_opensearch = opensearch.source
    assert isinstance(of_opensearch, Elastic)
    url, prefix = of_opensearch.url, f"{of_opensearch.index.removesuffix('-*')}_prod_lakescope_raw_"
    _post_to_monit(url, prefix, lake)
    source = Elastic(url, f"{prefix}*", "opensearch", "metadata.timestamp")
    ending.callback(source.client.close)
    source.client.post(f"/{prefix}*/_refresh").raise_for_status()
    return opensearch._replace(store="monit", source=source)


def _post_to_monit(url: str, prefix: str, lake: Lake) -> None:
    """The sink's documents as MONIT keeps them: reserved keys in `metadata`, all text a keyword."""
    keyword = {"text": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 8191}}}
    doubles = {"doubles": {"match_mapping_type": "double", "mapping": {"type": "double"}}}
    times = {"properties": {"metadata": {"properties": {"timestamp": {"type": "date"}}}}}
    encoder = MonitEncoder("lakescope")
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        mappings = {"dynamic_templates": [keyword, doubles], "date_detection": False, **times}
        template = {"index_patterns": [f"{prefix}*"], "priority": 300, "template": {"mappings": mappings}}
        client.put(f"/_index_template/{prefix}all", json=template).raise_for_status()
        chunks = [chunk for chunk in encoder(lake.events, lake.encoded) if chunk is not None]
        for start in range(0, len(chunks), BATCH):
            lines = []
            for chunk in chunks[start : start + BATCH]:
                sent = json.loads(chunk)
                document = {
                    "metadata": {key: value for key, value in sent.items() if key in _RESERVED},
                    "data": {key: value for key, value in sent.items() if key not in _RESERVED},
                }
                head = {"index": {"_index": f"{prefix}{sent['type']}", "_id": sent["_id"]}}
                lines += [json.dumps(head), json.dumps(document)]
            answer = client.post(
                "/_bulk", content="\n".join([*lines, ""]), headers={"content-type": "application/x-ndjson"}
            )
            assert not answer.raise_for_status().json()["errors"], answer.text[:500]


def _influxdb(server: InfluxDB, lake: Lake, folder: Path, ending: ExitStack) -> Loaded:
    database = f"t{uuid.uuid4().hex[:10]}"
    sink = InfluxdbSink("store", InfluxdbOptions(url=server.url, database=database), folder)
    ending.callback(sink.close)
    ending.callback(sink.query, f'DROP DATABASE "{database}"')
    list(sink.setup())
    _write(sink, lake)
    source = Influx(server.url, database)
    ending.callback(source.client.close)
    return Loaded("influxdb", sink, "influxdb", source, lake)
