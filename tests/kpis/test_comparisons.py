"""Comparisons by example: of two datasets, of two sources, and with an earlier range; what one side lacks is said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from lakescope.app.query import ask, ask_many
from lakescope.core.events import Event, ExpectedTest, FtsQueue, Network, Poll, Storage, Transfer
from lakescope.kpis import CATALOGUE, Kpi, Query, UnsupportedError
from lakescope.kpis.model import UNKNOWN, Comparison, Rows
from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink

DAY = 86400
NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


class Store:
    """Events by hours from noon."""

    def __init__(self, sink: DuckdbSink) -> None:
        self.sink = sink
        self.events: list[Event] = []

    def write(self, struct: type[Any], hour: float, source: str, **fields: Any) -> None:
        time = f"{NOON + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"
        event = struct(id=f"{len(self.events):032x}", time=time, source=source, **fields)
        self.events.append(event)
        self.sink.write([one for one in self.sink.encode([event], [msgspec.json.encode(event)]) if one])

    def ask(self, kpi: str | Kpi, hours: float = 1, **rest: Any) -> Rows:
        kpi = CATALOGUE[kpi] if isinstance(kpi, str) else kpi
        rows = ask(Query(kpi=kpi, since=NOON, until=NOON + timedelta(hours=hours), **rest), self.sink)
        assert isinstance(rows, Rows)
        return rows


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    sink = DuckdbSink("store", DuckdbOptions(), tmp_path)
    yield Store(sink)
    sink.close()


def test_two_datasets_are_joined_on_their_dimensions(store: Store) -> None:
    """FTS alone at B, perfSONAR alone at C: both stay, without a value, and it is said."""
    for site, rate in (("A", 30.0), ("B", 10.0)):
        store.write(FtsQueue, 0.1, "fts", src_site=site, dst_site="X", throughput=rate)
    for site, rate in (("A", 120.0), ("C", 40.0)):
        store.write(
            Network, 0.1, "perfsonar", test="throughput", src_site=site, dst_site="X", throughput=rate
        )
    rows = store.ask("fts_network_ratio", by=("src_site",))
    assert [(row["src_site"], row["value"]) for row in rows] == [("A", 0.25), ("B", None), ("C", None)]
    assert [row["fts_throughput"] for row in rows] == [30.0, 10.0, None]
    assert rows.notes == (
        "fts_network_ratio: fts_throughput has no value for 1 of 3 rows (FTS's optimizer has not reported), so nothing is"
        " compared there",
        "fts_network_ratio: network_throughput has no value for 1 of 3 rows (no throughput test succeeded), so nothing is"
        " compared there",
    )
    (row,) = store.ask("fts_network_ratio", by=("src_site", "dst_site"), filters={"src_site": "A"})
    assert row["value"] == 0.25
    assert store.ask("fts_network_ratio", filters={"src_site": "A"}).notes == ()


def test_rucio_against_fts(store: Store) -> None:
    for number, (source, rse) in enumerate(
        [("rucio", "A"), ("rucio", "A"), ("fts", "A"), ("rucio", "B"), ("fts", "C")]
    ):
        store.write(
            Transfer, 0.1, source, event="done", ok=True, kind="transfer", request_id=str(number), dst_rse=rse
        )
    rows = store.ask("done_difference", by=("dst_rse",))
    assert [(row["dst_rse"], row["value"]) for row in rows] == [("A", 1), ("B", None), ("C", None)]
    assert [row["value"] for row in store.ask("done_difference")] == [1]


def test_usage_is_compared_of_the_rses_that_have_both(store: Store) -> None:
    """A has 5 bytes that Rucio does not know; B's own report and C's catalogue are missing, so that neither counts."""
    for rse, used in (("A", 60), ("B", 1000)):
        store.write(Storage, 0.1, "rucio-api", rse=rse, used=used, country="XX")
    for rse, free in (("A", 35), ("C", 50)):
        store.write(Storage, 0.2, "rucio-api", rse=rse, free=free, total=100, country="XX")
    assert [(row["rse"], row["value"]) for row in store.ask("storage_unaccounted", by=("rse",))] == [
        ("A", 5),
        ("B", None),
        ("C", None),
    ]
    for by in ((), ("country",)):
        (row,) = rows = store.ask("storage_unaccounted", by=by)
        assert (row["storage_occupied"], row["storage_used"], row["value"]) == (65, 60, 5)
        assert len(rows.notes) == 2, "one RSE of three on each side"
    assert store.ask("storage_unaccounted", filters={"rse": "nowhere"})[0]["value"] is None


def test_a_baseline_is_the_days_before_the_range(store: Store) -> None:
    """Half of the transfers succeeded in the seven days before, all do now; what was before that does not count."""
    for hour, ok in ((-200, False), (-100, True), (-1, False), (0.1, True), (1.1, True)):
        store.write(Transfer, hour, "rucio", event="done" if ok else "failed", ok=ok, activity="T0")
    store.write(Transfer, -2, "rucio", event="done", ok=True, activity="gone")
    assert [row["value"] for row in store.ask("transfer_efficiency_change")] == [pytest.approx(1 / 3)]
    rows = store.ask("transfer_efficiency_change", 2, by=("activity",), bin_s=3600)
    assert [(row["time"][11:13], row["activity"], row["value"]) for row in rows] == [
        ("12", "T0", 0.5),
        ("12", "gone", None),
        ("13", "T0", 0.5),
        ("13", "gone", None),
    ]


def test_the_same_range_earlier_is_joined_bin_by_bin(store: Store) -> None:
    for hour, size in ((0.1, 30), (1.1, 50), (-168 + 0.1, 10), (-168 + 2.1, 7)):
        store.write(Transfer, hour, "rucio", event="done", ok=True, bytes=size)
    rows = store.ask("transfer_volume_change", 3, bin_s=3600)
    assert [(row["time"][8:13], row["value"]) for row in rows] == [
        ("15T12", 3.0),
        ("15T13", None),
        ("15T14", None),
    ]
    assert [row["transfer_volume_before"] for row in rows] == [10, None, 7]
    assert [row["value"] for row in store.ask("transfer_volume_change", 3)] == [80 / 17]
    query = Query(
        kpi=CATALOGUE["transfer_volume_change"], since=NOON, until=NOON + timedelta(days=2), bin_s=5 * 3600
    )
    (answer,) = ask_many([query], store.sink)
    assert isinstance(answer, UnsupportedError)
    assert "7 d before: expected a bin of which that is a multiple, found 18000 s" in str(answer)


def test_bins_are_no_finer_than_either_side_is_reported(store: Store) -> None:
    """The catalogue every two hours, the storage every three: whole bins of both are six hours long."""
    for hour in range(0, 24, 2):
        store.write(Storage, hour, "rucio-api", rse="A", used=60 + hour, collector="a")
    for hour in range(0, 24, 3):
        store.write(Storage, hour, "push", rse="A", free=40, total=100, collector="b")
    rows = store.ask("storage_unaccounted", 24, bin_s=3600)
    assert rows.bin_s == 6 * 3600
    assert [row["value"] for row in rows] == [-4, -10, -16, -22]


def test_a_division_by_nothing_has_no_value(store: Store) -> None:
    store.write(Transfer, 0.1, "rucio", event="done", ok=True, bytes=1)
    store.write(Transfer, -1, "rucio", event="done", ok=True, bytes=0)
    (row,) = store.ask("delivered_rate_change")
    assert (row["delivered_rate_before"], row["value"]) == (0.0, None)


def test_sides_must_fit() -> None:
    ratio = CATALOGUE["fts_network_ratio"]
    with pytest.raises(ValueError, match="compares network_throughput, which has no dimension 'endpoint'"):
        structs.replace(ratio, dimensions=("endpoint",))
    value = Comparison(of=CATALOGUE["storage_used"], to=CATALOGUE["storage_files"], operation="ratio")
    with pytest.raises(ValueError, match="storage_odd compares bytes with count"):
        structs.replace(ratio, name="storage_odd", value=value, dimensions=("rse",))


def test_a_store_that_lacks_a_side_refuses(tmp_path: Path) -> None:
    sink = DuckdbSink("store", DuckdbOptions(datasets=["fts_queue"]), tmp_path)
    query = Query(kpi=CATALOGUE["fts_network_ratio"], since=NOON, until=NOON + timedelta(hours=1))
    with pytest.raises(
        UnsupportedError, match="network_throughput is made of network, of which this store is given"
    ):
        ask(query, sink)
    sink.close()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [("multihop", "True", "true or false"), ("ip_version", "v6", "a whole number")],
)
def test_a_filter_has_the_form_of_its_field(field: str, value: str, expected: str) -> None:
    span: dict[str, Any] = {"kpi": CATALOGUE["fts_volume"], "since": NOON, "until": NOON + timedelta(hours=1)}
    with pytest.raises(ValueError, match=f"{field} is {expected}, found '{value}'"):
        Query(**span, filters={field: value})
    assert Query(**span, filters={field: UNKNOWN}).conditions


def expect(store: Store, hour: float, *pairs: tuple[str, str], test: str = "rtt") -> None:
    """A pSConfig template wants these pairs to run a test every 10 minutes."""
    for source, destination in pairs:
        store.write(
            ExpectedTest,
            hour,
            "psconfig",
            test=test,
            task=f"mesh {test}",
            src_host=source,
            dst_host=destination,
            interval_s=600.0,
            per_second=1 / 600,
            poll="u",
        )
    store.write(Poll, hour, "psconfig", scope="u", kind="expected_tests", count=len(pairs), complete=True)


def test_a_pair_that_is_silent_counts_as_expected_and_one_that_nobody_wants_does_not(store: Store) -> None:
    expect(store, -0.5, ("a", "b"), ("b", "a"), ("c", "a"))
    for minute in (5, 15, 25, 35, 45, 55):
        store.write(Network, minute / 60, "perfsonar", test="rtt", src_host="a", dst_host="b")
        store.write(Network, minute / 60 + 0.01, "perfsonar", test="rtt", src_host="a", dst_host="b")  # twice
        store.write(Network, minute / 60, "perfsonar", test="trace", src_host="a", dst_host="b")
        store.write(Network, minute / 60, "perfsonar", test="rtt", src_host="x", dst_host="b")
    for minute in (5, 15, 25):
        store.write(Network, minute / 60, "perfsonar", test="rtt", src_host="b", dst_host="a", ok=False)
    rows = store.ask("expected_tests_done", by=("src_host",))
    assert [(row["src_host"], row["value"]) for row in rows] == [
        ("a", pytest.approx(1.0)),
        ("b", pytest.approx(0.5)),
        ("c", 0.0),
    ]
    assert store.ask("expected_tests_done")[0]["value"] == pytest.approx(0.5)
    assert store.ask("silent_hosts")[0]["value"] == 1
    silent = {row["src_host"]: row["value"] for row in store.ask("silent_hosts", by=("src_host",))}
    assert silent == {"a": 0, "b": 0, "c": 1}


def test_a_pair_that_the_latest_template_lacks_is_expected_no_more(store: Store) -> None:
    expect(store, -0.5, ("a", "b"), ("c", "a"))
    assert store.ask("silent_hosts")[0]["value"] == 2
    expect(store, 0.5, ("a", "b"))
    assert store.ask("silent_hosts")[0]["value"] == 1
    assert [row["src_host"] for row in store.ask("silent_hosts", by=("src_host",))] == ["a"]


def test_a_link_of_which_both_feeds_of_fts_tell_is_queued_once(store: Store) -> None:
    link = {"endpoint": "fts", "src_host": "a", "dst_host": "b", "protocol": "davs"}
    store.write(FtsQueue, 0.8, "fts", submitted=100, active=5, **link)
    store.write(FtsQueue, 0.9, "fts-rest", submitted=90, active=6, finished=9, failed=1, ended=10, **link)
    store.write(FtsQueue, 0.9, "fts-rest", submitted=7, active=1, staging=3, **link | {"dst_host": "c"})
    assert store.ask("fts_queue_depth")[0]["value"] == 97
    assert store.ask("fts_active")[0]["value"] == 7
    assert store.ask("fts_recent_efficiency")[0]["value"] == 0.9
    assert store.ask("fts_staging")[0]["value"] == 3
