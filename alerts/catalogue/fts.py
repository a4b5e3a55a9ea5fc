"""FTS: its queues, its success, and whether it is there at all."""

from __future__ import annotations

from lakescope.alerts.model import Absence, Baseline, Rule, Volume
from lakescope.kpis.model import DAY, HOUR

FTS: tuple[Rule, ...] = (
    Rule(
        name="fts_queue_growing",
        title="The queue of an FTS server grows",
        kpi="fts_queue_depth",
        condition=Baseline(history_s=7 * DAY, ratio_above=4.0, least=5000.0),
        window_s=HOUR,
        for_s=HOUR,
        keep_s=HOUR,
        by=("endpoint",),
        owner="fts",
        summary="{endpoint}: {value} transfers are queued, usually {median}, threshold {threshold}",
        description="{value} transfers are queued at {endpoint}; in the seven days before there were {median}. A"
        " campaign that began explains it as long as the active transfers rise, too. First check which link holds the"
        " queue, and at its optimizer.",
    ),
    Rule(
        name="fts_success_falling",
        title="Success of an FTS server falls",
        kpi="fts_efficiency",
        condition=Baseline(history_s=3 * DAY, ratio_below=0.5, clear_ratio=0.8, least=0.2),
        window_s=HOUR,
        for_s=600,
        keep_s=1800,
        hold_s=3 * HOUR,
        by=("endpoint",),
        volume=Volume("fts_ended", 201.0),
        owner="fts",
        summary="{endpoint}: {value} of {volume} transfers succeeded in {window}, usually {median}, threshold {threshold}",
        description="Of {volume} transfers of {endpoint} that ended in the last {window}, {value} succeeded; in the three days"
        " before it was {median}. Look first at another FTS server: if the same links fail there, the sites are at fault.",
        is_incident=True,
    ),
    Rule(
        name="fts_endpoint_silent",
        title="An FTS server is silent",
        kpi="fts_ended",
        condition=Absence(history_s=3 * DAY, least_windows=65),
        window_s=HOUR,
        late_s=300,
        for_s=600,
        by=("endpoint",),
        severity="page",
        owner="fts",
        summary="{endpoint}: no transfer has ended in {window}, though the lake works; in the three days before,"
        " almost every hour had some",
        description="FTS at {endpoint} reported no transfer that ended in the last {window}, while others report"
        " theirs. First check whether it answers; if it does and works, its messages do not arrive: look at the"
        " broker and at Lakescope's collector.",
    ),
)
