"""Can these dashboards be trusted? Lakescope's own health and the completeness of its data."""

from __future__ import annotations

from dashboards.definitions import _links as links
from dashboards.model import Dashboard, Number, Panel, Row

LAKESCOPE = Dashboard(
    name="lakescope",
    title="Lakescope's own health",
    question="Can these dashboards be trusted: is the data there, whole and in time?",
    variables=(),
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(
                    title="Lag, 99 of 100 below",
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
                    title="Writes tried again",
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
                    title="Events received by collector",
                    kind="stacked",
                    numbers=(Number(kpi="events_received", by=("name",)),),
                ),
                Panel(
                    title="Events stored by sink",
                    kind="lines",
                    numbers=(Number(kpi="events_stored", by=("name",)),),
                ),
                Panel(
                    title="Lag by sink",
                    kind="lines",
                    numbers=(
                        Number(kpi="lag_p50", by=("name",), label="half below"),
                        Number(kpi="lag_p99", by=("name",), label="99 of 100 below"),
                    ),
                ),
                Panel(
                    title="Longest queue by sink",
                    kind="lines",
                    numbers=(Number(kpi="queue_peak", by=("name",)),),
                ),
                Panel(
                    title="Dead letters by collector and sink",
                    kind="stacked",
                    numbers=(Number(kpi="dead_letters", by=("name",)),),
                ),
                Panel(
                    title="Time without data, by collector",
                    kind="bars",
                    numbers=(Number(kpi="collector_silence", by=("name",)),),
                ),
            ),
        ),
        Row(
            title="Is the data whole?",
            panels=(
                Panel(
                    title="Hours without transfers, by source",
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
                    title="Hours without words on storage",
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
                        Number(kpi="transfers_done", label="Rucio: done"),
                        Number(kpi="fts_finished", label="FTS: finished"),
                    ),
                ),
                Panel(
                    title="Links on which they differ",
                    kind="table",
                    width=12,
                    numbers=(
                        Number(kpi="done_agreement", by=("src_site", "dst_site"), label="FTS / Rucio"),
                        Number(kpi="transfers_done", by=("src_site", "dst_site"), label="Rucio: done"),
                        Number(kpi="fts_finished", by=("src_site", "dst_site"), label="FTS: finished"),
                    ),
                    link=links.LINK,
                ),
            ),
        ),
    ),
)
