"""Whether what is shown can be believed: witnesses against each other."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Number, Panel, Row
from lakescope.dashboards.variables import ACTIVITY, DESTINATION_RSE, SOURCE_RSE, VO

_RSES, _SITES = ("src_rse", "dst_rse"), ("src_site", "dst_site")
_HOW = (
    "Each value is of whole windows that end a quarter of an hour before the range: later messages may still come. Rucio's count"
    " is as old as its last answer, so that a single window may differ by what was done since; a steady gap means lost messages."
)


def _stat(title: str, kpi: str) -> Panel:
    return Panel(title=title, kind="stat", width=6, height=4, numbers=(Number(kpi=kpi),))


QUALITY = Dashboard(
    name="quality",
    title="Data quality",
    question="Does everything that the lake's systems report arrive here?",
    variables=(VO, ACTIVITY, SOURCE_RSE, DESTINATION_RSE),
    group="activity",
    rows=(
        Row(
            title="Transfers from Hermes against Rucio's own count",
            panels=(
                _stat("Completeness, last hour", "hermes_completeness_1h"),
                _stat("Difference, last hour", "hermes_difference_1h"),
                _stat("Completeness, last six hours", "hermes_completeness_6h"),
                _stat("Difference, last six hours", "hermes_difference_6h"),
                Panel(
                    title="Hermes minus Rucio, each hour, by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="hermes_difference_1h", by=("activity",)),),
                    text=_HOW,
                ),
                Panel(
                    title="Completeness, each six hours",
                    kind="lines",
                    numbers=(Number(kpi="hermes_completeness_6h"),),
                    text=_HOW,
                ),
                Panel(
                    title="Last six hours by link",
                    kind="table",
                    width=24,
                    height=9,
                    numbers=(
                        Number(kpi="hermes_difference_6h", by=_RSES, label="Hermes - Rucio"),
                        Number(kpi="hermes_completeness_6h", by=_RSES, label="Hermes / Rucio"),
                        Number(kpi="requests_done_6h", by=_RSES, label="done in 6 h by Rucio's count"),
                    ),
                ),
            ),
        ),
        Row(
            title="Copies from Hermes against FTS",
            panels=(
                Panel(
                    title="Rucio minus FTS over time",
                    kind="lines",
                    numbers=(Number(kpi="done_difference"),),
                ),
                Panel(
                    title="Finished by FTS, done in Rucio",
                    kind="lines",
                    numbers=(
                        Number(kpi="transfers_done", label="Rucio: done"),
                        Number(kpi="fts_finished", label="FTS: finished"),
                    ),
                ),
                Panel(
                    title="Links where FTS and Rucio disagree",
                    kind="table",
                    width=24,
                    numbers=(
                        Number(kpi="done_difference", by=_SITES, label="Rucio - FTS"),
                        Number(kpi="done_agreement", by=_SITES, label="FTS / Rucio"),
                    ),
                    link=links.LINK,
                ),
            ),
        ),
        Row(
            title="Hours without data",
            panels=(
                _stat("Without transfers", "transfers_empty_hours"),
                _stat("Without network tests", "network_empty_hours"),
                _stat("Without probes", "probes_empty_hours"),
                _stat("Without storage reports", "storage_empty_hours"),
            ),
        ),
    ),
)
