"""Services, by probes."""

from __future__ import annotations

from functools import partial

from lakescope.kpis.catalogue._common import EFFICIENCY, FAILED, empty_hours
from lakescope.kpis.model import DAY, Condition, Kpi, Part, Timeline

PROBES = ("probe", "site", "rse", "operation", "protocol", "vo")

_TARGETS = (*PROBES, "target", "source")

_probes = partial(Kpi, dataset="probes", dimensions=_TARGETS)
_targets = partial(_probes, dimensions=(*_TARGETS, "failure"))
_sites = partial(
    Kpi,
    dataset="probes",
    dimensions=("site", "vo", "source"),
    where=(Condition("site", "known"), Condition("source", "not", "collectd")),  # whose alerts are of hosts
    unit="ratio",
    good="up",
    null="nothing is known of the site's services",
)

KPIS = (
    _probes(
        name="probe_checks",
        meaning="Probes of services, whatever their result.",
        unit="count",
        good="neutral",
        value=Part(kind="count"),
        null="never null",
    ),
    _probes(
        name="probe_availability",
        meaning="Probes that found their service healthy, divided by all that returned a result.",
        unit="ratio",
        good="up",
        value=EFFICIENCY,
        null="no probe returned a result",
        warning=0.95,
        critical=0.8,
    ),
    _targets(
        name="probe_failures",
        meaning="Probes that found their service failing, or degraded.",
        unit="count",
        good="down",
        where=(FAILED,),
        value=Part(kind="count"),
        null="never null",
    ),
    _probes(
        name="probes_failing",
        meaning="Checks whose last result is a failure: each probe of a target, with its operation and protocol, counts once.",
        unit="count",
        good="down",
        value=Part(
            kind="last",
            field="ok",
            series=("source", "probe", "target", "operation", "protocol", "address"),
            state=(FAILED,),
            over="count",
            look_back_s=DAY,
        ),
        null="no probe has reported, or its last report is stale",
    ),
    _targets(
        name="probe_time",
        meaning="Average time of a probe, from the look-up of the name to the answer; of those that failed, until then.",
        unit="seconds",
        good="down",
        value=Part(kind="mean", field="duration_s"),
        null="no probe tells its time",
    ),
    _targets(
        name="certificate_days_left",
        meaning="Days until the first server certificate expires: last reported value per target and address; below 0, it"
        " has expired.",
        unit="days",
        good="up",
        value=Part(
            kind="last",
            field="certificate_days_left",
            series=("target", "address"),
            over="min",
            look_back_s=2 * DAY,
        ),
        null="no probe has read a certificate, or the last report is stale",
        warning=14.0,
        critical=3.0,
    ),
    _sites(
        name="site_availability",
        meaning="Time in which a site's services were up, divided by the time of which their state is known (WLCG).",
        value=Timeline("availability"),
        warning=0.97,
        critical=0.9,
    ),
    _sites(
        name="site_reliability",
        meaning="Time in which a site's services were up, divided by the time of which their state is known and no"
        " scheduled downtime was declared (WLCG).",
        value=Timeline("reliability"),
        warning=0.97,
        critical=0.9,
    ),
    empty_hours("probes", "answer of a check", (*PROBES, "source")),
)
