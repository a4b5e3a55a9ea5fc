"""FTS's servers: what waits, what runs, and whether FTS and Rucio say the same."""

from __future__ import annotations

from dashboards.definitions import _links as links
from dashboards.model import Dashboard, Number, Panel, Row
from dashboards.variables import DESTINATION, ENDPOINT, SOURCE, VO

FTS = Dashboard(
    name="fts",
    title="FTS servers",
    question="Do the FTS servers take, run and finish what Rucio hands them?",
    variables=(ENDPOINT, VO, SOURCE, DESTINATION),
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="Efficiency by FTS",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="fts_efficiency"),),
                ),
                Panel(
                    title="Finished", kind="stat", width=6, height=4, numbers=(Number(kpi="fts_finished"),)
                ),
                Panel(
                    title="Waiting", kind="stat", width=6, height=4, numbers=(Number(kpi="fts_queue_depth"),)
                ),
                Panel(title="Running", kind="stat", width=6, height=4, numbers=(Number(kpi="fts_active"),)),
            ),
        ),
        Row(
            title="Servers",
            panels=(
                Panel(
                    title="Efficiency of each server",
                    kind="lines",
                    numbers=(Number(kpi="fts_efficiency", by=("endpoint",)),),
                    link=links.ENDPOINT,
                ),
                Panel(
                    title="Finished on each server",
                    kind="stacked",
                    numbers=(Number(kpi="fts_finished", by=("endpoint",)),),
                    link=links.ENDPOINT,
                ),
                Panel(
                    title="Longest queue of a link, by server",
                    kind="lines",
                    numbers=(Number(kpi="fts_queue_peak", by=("endpoint",)),),
                    link=links.ENDPOINT,
                ),
                Panel(
                    title="Submissions refused",
                    kind="lines",
                    numbers=(Number(kpi="submission_failures", label="refused"),),
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
                            ("fts_active_mean", "running, mean"),
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
                            ("transfers_done", "Rucio: done"),
                            ("fts_finished", "FTS: finished"),
                            ("done_agreement", "FTS / Rucio"),
                        )
                    ),
                    link=links.LINK,
                    text="What one of the two did not say was lost on its way here, or never sent.",
                ),
            ),
        ),
    ),
)
