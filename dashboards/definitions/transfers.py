"""What moves, from where to where, how well and how fast."""

from __future__ import annotations

from lakescope.dashboards import variables
from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Number, Panel, Row

TRANSFERS = Dashboard(
    name="transfers",
    title="Transfers",
    question="What moves, from where to where, how well and how fast?",
    variables=variables.TRANSFERS,
    group="dst_site",
    rows=(
        Row(
            title="Totals",
            panels=(
                Panel(
                    title="Efficiency",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfer_efficiency"),),
                ),
                Panel(
                    title="Arrived", kind="stat", width=4, height=4, numbers=(Number(kpi="transfers_done"),)
                ),
                Panel(
                    title="Failed", kind="stat", width=4, height=4, numbers=(Number(kpi="transfers_failed"),)
                ),
                Panel(
                    title="Volume", kind="stat", width=4, height=4, numbers=(Number(kpi="transfer_volume"),)
                ),
                Panel(
                    title="Throughput per transfer",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfer_throughput"),),
                ),
                Panel(
                    title="Queue time (p95)",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="queue_time_p95"),),
                ),
            ),
        ),
        Row(
            title="Compared with before",
            panels=(
                Panel(
                    title="Efficiency, change from the seven days before",
                    kind="stat",
                    width=8,
                    height=4,
                    numbers=(Number(kpi="transfer_efficiency_change"),),
                ),
                Panel(
                    title="Delivered rate, relative to the seven days before",
                    kind="stat",
                    width=8,
                    height=4,
                    numbers=(Number(kpi="delivered_rate_change"),),
                ),
                Panel(
                    title="Volume, relative to the same range a week earlier",
                    kind="stat",
                    width=8,
                    height=4,
                    numbers=(Number(kpi="transfer_volume_change"),),
                ),
            ),
        ),
        Row(
            title="From source to destination",
            panels=(
                Panel(
                    title="Efficiency",
                    kind="matrix",
                    width=12,
                    height=13,
                    numbers=(Number(kpi="transfer_efficiency", by=("src_site", "dst_site")),),
                    link=links.LINK,
                    text="Rows send, columns receive. A click opens the link.",
                ),
                Panel(
                    title="Volume",
                    kind="matrix",
                    width=12,
                    height=13,
                    numbers=(Number(kpi="transfer_volume", by=("src_site", "dst_site")),),
                    link=links.LINK,
                    text="Rows send, columns receive. A click opens the link.",
                ),
                Panel(
                    title="Links",
                    kind="table",
                    width=24,
                    height=10,
                    numbers=tuple(
                        Number(kpi=kpi, by=("src_site", "dst_site"), label=label)
                        for kpi, label in (
                            ("transfers_failed", "failed"),
                            ("transfers_done", "transferred"),
                            ("transfer_efficiency", "efficiency"),
                            ("transfer_volume", "volume"),
                            ("transfer_throughput", "throughput per transfer"),
                            ("files_failing", "files with failures"),
                        )
                    ),
                    link=links.LINK,
                ),
            ),
        ),
        Row(
            title="Over time",
            panels=(
                Panel(
                    title="Volume by {group}",
                    kind="stacked",
                    grouped=True,
                    numbers=(Number(kpi="transfer_volume", by=("dst_site",)),),
                    link=links.TO_DESTINATION,
                ),
                Panel(
                    title="Successful and failed transfers",
                    kind="stacked",
                    numbers=(
                        Number(kpi="transfers_done", label="transferred"),
                        Number(kpi="transfers_failed", label="failed"),
                    ),
                ),
                Panel(
                    title="Efficiency by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="transfer_efficiency", by=("dst_site",)),),
                    link=links.TO_DESTINATION,
                ),
                Panel(
                    title="Throughput per transfer by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="transfer_throughput", by=("dst_site",)),),
                    link=links.TO_DESTINATION,
                ),
                Panel(
                    title="Queue time",
                    kind="lines",
                    numbers=(
                        Number(kpi="queue_time_p50", label="p50"),
                        Number(kpi="queue_time_p95", label="p95"),
                    ),
                ),
                Panel(
                    title="Delivered rate by {group}",
                    kind="stacked",
                    grouped=True,
                    numbers=(Number(kpi="delivered_rate", by=("dst_site",)),),
                    link=links.TO_DESTINATION,
                ),
            ),
        ),
        Row(
            title="Submission",
            panels=(
                Panel(
                    title="Submitted and failed submissions",
                    kind="lines",
                    width=6,
                    numbers=(
                        Number(kpi="submissions", label="submitted"),
                        Number(kpi="submission_failures", label="failed"),
                    ),
                ),
                Panel(
                    title="Efficiency by protocol",
                    kind="bars",
                    width=6,
                    numbers=(Number(kpi="transfer_efficiency", by=("protocol",)),),
                ),
                Panel(
                    title="Efficiency by QoS class of the destination",
                    kind="bars",
                    width=6,
                    numbers=(Number(kpi="transfer_efficiency", by=("dst_qos",)),),
                ),
                Panel(
                    title="Efficiency by country of the destination",
                    kind="bars",
                    width=6,
                    numbers=(Number(kpi="transfer_efficiency", by=("dst_country",)),),
                ),
            ),
        ),
    ),
)
