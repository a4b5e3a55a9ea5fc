"""Are the services up, by their probes?"""

from __future__ import annotations

from lakescope.dashboards.definitions import _links as links
from lakescope.dashboards.model import Dashboard, Listing, Number, Panel, Row
from lakescope.dashboards.variables import PROTOCOL, RSE, SITE, VO

PROBES = Dashboard(
    name="probes",
    title="Probes and availability",
    question="Which services passed their probes, and which did not?",
    variables=(VO, SITE, RSE, PROTOCOL),
    group="operation",
    rows=(
        Row(
            title="Availability",
            panels=(
                Panel(
                    title="Probe success rate",
                    kind="stat",
                    width=8,
                    height=4,
                    numbers=(Number(kpi="probe_availability"),),
                ),
                Panel(title="Probes", kind="stat", width=8, height=4, numbers=(Number(kpi="probe_checks"),)),
                Panel(
                    title="Access efficiency",
                    kind="stat",
                    width=8,
                    height=4,
                    numbers=(Number(kpi="access_efficiency"),),
                ),
                Panel(
                    title="Availability by site",
                    kind="states",
                    width=24,
                    height=9,
                    numbers=(Number(kpi="probe_availability", by=("site",)),),
                    link=links.PROBES,
                ),
                Panel(
                    title="Probe success rate by {group}",
                    kind="lines",
                    grouped=True,
                    width=8,
                    height=10,
                    numbers=(Number(kpi="probe_availability", by=("operation",)),),
                ),
                Panel(
                    title="Probe success rate by protocol",
                    kind="lines",
                    width=8,
                    height=10,
                    numbers=(Number(kpi="probe_availability", by=("protocol",)),),
                ),
                Panel(
                    title="Sites",
                    kind="table",
                    width=8,
                    height=10,
                    numbers=(
                        Number(kpi="probe_availability", by=("site",), label="available"),
                        Number(kpi="probe_checks", by=("site",), label="probes"),
                    ),
                    link=links.PROBES,
                ),
                Panel(
                    title="Latest failed probes",
                    kind="events",
                    width=24,
                    height=10,
                    listing=Listing(
                        dataset="probes",
                        where={"ok": False},
                        columns=("probe", "site", "target", "operation", "protocol", "status", "message"),
                    ),
                ),
            ),
        ),
        Row(
            title="Sites and downtimes",
            panels=(
                Panel(
                    title="Site availability and reliability",
                    kind="table",
                    width=12,
                    height=10,
                    numbers=(
                        Number(kpi="site_availability", by=("site",), label="availability"),
                        Number(kpi="site_reliability", by=("site",), label="reliability"),
                    ),
                    link=links.PROBES,
                    text="By WLCG's definitions: scheduled downtimes count against availability, and not against reliability.",
                ),
                Panel(
                    title="Site availability over time",
                    kind="states",
                    width=12,
                    height=10,
                    numbers=(Number(kpi="site_availability", by=("site",)),),
                    link=links.PROBES,
                ),
                Panel(
                    title="Running downtimes",
                    kind="stat",
                    width=4,
                    height=8,
                    numbers=(Number(kpi="downtimes_running"),),
                ),
                Panel(
                    title="Planned downtimes",
                    kind="stat",
                    width=4,
                    height=8,
                    numbers=(Number(kpi="downtimes_planned"),),
                ),
                Panel(
                    title="Time in declared downtime",
                    kind="table",
                    width=16,
                    height=8,
                    numbers=(
                        Number(kpi="downtime", by=("site", "severity", "classification"), label="time"),
                    ),
                ),
                Panel(
                    title="Downtimes that began",
                    kind="events",
                    width=24,
                    height=9,
                    listing=Listing(
                        dataset="downtimes",
                        where={"event": "began"},
                        columns=(
                            "site",
                            "rse",
                            "host",
                            "service",
                            "severity",
                            "classification",
                            "ended",
                            "description",
                        ),
                    ),
                ),
            ),
        ),
        Row(
            title="Certificates and answers",
            panels=(
                Panel(
                    title="First certificate expires in",
                    kind="stat",
                    width=6,
                    height=8,
                    numbers=(Number(kpi="certificate_days_left"),),
                ),
                Panel(
                    title="Failed probes by kind of failure",
                    kind="stacked",
                    width=9,
                    height=8,
                    numbers=(Number(kpi="probe_failures", by=("failure",)),),
                ),
                Panel(
                    title="Time of a probe",
                    kind="lines",
                    width=9,
                    height=8,
                    top=10,
                    numbers=(Number(kpi="probe_time", by=("site",)),),
                ),
                Panel(
                    title="Certificates",
                    kind="table",
                    width=24,
                    height=10,
                    numbers=(
                        Number(kpi="certificate_days_left", by=("target",), label="expires in"),
                        Number(kpi="probe_time", by=("target",), label="time of a probe"),
                        Number(kpi="probe_failures", by=("target",), label="failed probes"),
                    ),
                ),
            ),
        ),
        Row(
            title="Client accesses",
            panels=(
                Panel(
                    title="Access efficiency by RSE",
                    kind="states",
                    width=14,
                    numbers=(Number(kpi="access_efficiency", by=("rse",)),),
                ),
                Panel(
                    title="Accesses by protocol",
                    kind="stacked",
                    width=10,
                    numbers=(Number(kpi="accesses", by=("protocol",)),),
                ),
            ),
        ),
    ),
)
