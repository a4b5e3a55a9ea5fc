"""Why does this link fail? Rucio, FTS and perfSONAR on one time axis, in both directions."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Listing, Number, Panel, Row
from lakescope.dashboards.variables import (
    ACTIVITY,
    DESTINATION,
    DESTINATION_RSE,
    PROTOCOL,
    SOURCE,
    SOURCE_RSE,
    VO,
)


def _direction(title: str, *, reverse: bool) -> Row:
    def number(kpi: str, label: str | None = None, by: tuple[str, ...] = ()) -> Number:
        return Number(kpi=kpi, label=label, reverse=reverse, by=by)

    return Row(
        title=title,
        panels=(
            Panel(
                title=f"Efficiency, {title.lower()}",
                kind="lines",
                width=8,
                numbers=(number("transfer_efficiency", "Rucio"), number("fts_efficiency", "FTS")),
            ),
            Panel(
                title=f"Efficiency by {{group}}, {title.lower()}",
                kind="lines",
                grouped=True,
                width=8,
                numbers=(number("transfer_efficiency", by=("activity",)),),
            ),
            Panel(
                title=f"Volume by {{group}}, {title.lower()}",
                kind="stacked",
                grouped=True,
                width=8,
                numbers=(number("transfer_volume", by=("activity",)),),
            ),
            Panel(
                title=f"Throughput per transfer, {title.lower()}",
                kind="lines",
                width=8,
                numbers=(number("transfer_throughput", "per transfer"),),
            ),
            Panel(
                title=f"Throughput of perfSONAR's tests, {title.lower()}",
                kind="lines",
                width=8,
                numbers=(number("network_throughput", "perfSONAR"),),
            ),
            Panel(
                title=f"Packet loss, {title.lower()}",
                kind="lines",
                width=8,
                numbers=(number("network_loss", "packet loss"),),
            ),
            Panel(
                title=f"One-way delay, {title.lower()}",
                kind="lines",
                width=8,
                numbers=(number("network_latency_p95", "p95"),),
            ),
            Panel(
                title=f"Queue in FTS, {title.lower()}",
                kind="lines",
                width=8,
                numbers=(number("fts_queue_peak", "waiting"), number("fts_active_mean", "running")),
            ),
            Panel(
                title=f"Routes, {title.lower()}",
                kind="lines",
                width=8,
                numbers=(number("network_routes", "routes"),),
            ),
        ),
    )


LINK = Dashboard(
    name="link",
    title="Link",
    group="activity",
    question="Why does this link fail?",
    variables=(SOURCE, DESTINATION, SOURCE_RSE, DESTINATION_RSE, VO, ACTIVITY, PROTOCOL),
    rows=(
        Row(
            title="The link",
            panels=(
                Panel(
                    title="Efficiency",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfer_efficiency"),),
                ),
                Panel(
                    title="Efficiency, reverse direction",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfer_efficiency", reverse=True),),
                ),
                Panel(
                    title="Failed", kind="stat", width=4, height=4, numbers=(Number(kpi="transfers_failed"),)
                ),
                Panel(
                    title="Volume", kind="stat", width=4, height=4, numbers=(Number(kpi="transfer_volume"),)
                ),
                Panel(
                    title="Packet loss",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="network_loss"),),
                ),
                Panel(
                    title="FTS / Rucio",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="done_agreement"),),
                ),
            ),
        ),
        _direction("From source to destination", reverse=False),
        Row(
            title="Errors",
            panels=(
                Panel(
                    title="Errors of this link",
                    kind="table",
                    width=24,
                    height=8,
                    numbers=(
                        Number(
                            kpi="transfers_failed",
                            by=("error_scope", "error_class", "error_template"),
                            label="failed",
                        ),
                    ),
                    link=links.ERROR,
                ),
                Panel(
                    title="Latest failed transfers",
                    kind="events",
                    width=24,
                    height=10,
                    listing=Listing(
                        dataset="transfers",
                        where={"ok": False, "source": "rucio"},
                        columns=("src_rse", "dst_rse", "protocol", "activity", "name", "error", "request_id"),
                    ),
                ),
            ),
        ),
        _direction("From destination to source", reverse=True),
    ),
)
