"""What moves, from where to where, how well and how fast."""

from __future__ import annotations

from dashboards import variables
from dashboards.definitions import _links as links
from dashboards.model import Dashboard, Number, Panel, Row

TRANSFERS = Dashboard(
    name="transfers",
    title="Transfers",
    question="What moves, from where to where, how well and how fast?",
    variables=variables.TRANSFERS,
    rows=(
        Row(
            title="All of them",
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
                    title="Speed of a transfer",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfer_throughput"),),
                ),
                Panel(
                    title="Wait, 95 of 100 below",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="queue_time_p95"),),
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
                            ("transfers_done", "arrived"),
                            ("transfer_efficiency", "efficiency"),
                            ("transfer_volume", "volume"),
                            ("transfer_throughput", "speed of a transfer"),
                            ("files_failing", "files failing"),
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
                    title="Volume by activity",
                    kind="stacked",
                    numbers=(Number(kpi="transfer_volume", by=("activity",)),),
                ),
                Panel(
                    title="Arrived and failed",
                    kind="stacked",
                    numbers=(
                        Number(kpi="transfers_done", label="arrived"),
                        Number(kpi="transfers_failed", label="failed"),
                    ),
                ),
                Panel(
                    title="Efficiency by protocol",
                    kind="lines",
                    numbers=(Number(kpi="transfer_efficiency", by=("protocol",)),),
                ),
                Panel(
                    title="Speed of a transfer by protocol",
                    kind="lines",
                    numbers=(Number(kpi="transfer_throughput", by=("protocol",)),),
                ),
                Panel(
                    title="Waiting from request to start",
                    kind="lines",
                    numbers=(
                        Number(kpi="queue_time_p50", label="half wait less"),
                        Number(kpi="queue_time_p95", label="95 of 100 wait less"),
                    ),
                ),
                Panel(
                    title="Rate at which bytes arrive, by destination",
                    kind="stacked",
                    numbers=(Number(kpi="delivered_rate", by=("dst_site",)),),
                    link=links.TO_DESTINATION,
                ),
            ),
        ),
        Row(
            title="Handing over to the transfer tool",
            panels=(
                Panel(
                    title="Submitted and refused",
                    kind="lines",
                    numbers=(
                        Number(kpi="submissions", label="submitted"),
                        Number(kpi="submission_failures", label="refused"),
                    ),
                ),
                Panel(
                    title="Efficiency by quality of the destination",
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
