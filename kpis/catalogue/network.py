"""The network, by perfSONAR's tests."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import are_known, empty_hours
from lakescope.kpis.model import DAY, Condition, Kpi, Part, PerSecond, Ratio

NETWORK = ("src_site", "dst_site", "src_host", "dst_host", "ip_version", "vo")

_HAS_COUNTS = are_known("packets_sent", "packets_lost")
_LOSS_TESTS = (Condition("test", "in", ("latency", "latencybg", "rtt")),)
_network = partial(Kpi, dataset="network", good="down", dimensions=NETWORK)
TESTS = ("src_site", "dst_site", "src_host", "dst_host", "test", "vo")
_tests = partial(Kpi, dataset="network", dimensions=TESTS)
_expected = partial(Kpi, dataset="expected_tests", good="neutral", dimensions=TESTS)
_expected_tests = partial(
    Part,
    kind="last",
    series=("task", "test", "src_host", "dst_host", "ip_version"),
    polled="expected_tests",
    look_back_s=3 * DAY,
)

KPIS = (
    _network(
        name="network_throughput",
        meaning="Average throughput measured by perfSONAR tests.",
        unit="bits/s",
        good="up",
        value=Part(kind="mean", field="throughput"),
        where=(Condition("test", "=", "throughput"),),
        null="no throughput test succeeded",
    ),
    _network(
        name="network_throughput_tests",
        meaning="perfSONAR throughput tests that measured a throughput.",
        unit="count",
        good="up",
        value=Part(kind="count"),
        where=(Condition("test", "=", "throughput"), *are_known("throughput")),
        null="never null",
    ),
    _network(
        name="network_loss",
        meaning="Share of perfSONAR's test packets that were lost.",
        unit="ratio",
        value=Ratio(
            Part(kind="sum", field="packets_lost", where=_HAS_COUNTS),
            Part(kind="sum", field="packets_sent", where=_HAS_COUNTS),
        ),
        where=_LOSS_TESTS,
        null="no latency test ran",
        warning=0.001,
        critical=0.02,
    ),
    _network(
        name="network_packets",
        meaning="Test packets that perfSONAR's latency and round-trip tests sent.",
        unit="count",
        good="neutral",
        value=Part(kind="sum", field="packets_sent", where=_HAS_COUNTS),
        where=_LOSS_TESTS,
        null="no latency test ran",
    ),
    _network(
        name="network_latency",
        meaning="Average one-way delay.",
        unit="seconds",
        value=Part(kind="mean", field="latency_mean_s"),
        null="no latency test ran",
    ),
    _network(
        name="network_latency_p95",
        meaning="95th percentile of the one-way delay, averaged over the tests.",
        unit="seconds",
        value=Part(kind="mean", field="latency_p95_s"),
        null="no latency test ran",
    ),
    _network(
        name="network_rtt",
        meaning="Average round-trip time.",
        unit="seconds",
        value=Part(kind="mean", field="rtt_mean_s"),
        where=(Condition("test", "=", "rtt"),),
        null="no round-trip test got an answer",
    ),
    _network(
        name="network_jitter",
        meaning="Average jitter (variation of the delay) of perfSONAR's UDP throughput tests.",
        unit="seconds",
        value=Part(kind="mean", field="jitter_s"),
        null="no test reported its jitter",
    ),
    _network(
        name="network_hops",
        meaning="Average number of hops of the traced routes.",
        unit="count",
        good="neutral",
        value=Part(kind="mean", field="hops"),
        where=(Condition("test", "=", "trace"),),
        null="no route was traced",
    ),
    _network(
        name="network_retransmits",
        meaning="TCP retransmissions in perfSONAR throughput tests.",
        unit="count",
        value=Part(kind="sum", field="retransmits"),
        null="no throughput test ran",
    ),
    _network(
        name="network_routes",
        meaning="Distinct routes seen: more than one means that the route changed.",
        unit="count",
        value=Part(kind="distinct", field="route_id"),
        null="never null",
    ),
    _network(
        name="network_route_changes",
        meaning="Distinct routes beyond the first, per pair of hosts.",
        unit="count",
        value=Part(kind="changes", field="route_id", series=("src_host", "dst_host", "ip_version")),
        null="no route was traced",
    ),
    _network(
        name="clock_error",
        meaning="Largest absolute clock error reported by perfSONAR hosts.",
        unit="seconds",
        value=Part(kind="largest", field="clock_error_s"),
        null="no test reported its clock error",
        warning=0.01,
        critical=0.1,
    ),
    _tests(
        name="network_test_rate",
        meaning="Results of perfSONAR tests per second, failed tests included.",
        unit="1/s",
        good="up",
        value=PerSecond(Part(kind="count")),
        null="never null",
    ),
    _tests(
        name="network_hosts_heard",
        meaning="Hosts whose perfSONAR tests reported a result.",
        unit="count",
        good="up",
        value=Part(kind="distinct", field="src_host"),
        null="never null",
    ),
    _expected(
        name="expected_test_rate",
        meaning="perfSONAR tests that the pSConfig templates want, in runs per second: latest complete poll.",
        unit="1/s",
        value=_expected_tests(field="per_second"),
        null="no pSConfig template has been polled, or its tests are not repeated",
    ),
    _expected(
        name="expected_hosts",
        meaning="Hosts that the pSConfig templates want to measure: latest complete poll.",
        unit="count",
        value=_expected_tests(field="src_host", over="distinct"),
        null="no pSConfig template has been polled",
    ),
    empty_hours("network", "measurement of perfSONAR", (*NETWORK, "test")),
)
