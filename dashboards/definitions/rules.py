"""Rules that are stuck, and deletions."""

from __future__ import annotations

from dashboards.model import Dashboard, Listing, Number, Panel, Row
from dashboards.variables import EXPERIMENT, RSE, SITE, VO

RULES = Dashboard(
    name="rules",
    title="Rules and deletions",
    question="Which rules are stuck, and does the lake clear what it no longer needs?",
    variables=(VO, EXPERIMENT, SITE, RSE),
    rows=(
        Row(
            title="Rules",
            panels=(
                Panel(
                    title="Rules stuck", kind="stat", width=12, height=4, numbers=(Number(kpi="rules_stuck"),)
                ),
                Panel(
                    title="The oldest stuck rule",
                    kind="stat",
                    width=12,
                    height=4,
                    numbers=(Number(kpi="oldest_stuck_rule"),),
                ),
                Panel(
                    title="Rules stuck, by account",
                    kind="stacked",
                    numbers=(Number(kpi="rules_stuck", by=("account",)),),
                ),
                Panel(
                    title="Unsatisfied rules by question",
                    kind="lines",
                    numbers=(Number(kpi="rules_reported", by=("scope",)),),
                ),
                Panel(
                    title="Stuck rules by account",
                    kind="table",
                    numbers=(
                        Number(kpi="oldest_stuck_rule", by=("account",), label="oldest"),
                        Number(kpi="rules_stuck", by=("account",), label="stuck"),
                    ),
                ),
                Panel(
                    title="Stuck rules, by their latest report",
                    kind="events",
                    width=24,
                    height=8,
                    listing=Listing(
                        dataset="rules",
                        where={"event": "stuck"},
                        columns=(
                            *("rule_id", "scope", "name", "rse", "account"),
                            *("locks_ok", "locks_stuck", "age_s"),
                        ),
                        latest_of="rule_id",
                    ),
                ),
            ),
        ),
        Row(
            title="Deletions",
            panels=(
                Panel(
                    title="Deletions that work",
                    kind="stat",
                    width=12,
                    height=4,
                    numbers=(Number(kpi="deletion_efficiency"),),
                ),
                Panel(
                    title="Volume deleted",
                    kind="stat",
                    width=12,
                    height=4,
                    numbers=(Number(kpi="deletion_volume"),),
                ),
                Panel(
                    title="Deletions a second, by site",
                    kind="stacked",
                    width=24,
                    numbers=(Number(kpi="deletion_rate", by=("site",)),),
                ),
                Panel(
                    title="Efficiency of deletions by storage element",
                    kind="states",
                    height=10,
                    numbers=(Number(kpi="deletion_efficiency", by=("rse",)),),
                ),
                Panel(
                    title="Deletions by storage element",
                    kind="table",
                    height=10,
                    numbers=(
                        Number(kpi="deletion_efficiency", by=("rse",), label="efficiency"),
                        Number(kpi="deletions_done", by=("rse",), label="deleted"),
                        Number(kpi="deletion_volume", by=("rse",), label="volume"),
                    ),
                ),
                Panel(
                    title="Deletions that failed last",
                    kind="events",
                    width=24,
                    height=9,
                    listing=Listing(
                        dataset="deletions",
                        where={"ok": False},
                        columns=("rse", "protocol", "scope", "name", "error"),
                    ),
                ),
            ),
        ),
    ),
)
