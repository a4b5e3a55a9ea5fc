"""The state of the lake on one screen; everything else is one click away."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Number, Panel, Row
from lakescope.dashboards.variables import ACTIVITY, EXPERIMENT, VO

LAKE = Dashboard(
    name="lake",
    title="Lake overview",
    question="What is the overall state of the data lake, and where is it degraded?",
    variables=(VO, ACTIVITY, EXPERIMENT),
    group="activity",
    rows=(
        Row(
            title="Summary",
            panels=(
                Panel(
                    title="Transfer efficiency",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfer_efficiency"),),
                ),
                Panel(
                    title="Transferred files",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfers_done"),),
                ),
                Panel(
                    title="Transferred volume",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="transfer_volume"),),
                ),
                Panel(
                    title="Service availability",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="probe_availability"),),
                ),
                Panel(
                    title="Deletion efficiency",
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
            title="Efficiency by link and destination",
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
                    title="Transfer efficiency by destination",
                    kind="states",
                    width=12,
                    height=12,
                    numbers=(Number(kpi="transfer_efficiency", by=("dst_site",)),),
                    link=links.TO_DESTINATION,
                ),
            ),
        ),
        Row(
            title="Volume, failures, probes and storage",
            panels=(
                Panel(
                    title="Volume by {group}",
                    kind="stacked",
                    grouped=True,
                    width=12,
                    numbers=(Number(kpi="transfer_volume", by=("activity",)),),
                ),
                Panel(
                    title="Failures by error scope",
                    kind="stacked",
                    width=12,
                    numbers=(Number(kpi="transfers_failed", by=("error_scope",)),),
                    link=links.FAILURES,
                ),
                Panel(
                    title="Probe success rate by site",
                    kind="states",
                    width=12,
                    height=9,
                    numbers=(Number(kpi="probe_availability", by=("site",)),),
                    link=links.PROBES,
                ),
                Panel(
                    title="Fill level by RSE",
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
