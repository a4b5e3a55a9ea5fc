"""Space: used, left, growing, and when it ends."""

from __future__ import annotations

from dashboards.definitions import _links as links
from dashboards.model import Dashboard, Number, Panel, Row
from dashboards.variables import QOS, RSE, SITE

STORAGE = Dashboard(
    name="storage",
    title="Storage and QoS",
    question="How much is stored where and in which quality, and when is it full?",
    variables=(SITE, RSE, QOS),
    since="7d",
    rows=(
        Row(
            title="Now",
            panels=(
                Panel(title="Used", kind="stat", width=6, height=4, numbers=(Number(kpi="storage_used"),)),
                Panel(title="Free", kind="stat", width=6, height=4, numbers=(Number(kpi="storage_free"),)),
                Panel(
                    title="Growth", kind="stat", width=6, height=4, numbers=(Number(kpi="storage_growth"),)
                ),
                Panel(
                    title="In use", kind="stat", width=6, height=4, numbers=(Number(kpi="storage_fullness"),)
                ),
            ),
        ),
        Row(
            title="Storage elements",
            panels=(
                Panel(
                    title="Storage elements",
                    kind="table",
                    width=24,
                    height=11,
                    numbers=tuple(
                        Number(kpi=kpi, by=("rse",), label=label)
                        for kpi, label in (
                            ("storage_fullness", "in use"),
                            ("storage_used", "used"),
                            ("storage_free", "free"),
                            ("storage_growth", "growth"),
                            ("days_to_full", "full in"),
                            ("storage_files", "files"),
                        )
                    ),
                    link=links.STORAGE,
                ),
                Panel(
                    title="Used by storage element",
                    kind="lines",
                    numbers=(Number(kpi="storage_used", by=("rse",)),),
                    link=links.STORAGE,
                ),
                Panel(
                    title="Share in use by storage element",
                    kind="lines",
                    numbers=(Number(kpi="storage_fullness", by=("rse",)),),
                    link=links.STORAGE,
                ),
            ),
        ),
        Row(
            title="Quality of service",
            panels=(
                Panel(
                    title="Used in each quality",
                    kind="bars",
                    width=8,
                    numbers=(Number(kpi="storage_used", by=("qos",)),),
                ),
                Panel(
                    title="Share in use of each quality",
                    kind="bars",
                    width=8,
                    numbers=(Number(kpi="storage_fullness", by=("qos",)),),
                ),
                Panel(
                    title="Used in each country",
                    kind="bars",
                    width=8,
                    numbers=(Number(kpi="storage_used", by=("country",)),),
                ),
            ),
        ),
    ),
)
