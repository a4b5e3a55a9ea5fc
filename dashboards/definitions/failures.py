"""What fails, for which reason, and an example of each."""

from __future__ import annotations

from lakescope.dashboards import variables
from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Listing, Number, Panel, Row

FAILURES = Dashboard(
    name="failures",
    title="Failures",
    question="Which errors occur, at which sites, and since when?",
    group="error_scope",
    variables=(*variables.TRANSFERS, variables.ERROR),
    rows=(
        Row(
            title="Failed transfers",
            panels=(
                Panel(
                    title="Failed attempts",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="transfers_failed"),),
                ),
                Panel(
                    title="Files with failures",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="files_failing"),),
                ),
                Panel(
                    title="Attempts per file",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="attempts_per_file"),),
                ),
                Panel(
                    title="Failed submissions",
                    kind="stat",
                    width=6,
                    height=4,
                    numbers=(Number(kpi="submission_failures"),),
                ),
            ),
        ),
        Row(
            title="Incidents: the smallest places that explain the failures",
            panels=(
                Panel(
                    title="Open incidents",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="incidents_open"),),
                ),
                Panel(
                    title="Incidents that began",
                    kind="stat",
                    width=4,
                    height=4,
                    numbers=(Number(kpi="incidents_began"),),
                ),
                Panel(
                    title="Culprits",
                    kind="events",
                    width=16,
                    height=8,
                    listing=Listing(
                        dataset="incidents",
                        where={"event": "began"},
                        columns=("culprit", "severity", "failures", "attempts", "error_template"),
                        limit=50,
                    ),
                ),
            ),
        ),
        Row(
            title="Errors by class",
            panels=(
                Panel(
                    title="Errors",
                    kind="table",
                    width=24,
                    height=12,
                    numbers=(
                        Number(
                            kpi="transfers_failed",
                            by=("error_scope", "error_class", "error_template"),
                            label="failed",
                        ),
                        Number(
                            kpi="files_failing",
                            by=("error_scope", "error_class", "error_template"),
                            label="files",
                        ),
                    ),
                    link=links.ERROR,
                ),
                Panel(
                    title="Failures by error",
                    kind="stacked",
                    top=6,
                    width=16,
                    height=10,
                    numbers=(Number(kpi="transfers_failed", by=("error_template",)),),
                ),
                Panel(
                    title="Failures by {group}",
                    kind="stacked",
                    grouped=True,
                    width=8,
                    height=10,
                    numbers=(Number(kpi="transfers_failed", by=("error_scope",)),),
                ),
            ),
        ),
        Row(
            title="Failures by site",
            panels=(
                Panel(
                    title="Failures from source to destination",
                    kind="matrix",
                    width=12,
                    height=13,
                    numbers=(Number(kpi="transfers_failed", by=("src_site", "dst_site")),),
                    link=links.LINK,
                ),
                Panel(
                    title="Failures of each source",
                    kind="bars",
                    width=6,
                    height=13,
                    numbers=(Number(kpi="transfers_failed", by=("src_site",)),),
                    link=links.FROM_SOURCE,
                ),
                Panel(
                    title="Failures of each destination",
                    kind="bars",
                    width=6,
                    height=13,
                    numbers=(Number(kpi="transfers_failed", by=("dst_site",)),),
                    link=links.TO_DESTINATION,
                ),
            ),
        ),
        Row(
            title="Examples",
            panels=(
                Panel(
                    title="Latest failed transfers",
                    kind="events",
                    width=24,
                    height=12,
                    listing=Listing(
                        dataset="transfers",
                        where={"ok": False, "source": "rucio"},
                        columns=(
                            "src_rse",
                            "dst_rse",
                            "activity",
                            "scope",
                            "name",
                            "error_class",
                            "error",
                            "request_id",
                        ),
                    ),
                ),
            ),
        ),
    ),
)
