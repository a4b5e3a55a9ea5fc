"""Is the lake well? One screen, the rest a click away."""

from __future__ import annotations

from dashboards.definitions import _links as links
from dashboards.model import Dashboard, Number, Panel, Row
from dashboards.variables import ACTIVITY, EXPERIMENT, VO

LAKE = Dashboard(
    name="lake",
    title="Lake overview",
    question="Is the lake well, and if not, where is it ill?",
    variables=(VO, ACTIVITY, EXPERIMENT),
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="Transfers that end well",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfer_efficiency"),),
                ),
                Panel(
                    title="Files arrived",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfers_done"),),
                ),
                Panel(
                    title="Volume arrived",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfer_volume"),),
                ),
                Panel(
                    title="Services available",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="probe_availability"),),
                ),
                Panel(
                    title="Deletions that work",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="deletion_efficiency"),),
                ),
                Panel(
                    title="Stuck rules",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="rules_reported", where={"state": "stuck"}),),
                ),
            ),
        ),
        Row(
            title="Where",
            panels=(
                Panel(
                    title="Efficiency from source to destination",
                    kind="matrix",
                    width=12,
                    height=12,
                    numbers=(Number(kpi="transfer_efficiency", by=("src_site", "dst_site")),),
                    link=links.LINK,
                ),
                Panel(
                    title="Efficiency of each destination over time",
                    kind="states",
                    width=12,
                    height=12,
                    numbers=(Number(kpi="transfer_efficiency", by=("dst_site",)),),
                    link=links.TO_DESTINATION,
                ),
            ),
        ),
        Row(
            title="What",
            panels=(
                Panel(
                    title="Volume by activity",
                    kind="stacked",
                    width=12,
                    numbers=(Number(kpi="transfer_volume", by=("activity",)),),
                ),
                Panel(
                    title="Failures by scope of the error",
                    kind="stacked",
                    width=12,
                    numbers=(Number(kpi="transfers_failed", by=("error_scope",)),),
                    link=links.FAILURES,
                ),
                Panel(
                    title="Checks of services that went well",
                    kind="states",
                    width=12,
                    height=9,
                    numbers=(Number(kpi="probe_availability", by=("site",)),),
                    link=links.PROBES,
                ),
                Panel(
                    title="Space in use",
                    kind="bars",
                    width=12,
                    height=9,
                    numbers=(Number(kpi="storage_fullness", by=("rse",)),),
                    link=links.STORAGE,
                ),
            ),
        ),
    ),
)
