"""FTS's servers: what waits, what runs, and whether FTS and Rucio say the same."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Number, Panel, Row
from lakescope.dashboards.variables import DESTINATION, DESTINATION_RSE, ENDPOINT, SOURCE, SOURCE_RSE, VO

FTS = Dashboard(
    name="fts",
    title="FTS servers",
    question="Do the FTS servers accept, run and finish what Rucio submits?",
    group="endpoint",
    variables=(ENDPOINT, VO, SOURCE, DESTINATION, SOURCE_RSE, DESTINATION_RSE),
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="Efficiency reported by FTS",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="fts_efficiency"),),
                ),
                Panel(
                    title="Finished", kind="stat", width=6, height=4, numbers=(Number(kpi="fts_finished"),)
                ),
                Panel(
                    title="Queued transfers",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="fts_queue_depth"),),
                ),
                Panel(
                    title="Active transfers",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="fts_active"),),
                ),
            ),
        ),
        Row(
            title="Servers",
            panels=(
                Panel(
                    title="Efficiency by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="fts_efficiency", by=("endpoint",)),),
                    link=links.ENDPOINT,
                ),
                Panel(
                    title="Finished transfers by {group}",
                    kind="stacked",
                    grouped=True,
                    numbers=(Number(kpi="fts_finished", by=("endpoint",)),),
                    link=links.ENDPOINT,
                ),
                Panel(
                    title="Longest link queue by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="fts_queue_peak", by=("endpoint",)),),
                    link=links.ENDPOINT,
                ),
                Panel(
                    title="Failed submissions",
                    kind="lines",
                    numbers=(Number(kpi="submission_failures", label="failed"),),
                ),
            ),
        ),
        Row(
            title="By FTS's monitoring",
            panels=(
                Panel(
                    title="Efficiency in the last hour",
                    kind="lines",
                    numbers=(Number(kpi="fts_recent_efficiency", by=("endpoint",)),),
                    link=links.ENDPOINT,
                ),
                Panel(
                    title="From and to tape",
                    kind="lines",
                    numbers=(
                        Number(kpi="fts_staging", label="staging"),
                        Number(kpi="fts_archiving", label="archiving"),
                    ),
                ),
                Panel(
                    title="Failures in the last hour",
                    kind="table",
                    width=24,
                    height=10,
                    numbers=tuple(
                        Number(kpi=kpi, by=("src_site", "dst_site"), label=label)
                        for kpi, label in (
                            ("fts_recent_failed", "failed"),
                            ("fts_recent_efficiency", "efficiency"),
                            ("fts_queue_depth", "queued"),
                            ("fts_staging", "staging"),
                        )
                    ),
                    link=links.LINK,
                ),
            ),
        ),
        Row(
            title="How files are copied",
            panels=(
                Panel(
                    title="Volume by VO",
                    kind="bars",
                    width=6,
                    numbers=(Number(kpi="fts_volume", by=("vo",)),),
                ),
                Panel(
                    title="Volume by transfer mode",
                    kind="bars",
                    width=6,
                    numbers=(Number(kpi="fts_volume", by=("transfer_mode",)),),
                ),
                Panel(
                    title="Efficiency by authentication method",
                    kind="bars",
                    width=6,
                    numbers=(Number(kpi="fts_efficiency", by=("auth_method",)),),
                ),
                Panel(
                    title="Efficiency by destination storage type",
                    kind="bars",
                    width=6,
                    numbers=(Number(kpi="fts_efficiency", by=("dst_type",)),),
                ),
            ),
        ),
        Row(
            title="Links",
            panels=(
                Panel(
                    title="Queues",
                    kind="table",
                    width=12,
                    height=12,
                    numbers=tuple(
                        Number(kpi=kpi, by=("src_site", "dst_site"), label=label)
                        for kpi, label in (
                            ("fts_queue_peak", "longest queue"),
                            ("fts_active_mean", "active, average"),
                            ("fts_success_rate", "FTS's success rate"),
                            ("fts_throughput", "throughput"),
                        )
                    ),
                    link=links.LINK,
                ),
                Panel(
                    title="Finished by FTS, done in Rucio",
                    kind="table",
                    width=12,
                    height=12,
                    numbers=tuple(
                        Number(kpi=kpi, by=("src_site", "dst_site"), label=label)
                        for kpi, label in (
                            ("rucio_copies", "Rucio: done"),
                            ("fts_copies", "FTS: finished"),
                            ("done_agreement", "FTS / Rucio"),
                            ("done_difference", "Rucio - FTS"),
                        )
                    ),
                    link=links.LINK,
                    text="Where they differ, events of one of them were lost on the way or never sent.",
                ),
            ),
        ),
    ),
)
