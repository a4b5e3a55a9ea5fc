"""The network beneath the lake, as perfSONAR measures it."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Number, Panel, Row
from lakescope.dashboards.variables import DESTINATION, SOURCE, VO

_LINK = ("src_site", "dst_site")

NETWORK = Dashboard(
    name="network",
    title="Network mesh",
    question="Which links of the network are slow or lossy?",
    variables=(VO, SOURCE, DESTINATION),
    group="src_site",
    rows=(
        Row(
            title="The mesh",
            panels=(
                Panel(
                    title="Throughput",
                    kind="matrix",
                    width=12,
                    height=13,
                    numbers=(Number(kpi="network_throughput", by=_LINK),),
                    link=links.LINK,
                ),
                Panel(
                    title="Packet loss",
                    kind="matrix",
                    width=12,
                    height=13,
                    numbers=(Number(kpi="network_loss", by=_LINK),),
                    link=links.LINK,
                ),
            ),
        ),
        Row(
            title="Expected tests",
            panels=(
                Panel(
                    title="Tests done of those expected",
                    kind="stat",
                    width=12,
                    height=4,
                    numbers=(Number(kpi="expected_tests_done"),),
                ),
                Panel(
                    title="Silent hosts",
                    kind="stat",
                    width=12,
                    height=4,
                    numbers=(Number(kpi="silent_hosts"),),
                ),
                Panel(
                    title="Tests done by pair of sites",
                    kind="matrix",
                    width=12,
                    height=12,
                    numbers=(Number(kpi="expected_tests_done", by=_LINK),),
                    link=links.LINK,
                ),
                Panel(
                    title="Tests done by host",
                    kind="table",
                    width=12,
                    height=12,
                    numbers=(
                        Number(kpi="expected_tests_done", by=("src_host",), label="tests done"),
                        Number(kpi="silent_hosts", by=("src_host",), label="silent"),
                    ),
                    text="1 in the column silent: the templates want the host to measure, and nothing was heard of it.",
                ),
            ),
        ),
        Row(
            title="Over time",
            panels=(
                Panel(
                    title="Throughput by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="network_throughput", by=("src_site",)),),
                ),
                Panel(
                    title="Packet loss by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="network_loss", by=("src_site",)),),
                ),
                Panel(
                    title="One-way delay (p95) by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="network_latency_p95", by=("src_site",)),),
                ),
                Panel(
                    title="Round-trip time by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="network_rtt", by=("src_site",)),),
                ),
                Panel(
                    title="Jitter by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="network_jitter", by=("src_site",)),),
                ),
                Panel(
                    title="Hops by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="network_hops", by=("src_site",)),),
                ),
                Panel(
                    title="TCP retransmissions by {group}",
                    kind="stacked",
                    grouped=True,
                    numbers=(Number(kpi="network_retransmits", by=("src_site",)),),
                ),
                Panel(
                    title="Maximum clock error by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="clock_error", by=("src_site",)),),
                ),
            ),
        ),
        Row(
            title="Links",
            panels=(
                Panel(
                    title="Links",
                    kind="table",
                    width=24,
                    height=12,
                    numbers=tuple(
                        Number(kpi=kpi, by=_LINK, label=label)
                        for kpi, label in (
                            ("network_loss", "packet loss"),
                            ("network_throughput", "throughput"),
                            ("network_latency_p95", "one-way delay (p95)"),
                            ("network_rtt", "round-trip time"),
                            ("network_jitter", "jitter"),
                            ("network_hops", "hops"),
                            ("network_retransmits", "retransmissions"),
                            ("network_routes", "routes"),
                            ("network_route_changes", "route changes"),
                            ("fts_network_ratio", "FTS / perfSONAR"),
                        )
                    ),
                    link=links.LINK,
                ),
            ),
        ),
    ),
)
