"""Can these dashboards be trusted? Lakescope's own health and the completeness of its data."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Number, Panel, Row
from lakescope.dashboards.variables import VO

LAKESCOPE = Dashboard(
    name="lakescope",
    title="Health of Lakescope",
    question="Is the data complete and up to date?",
    variables=(VO,),
    since="6h",
    keeps_since=True,  # Lakescope reports on itself each minute, and in a demo since a minute ago
    group="name",
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="Ingest lag (p99)",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="lag_p99"),),
                ),
                Panel(
                    title="Dead letters",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="dead_letters"),),
                ),
                Panel(
                    title="Events received",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="events_received"),),
                ),
                Panel(
                    title="Retried writes",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="write_retries"),),
                ),
            ),
        ),
        Row(
            title="Collectors and sinks",
            panels=(
                Panel(
                    title="Events received by {group}",
                    kind="stacked",
                    grouped=True,
                    numbers=(Number(kpi="events_received", by=("name",)),),
                ),
                Panel(
                    title="Events stored by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="events_stored", by=("name",)),),
                ),
                Panel(
                    title="Ingest lag by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(
                        Number(kpi="lag_p50", by=("name",), label="p50"),
                        Number(kpi="lag_p99", by=("name",), label="p99"),
                    ),
                ),
                Panel(
                    title="Longest queue by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="queue_peak", by=("name",)),),
                ),
                Panel(
                    title="Overflow on disk by sink",
                    kind="lines",
                    width=8,
                    numbers=(Number(kpi="overflow_peak", by=("name",)),),
                ),
                Panel(
                    title="Longest wait on disk by sink",
                    kind="lines",
                    width=8,
                    numbers=(Number(kpi="overflow_age", by=("name",)),),
                ),
                Panel(
                    title="Events written to disk by sink",
                    kind="stacked",
                    width=8,
                    numbers=(Number(kpi="events_overflowed", by=("name",)),),
                ),
                Panel(
                    title="Tokens of issuers",
                    kind="table",
                    width=24,
                    height=5,
                    numbers=(
                        Number(kpi="token_life", by=("name",), label="valid for"),
                        Number(kpi="token_failures", by=("name",), label="refusals"),
                    ),
                ),
                Panel(
                    title="Dead letters by {group}",
                    kind="stacked",
                    grouped=True,
                    numbers=(Number(kpi="dead_letters", by=("name",)),),
                ),
                Panel(
                    title="Time without data by collector",
                    kind="bars",
                    numbers=(Number(kpi="collector_silence", by=("name",)),),
                ),
            ),
        ),
        Row(
            title="Data completeness",
            panels=(
                Panel(
                    title="Hours without transfers by source",
                    kind="bars",
                    width=6,
                    height=5,
                    numbers=(Number(kpi="transfers_empty_hours", by=("source",)),),
                ),
                Panel(
                    title="Hours without network tests",
                    kind="stat",
                    width=6,
                    height=5,
                    numbers=(Number(kpi="network_empty_hours"),),
                ),
                Panel(
                    title="Hours without probes",
                    kind="stat",
                    width=6,
                    height=5,
                    numbers=(Number(kpi="probes_empty_hours"),),
                ),
                Panel(
                    title="Hours without storage reports",
                    kind="stat",
                    width=6,
                    height=5,
                    numbers=(Number(kpi="storage_empty_hours"),),
                ),
                Panel(
                    title="Finished by FTS, done in Rucio",
                    kind="lines",
                    width=12,
                    numbers=(
                        Number(kpi="rucio_copies", label="Rucio: done"),
                        Number(kpi="fts_copies", label="FTS: finished"),
                    ),
                ),
                Panel(
                    title="Links where FTS and Rucio disagree",
                    kind="table",
                    width=12,
                    numbers=(
                        Number(kpi="done_agreement", by=("src_site", "dst_site"), label="FTS / Rucio"),
                        Number(kpi="rucio_copies", by=("src_site", "dst_site"), label="Rucio: done"),
                        Number(kpi="fts_copies", by=("src_site", "dst_site"), label="FTS: finished"),
                    ),
                    link=links.LINK,
                ),
            ),
        ),
        Row(
            title="Synchronisations into Rucio",
            panels=(
                Panel(
                    title="Differences from CRIC and IAM",
                    kind="lines",
                    width=12,
                    numbers=(Number(kpi="sync_drift", by=("sync",)),),
                ),
                Panel(
                    title="Age of the oldest difference",
                    kind="lines",
                    width=12,
                    numbers=(Number(kpi="sync_drift_age", by=("sync",)),),
                ),
                Panel(
                    title="Changes made in Rucio",
                    kind="stacked",
                    width=12,
                    numbers=(Number(kpi="sync_changes", by=("sync",)),),
                ),
                Panel(
                    title="Runs that could not tell",
                    kind="bars",
                    width=12,
                    numbers=(Number(kpi="sync_runs_failed", by=("sync",)),),
                ),
            ),
        ),
        Row(
            title="Pages",
            panels=(
                *(
                    Panel(title=title, kind="stat", width=4, height=4, numbers=(Number(kpi=kpi),))
                    for title, kpi in (
                        ("Pages sent", "pages_sent"),
                        ("Pages acknowledged", "pages_acknowledged"),
                        ("False alarms", "pages_false"),
                        ("Time to page (p50)", "time_to_page_p50"),
                        ("Time to acknowledge (p50)", "time_to_acknowledge_p50"),
                        ("Time to resolve (p50)", "time_to_resolve_p50"),
                    )
                ),
                Panel(
                    title="Pages by rule",
                    kind="table",
                    width=12,
                    height=8,
                    numbers=(
                        Number(kpi="pages_sent", by=("rule",), label="sent"),
                        Number(kpi="pages_acknowledged", by=("rule",), label="acknowledged"),
                        Number(kpi="pages_false", by=("rule",), label="false alarms"),
                        Number(kpi="time_to_page_p50", by=("rule",), label="time to page"),
                    ),
                ),
                Panel(
                    title="Alerts opened",
                    kind="lines",
                    width=12,
                    height=8,
                    numbers=(Number(kpi="alerts_opened", by=("severity",)),),
                ),
            ),
        ),
    ),
)
