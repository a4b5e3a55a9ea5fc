"""Storage, the services that probes check, and hosts.

A full or silent storage endpoint fails transfers, and then an incident pages; so these are tickets, which come before it where
they can. Only a central service (Rucio, FTS, IAM) that is down is a page.
"""

from __future__ import annotations

from functools import partial

from lakescope.alerts.model import Absence, Peers, Rule, Threshold, Volume
from lakescope.kpis.model import DAY, HOUR

_MINUTE = 60
_WEEK = 7 * DAY

_storage = partial(
    Rule,
    severity="ticket",
    owner="storage",
    by=("rse", "site"),
    optional=("site",),
    window_s=HOUR,
    for_s=HOUR,
    keep_s=6 * HOUR,
    hold_s=_WEEK,
)
_site = partial(Peers, dimensions=("site",), label="site")
_targets = partial(
    Rule,
    severity="ticket",
    owner="site",
    by=("target", "rse", "site"),
    optional=("rse", "site"),
    late_s=_MINUTE,
)
_hosts = partial(
    Rule,
    severity="ticket",
    owner="site",
    by=("host", "site"),
    optional=("site",),
    late_s=2 * _MINUTE,
    hold_s=_WEEK,
)

FLAPPING = (0.2, 0.8)

STORAGE = (
    _storage(
        name="storage_days_to_full",
        title="An RSE will be full soon",
        kpi="days_to_full",
        condition=Threshold(below=7.0, clear=10.0),
        window_s=_WEEK,
        hold_s=0,  # without growth there is no value, and nothing to do
        summary="{rse}: full in {value} if it grows as in the last {window}; threshold {threshold}",
        description="At the growth of the last {window} the free space of this RSE runs out in {value} (threshold"
        " {threshold}). First check which account or scope grows, and whether the reaper deletes what has expired.",
    ),
    _storage(
        name="storage_full",
        title="An RSE is full",
        kpi="storage_fullness",
        condition=Threshold(above=0.98, clear=0.95),
        for_s=30 * _MINUTE,
        keep_s=HOUR,
        summary="{rse}: {value} of its space in use; threshold {threshold}",
        description="The RSE reports {value} of its space in use (threshold {threshold}): writes fail, or will within"
        " hours. First check whether the reaper deletes there and has anything to delete; then close the RSE for"
        " writing until there is space.",
    ),
    _storage(
        name="storage_discrepancy",
        title="Storage and catalogue disagree on usage",
        kpi="storage_discrepancy",
        condition=Threshold(above=0.05, clear=0.03, unsigned=True),
        for_s=DAY,  # deletions and writes of hours may be in one of the two numbers only
        keep_s=DAY,
        summary="{rse}: used space by its storage minus that by Rucio is {value} of its total space; threshold"
        " {threshold} either way",
        description="What the storage reports in use minus what Rucio's catalogue has there is {value} of the RSE's"
        " space, for a day (threshold {threshold} either way). Above 0: dark data, which only a consistency check"
        " finds. Below 0: files that Rucio counts may be lost. First check whether both numbers are fresh and of the"
        " same space.",
    ),
    _storage(
        name="share_discrepancy",
        title="SRR and catalogue disagree on usage",
        kpi="share_discrepancy",
        condition=Threshold(above=0.05, clear=0.03, unsigned=True),
        for_s=DAY,
        keep_s=DAY,
        summary="{rse}: used space by SRR minus that by Rucio is {value} of its share; threshold {threshold} either"
        " way",
        description="What the storage service publishes of the RSE's share (SRR) minus what Rucio's catalogue has"
        " there is {value} of the share's size, for a day (threshold {threshold} either way). Look first at the age"
        " of the SRR document, and whether the share holds other data than the RSE's.",
    ),
    _storage(
        name="storage_silent",
        title="An RSE has stopped reporting its space",
        kpi="storage_total",
        condition=Absence(history_s=2 * DAY, least_windows=6),
        hold_s=0,
        summary="{rse}: no current report of its space; it had one within the last two days",
        description="The last report of this RSE's space is older than three of its usual intervals, so its fill"
        " level and days to full are not known. First check whether Rucio still has a storage usage of it, then at"
        " the collector that polls it.",
    ),
    Rule(
        name="storage_report_old",
        title="A storage report (SRR) is out of date",
        kpi="storage_report_age",
        by=("storage_service",),
        condition=Threshold(above=2.0 * DAY, clear=1.0 * DAY),
        window_s=HOUR,
        for_s=HOUR,
        keep_s=HOUR,
        hold_s=_WEEK,
        severity="ticket",
        owner="site",
        summary="{storage_service}: its report on itself (SRR) is {value} old; threshold {threshold}",
        description="The document that the storage service publishes of itself is served, but {value} old (threshold"
        " {threshold}): what makes it has stopped. WLCG's accounting reads the same document. Look first at the"
        " script or service at the site that writes it.",
    ),
    _targets(
        name="service_down",
        title="A central service does not answer",
        kpi="probes_failing",
        by=("target", "source"),
        optional=(),
        filters={"source": "probe", "rse": ""},
        condition=Threshold(above=0.0),
        window_s=HOUR,
        for_s=15 * _MINUTE,
        keep_s=10 * _MINUTE,
        hold_s=DAY,
        severity="page",
        owner="lake",
        peers=Peers(
            dimensions=("source",),
            least=2,
            label="source",
            summary="{count} central services: every check has failed for 15 minutes",
        ),
        summary="{target}: every check of {source} has failed for 15 minutes (kinds of checks that fail: {value})",
        description="Each of Lakescope's checks of this service failed for at least 15 minutes, which is three in a"
        " row at five minutes. It belongs to no RSE: Rucio, FTS, IAM or a broker, on which the whole lake depends."
        " Look first at the failure that the probe names, then at the service's own log.",
    ),
    _targets(
        name="storage_probe_failing",
        title="Probes of a storage endpoint fail",
        kpi="probes_failing",
        optional=("site",),
        condition=Threshold(above=0.0),
        window_s=HOUR,
        for_s=30 * _MINUTE,
        keep_s=30 * _MINUTE,
        hold_s=DAY,
        peers=_site(
            least=2, summary="{peer}: probes of {count} storage endpoints have failed for at least 30 minutes"
        ),
        summary="{target} ({rse}): every probe has failed for 30 minutes (kinds of probes that fail: {value})",
        description="The last results of this endpoint's probes were failures for at least 30 minutes. With two or"
        " more endpoints of a site it is the site, and its endpoints are not alerts of their own. Look first at what"
        " the probe says (dns, refused, timeout, certificate), and whether a downtime is declared.",
    ),
    _targets(
        name="probe_flapping",
        title="Probes fail now and then",
        kpi="probe_availability",
        by=("target", "probe", "operation", "rse", "site"),
        optional=("operation", "rse", "site"),
        condition=Threshold(above=FLAPPING[0], below=FLAPPING[1]),
        window_s=4 * HOUR,
        for_s=6
        * HOUR,  # 1.4 times the window: an outage of any length brings the share through this range in less
        keep_s=2 * HOUR,
        volume=Volume("probe_checks", 12),
        hold_s=DAY,
        peers=_site(
            least=2,
            summary="{peer}: {count} probes fail now and then, {value} of the probes succeeded in {window} (median)",
        ),
        summary="{target}: {value} of {volume} probes {probe} succeeded in {window}",
        description="Between 20 % and 80 % of the probes found this service healthy, for hours: it is neither up nor"
        " down. Often one of several servers behind a name is bad, or it is overloaded. Look first at the failures"
        " by address and by time of day.",
    ),
    _targets(
        name="certificate_expiring",
        title="A server certificate expires soon",
        kpi="certificate_days_left",
        condition=Threshold(below=14.0),
        window_s=HOUR,
        for_s=HOUR,
        keep_s=HOUR,
        hold_s=_WEEK,
        peers=_site(
            least=2,
            summary="{peer}: certificates of {count} services expire within {threshold}; {value} (median)",
        ),
        summary="{target}: its certificate expires in {value}; threshold {threshold}",
        description="The server certificate expires in {value} (below 0: it has expired, and clients refuse the"
        " service). First find out who renews it: the site's administrators, or an automatic renewal that has stopped.",
    ),
    _hosts(
        name="host_silent",
        title="A host has stopped reporting",
        kpi="host_silence",
        condition=Threshold(above=30.0 * _MINUTE),
        window_s=DAY,
        for_s=10 * _MINUTE,
        keep_s=10 * _MINUTE,
        peers=_site(
            least=3,
            summary="{peer}: {count} hosts have not reported for {value} (median); threshold {threshold}",
        ),
        summary="{host}: no report for {value}; threshold {threshold}",
        description="The host's agent reported within the last day, and nothing for {value} now (threshold"
        " {threshold}). With three or more hosts of a site it is the site or the way from it, and its hosts are not"
        " alerts of their own. First check whether the host answers a ping, then at its agent.",
    ),
    _hosts(
        name="host_clock_offset",
        title="A host's clock is wrong",
        kpi="host_clock_offset",
        condition=Threshold(above=0.1, clear=0.05, unsigned=True),
        window_s=HOUR,
        for_s=30 * _MINUTE,
        keep_s=30 * _MINUTE,
        peers=_site(
            least=3,
            summary="{peer}: clocks of {count} hosts are off by {value} (median); threshold {threshold}",
        ),
        summary="{host}: its clock is off by {value}; threshold {threshold}",
        description="The host's own time daemon reports an offset of {value} (threshold {threshold}). One-way delays"
        " mean nothing from some milliseconds on; tokens and certificates are refused from minutes on. First check"
        " whether chrony or ntpd runs and reaches its servers.",
    ),
    _hosts(
        name="host_disk_full",
        title="A host's file system is full",
        kpi="host_disk_free",
        # in bytes: pools of a storage are full by design, and small boot partitions are half full
        condition=Threshold(below=2e8, clear=3e8),
        window_s=HOUR,
        for_s=15 * _MINUTE,
        keep_s=30 * _MINUTE,
        peers=_site(
            least=3,
            summary="{peer}: a file system of {count} hosts has {value} left (median); threshold {threshold}",
        ),
        summary="{host}: {value} left on its fullest file system; threshold {threshold}",
        description="One file system of the host has {value} available (threshold {threshold}). Services that cannot"
        " write their logs or state stop, often without a word. First check which one it is (df), and at logs that"
        " are not rotated.",
    ),
)
