"""A small dashboard with a panel of every kind, and `python -m tests.dashboards._sample` to write what Grafana gets.

Review the difference in golden/ before you keep it.
"""

from __future__ import annotations

from pathlib import Path

from lakescope.dashboards.grafana import Store, write
from lakescope.dashboards.model import Dashboard, Link, Listing, Number, Panel, Row
from lakescope.dashboards.variables import DESTINATION, ERROR, SOURCE, VO

GOLDEN = Path(__file__).parent / "golden"
KEPT: tuple[Store, ...] = ("opensearch", "influxdb")
"""The others differ from OpenSearch's in the names of fields and of the data source."""

_LINK = ("src_site", "dst_site")

SAMPLE = Dashboard(
    name="sample",
    title="Sample",
    question="Is every kind of panel here?",
    variables=(VO, SOURCE, DESTINATION, ERROR),
    rows=(
        Row(
            title="Numbers",
            panels=(
                Panel(
                    title="Efficiency",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="transfer_efficiency"),),
                ),
                Panel(title="Used", kind="stat", width=6, height=4, numbers=(Number(kpi="storage_used"),)),
                Panel(title="Words", kind="text", height=4, text="What is here."),
                Panel(
                    title="Speed of a transfer",
                    kind="bars",
                    numbers=(Number(kpi="transfer_throughput", by=("src_site",)),),
                    link=Link("transfers", {"source": "src_site"}),
                ),
                Panel(
                    title="Efficiency of each link",
                    kind="matrix",
                    numbers=(Number(kpi="transfer_efficiency", by=_LINK),),
                    link=Link("link", {"source": "src_site", "destination": "dst_site"}),
                ),
                Panel(
                    title="Links",
                    kind="table",
                    width=24,
                    numbers=(
                        Number(kpi="transfers_failed", by=_LINK, label="failed"),
                        Number(kpi="done_agreement", by=_LINK, label="FTS / Rucio"),
                        Number(kpi="queue_time_p95", by=_LINK, label="wait"),
                    ),
                ),
                Panel(
                    title="Errors",
                    kind="table",
                    numbers=(Number(kpi="transfers_failed", by=("error_class", "error_template")),),
                ),
                Panel(
                    title="Storage",
                    kind="table",
                    numbers=(
                        Number(kpi="storage_used", by=("rse",), label="used"),
                        Number(kpi="storage_growth", by=("rse",), label="growth"),
                    ),
                ),
            ),
        ),
        Row(
            title="Over time",
            panels=(
                Panel(
                    title="There and back",
                    kind="lines",
                    numbers=(
                        Number(kpi="delivered_rate", label="there"),
                        Number(kpi="delivered_rate", label="back", reverse=True),
                    ),
                ),
                Panel(
                    title="Volume",
                    kind="stacked",
                    top=3,
                    numbers=(
                        Number(kpi="transfer_volume", by=("activity",), where={"protocol": ("root", "davs")}),
                    ),
                ),
                Panel(
                    title="Each source",
                    kind="states",
                    numbers=(Number(kpi="transfer_efficiency", by=("src_site",)),),
                    link=Link("transfers", {"source": "src_site"}),
                ),
            ),
        ),
        Row(
            title="Not everywhere",
            panels=(
                Panel(
                    title="Hours without transfers",
                    kind="stat",
                    numbers=(Number(kpi="transfers_empty_hours"),),
                ),
            ),
        ),
        Row(
            title="Events",
            panels=(
                Panel(
                    title="Failed last",
                    kind="events",
                    width=24,
                    listing=Listing(
                        dataset="transfers",
                        where={"ok": False, "source": "rucio"},
                        columns=("src_rse", "dst_rse", "error"),
                    ),
                ),
                Panel(
                    title="Stuck rules",
                    kind="events",
                    width=24,
                    listing=Listing(
                        dataset="rules",
                        columns=("rule_id", "account", "age_s"),
                        counted_by="rules_stuck",
                    ),
                ),
            ),
        ),
    ),
)

if __name__ == "__main__":
    for store in KEPT:
        for path in (GOLDEN / store).glob("*.json"):
            path.unlink()
        write(GOLDEN / store, [SAMPLE], store)
