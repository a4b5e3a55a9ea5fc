"""Rules that are stuck, and deletions."""

from __future__ import annotations

from lakescope.dashboards.model import Dashboard, Listing, Number, Panel, Row
from lakescope.dashboards.variables import EXPERIMENT, RSE, SITE, VO

RULES = Dashboard(
    name="rules",
    title="Rules and deletions",
    question="Which rules are stuck, and do deletions succeed?",
    variables=(VO, EXPERIMENT, SITE, RSE),
    group="rse",
    rows=(
        Row(
            title="Rules",
            panels=(
                Panel(
                    title="Stuck rules", kind="stat", width=6, height=4, numbers=(Number(kpi="rules_stuck"),)
                ),
                Panel(
                    title="Locks given up",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="rules_stuck_locks"),),
                ),
                Panel(
                    title="Oldest stuck rule",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="oldest_stuck_rule"),),
                ),
                Panel(
                    title="Times stuck per rule",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="rules_flapping"),),
                    text="1: a rule that is stuck stays stuck until it is repaired for good.",
                ),
                Panel(
                    title="Why rules are stuck",
                    kind="table",
                    width=24,
                    height=8,
                    numbers=tuple(
                        Number(kpi=kpi, by=("error_class", "error_template"), label=label)
                        for kpi, label in (
                            ("rules_stuck", "rules"),
                            ("rules_stuck_locks", "locks"),
                            ("oldest_stuck_rule", "oldest"),
                        )
                    ),
                ),
                Panel(
                    title="Stuck rules by reason",
                    kind="stacked",
                    numbers=(Number(kpi="rules_stuck", by=("error_template",)),),
                ),
                Panel(
                    title="Times stuck by account and RSE expression",
                    kind="table",
                    numbers=(
                        Number(kpi="rules_flapping", by=("account", "rse"), label="times stuck per rule"),
                    ),
                ),
                Panel(
                    title="Stuck rules by {group}",
                    kind="stacked",
                    grouped=True,
                    width=8,
                    numbers=(Number(kpi="rules_stuck", by=("rse",)),),
                ),
                Panel(
                    title="Unsatisfied rules by state",
                    kind="lines",
                    width=8,
                    numbers=(Number(kpi="rules_reported", by=("state",)),),
                ),
                Panel(
                    title="Stuck rules by account",
                    kind="table",
                    width=8,
                    numbers=(
                        Number(kpi="oldest_stuck_rule", by=("account",), label="oldest"),
                        Number(kpi="rules_stuck", by=("account",), label="stuck"),
                    ),
                ),
                Panel(
                    title="Latest report of each stuck rule",
                    kind="events",
                    width=24,
                    height=8,
                    listing=Listing(
                        dataset="rules",
                        columns=(
                            *("rule_id", "scope", "name", "rse", "account"),
                            *("locks_ok", "locks_stuck", "stuck_s", "age_s", "expires_at", "error"),
                        ),
                        counted_by="rules_stuck",
                        limit=500,
                    ),
                ),
            ),
        ),
        Row(
            title="Deletions",
            panels=(
                Panel(
                    title="Deletion efficiency",
                    kind="stat",
                    width=12,
                    height=4,
                    numbers=(Number(kpi="deletion_efficiency"),),
                ),
                Panel(
                    title="Deleted volume",
                    kind="stat",
                    width=12,
                    height=4,
                    numbers=(Number(kpi="deletion_volume"),),
                ),
                Panel(
                    title="Deletions per second by {group}",
                    kind="stacked",
                    grouped=True,
                    width=24,
                    numbers=(Number(kpi="deletion_rate", by=("rse",)),),
                ),
                Panel(
                    title="Deletion efficiency by RSE",
                    kind="states",
                    height=10,
                    numbers=(Number(kpi="deletion_efficiency", by=("rse",)),),
                ),
                Panel(
                    title="Deletions by RSE",
                    kind="table",
                    height=10,
                    numbers=(
                        Number(kpi="deletion_efficiency", by=("rse",), label="efficiency"),
                        Number(kpi="deletions_done", by=("rse",), label="deleted"),
                        Number(kpi="deletion_volume", by=("rse",), label="volume"),
                    ),
                ),
                Panel(
                    title="Latest failed deletions",
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
