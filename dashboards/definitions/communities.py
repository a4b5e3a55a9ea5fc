"""The lake as each VO and each experiment sees it."""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Link, Number, Panel, Row
from lakescope.dashboards.variables import ACTIVITY, EXPERIMENT, VO


def _of(what: str, dimension: str, link: Link) -> Row:
    by = (dimension,)
    return Row(
        title=f"By {what}",
        panels=(
            Panel(
                title=f"By {what}",
                kind="table",
                width=24,
                height=9,
                numbers=tuple(
                    Number(kpi=kpi, by=by, label=label)
                    for kpi, label in (
                        ("transfer_volume", "volume"),
                        ("transfers_done", "transferred"),
                        ("transfers_failed", "failed"),
                        ("transfer_efficiency", "efficiency"),
                        ("queue_time_p95", "queue time (p95)"),
                        ("files_failing", "files with failures"),
                        ("deletion_volume", "deleted"),
                    )
                ),
                link=link,
            ),
            Panel(
                title=f"Volume by {what}",
                kind="stacked",
                numbers=(Number(kpi="transfer_volume", by=by),),
                link=link,
            ),
            Panel(
                title=f"Efficiency by {what}",
                kind="states",
                numbers=(Number(kpi="transfer_efficiency", by=by),),
                link=link,
            ),
        ),
    )


COMMUNITIES = Dashboard(
    name="communities",
    title="VOs and experiments",
    question="What does each community get from the lake?",
    variables=(VO, EXPERIMENT, ACTIVITY),
    group="activity",
    rows=(
        _of("experiment", "experiment", links.EXPERIMENT),
        _of("VO", "vo", links.VO),
        Row(
            title="What they move",
            panels=(
                Panel(
                    title="Volume by {group}",
                    kind="stacked",
                    grouped=True,
                    numbers=(Number(kpi="transfer_volume", by=("activity",)),),
                ),
                Panel(
                    title="Efficiency by {group}",
                    kind="lines",
                    grouped=True,
                    numbers=(Number(kpi="transfer_efficiency", by=("activity",)),),
                ),
            ),
        ),
    ),
)
