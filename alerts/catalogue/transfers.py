"""Transfers, deletions and accesses: what fails, waits, or is not submitted at all.

Incidents (`lakescope.alerts.incidents`) page people for failing transfers, with their culprit; the efficiency of a link or a
site is a ticket, which also covers a site that was never good.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from lakescope.alerts.model import Absence, Baseline, Peers, Rule, Threshold, Volume
from lakescope.kpis.model import DAY, HOUR

_MORE_THAN_200 = 201.0
_LOW = Threshold(below=0.2, clear=0.4)
_low = partial(
    Rule,
    condition=_LOW,
    window_s=HOUR,
    for_s=600,
    keep_s=1800,
    hold_s=3 * HOUR,  # Rucio gives up: that a link has no attempts any more does not make it well
)


def _transfer_efficiency(place: str, by: tuple[str, ...], where: str, **rest: Any) -> Rule:
    return _low(
        name=f"transfer_efficiency_{place}",
        kpi="transfer_efficiency_of_systems",
        by=by,
        volume=Volume("transfers_ended_of_systems", _MORE_THAN_200),
        summary=f"{where}: transfer efficiency {{value}} of {{volume}} attempts that ended in {{window}}, threshold"
        f" {{threshold}}",
        is_incident=True,
        **rest,
    )


TRANSFERS: tuple[Rule, ...] = (
    _transfer_efficiency(
        "link",
        ("src_site", "dst_site"),
        "{src_site} to {dst_site}",
        title="Transfers of a link fail",
        owner="lake",
        description="Of the transfers between the two sites that ended in the last {window}, {value} succeeded (threshold"
        " {threshold}). If the links of one site with three or more others fail, the alert is of that site, and its links are not"
        " alerts of their own. Look first at the errors: which end they name, and whether the link was ever good.",
        for_s=1800,  # until the links of a site that is down are known as one
        peers=Peers(
            dimensions=("src_site", "dst_site"),
            least=3,
            label="site",
            summary="{peer}: transfers from or to {count} other sites fail, efficiency {value} (median) in {window}, threshold"
            " {threshold}",
        ),
    ),
    _transfer_efficiency(
        "source",
        ("src_site",),
        "From {src_site}",
        title="Transfers from a site fail",
        owner="site",
        description="Of {volume} transfers from {src_site} that ended in the last {window}, {value} succeeded. Look first at"
        " the errors: with one destination alone the link or the destination is at fault, and with all of them the source.",
    ),
    _transfer_efficiency(
        "destination",
        ("dst_site",),
        "To {dst_site}",
        title="Transfers to a site fail",
        owner="site",
        description="Of {volume} transfers to {dst_site} that ended in the last {window}, {value} succeeded. Look first at"
        " the errors and at the free space: with one source alone the link or the source is at fault.",
    ),
    Rule(
        name="transfer_efficiency_lake",
        title="Most transfers of the lake fail",
        kpi="transfer_efficiency_of_systems",
        condition=Threshold(below=0.3, clear=0.5),
        window_s=HOUR,
        for_s=600,
        keep_s=1800,
        hold_s=3 * HOUR,
        volume=Volume("transfers_ended_of_systems", _MORE_THAN_200),
        severity="page",
        owner="lake",
        summary="All links: transfer efficiency {value} of {volume} attempts that ended in {window}, threshold {threshold}",
        description="Of {volume} transfers of the whole lake that ended in the last {window}, {value} succeeded. Look first for"
        " what all of them share: an FTS server, a certificate authority, a VO's robot certificate, the network.",
        is_incident=True,
    ),
    _low(
        name="deletion_efficiency_rse",
        title="Deletions at an RSE fail",
        kpi="deletion_efficiency",
        by=("rse", "site"),
        optional=("site",),
        volume=Volume("deletions_ended", _MORE_THAN_200),
        owner="storage",
        summary="{rse}: deletion efficiency {value} of {volume} attempts in {window}, threshold {threshold}",
        description="Of {volume} deletions at {rse} in the last {window}, {value} succeeded. Space is not freed until this is"
        " mended, and the RSE may fill. Look first at the errors: permissions, a door that is down, an overloaded name space.",
    ),
    _low(
        name="access_efficiency_rse",
        title="Accesses to an RSE fail",
        kpi="access_efficiency",
        by=("rse", "site"),
        optional=("site",),
        volume=Volume("accesses", _MORE_THAN_200),
        owner="storage",
        summary="{rse}: access efficiency {value} of {volume} accesses by clients in {window}, threshold {threshold}",
        description="Of {volume} downloads, uploads and reads by clients at {rse} in the last {window}, {value} succeeded. First"
        " check whether clients of all sites fail: if it is one site, its network or its clients are at fault.",
    ),
    Rule(
        name="credential_errors_rising",
        title="Certificate or token errors rise",
        kpi="transfers_failed_by_credentials",
        condition=Baseline(history_s=3 * DAY, ratio_above=3.0, least=50.0, missing_is_zero=True),
        window_s=HOUR,
        keep_s=1800,
        by=("error_template",),
        owner="lake",
        summary='{value} transfers failed in {window} with "{error_template}", usually {median}, threshold {threshold}',
        description="{value} transfers failed in the last {window} as a certificate, CRL, proxy or token was not"
        " accepted, with one error; in an hour of the three days before it was {median}. Such"
        " errors begin when something expires, and do not end by themselves. First check what the failures share: a"
        " host, a VO, an FTS server.",
        is_incident=True,
    ),
    Rule(
        name="transfers_not_submitted",
        title="No transfers are submitted",
        kpi="submissions",
        condition=Absence(history_s=7 * DAY, least_windows=150),
        window_s=HOUR,
        late_s=300,
        for_s=600,
        severity="page",
        owner="rucio",
        summary="No transfer was submitted in {window}; in the seven days before, almost every hour had some",
        description="Rucio reported no submission to any transfer tool in the last {window}, though its other messages arrive."
        " Look first at the conveyor-submitter, then whether there are queued requests: with none, there is nothing to do.",
    ),
    Rule(
        name="queue_time_destination",
        title="Transfers to a site wait long",
        kpi="queue_time_p95",
        condition=Threshold(above=24.0 * HOUR, clear=12.0 * HOUR),
        window_s=6 * HOUR,
        for_s=HOUR,
        keep_s=2 * HOUR,
        by=("dst_site",),
        volume=Volume("transfers_ended", 100.0),
        owner="lake",
        summary="To {dst_site}: 5 % of the transfers waited {value} or longer, of {volume} that ended in {window}, threshold"
        " {threshold}",
        description="Of the transfers to {dst_site} that ended in the last {window}, the 95th percentile of the time from the"
        " request to the start is {value}. First check whether the destination has a limit of transfers that is too low for"
        " what was asked, or whether FTS holds them back as they fail.",
    ),
    Rule(
        name="queue_time_lake",
        title="Transfers wait longer than usual",
        kpi="queue_time_p50",
        condition=Baseline(history_s=7 * DAY, ratio_above=4.0, least=2.0 * HOUR, least_windows=48),
        window_s=HOUR,
        for_s=1800,
        keep_s=HOUR,
        volume=Volume("transfers_ended", 100.0),
        owner="rucio",
        summary="All links: half of the transfers waited {value} or longer in {window}, usually {median}, threshold {threshold}",
        description="The median time from request to start of the lake's {volume} transfers of the last {window} is {value}; in"
        " the seven days before it was {median}. A campaign that began explains it; else look first at the conveyor-submitter's"
        " and FTS's queues.",
    ),
    Rule(
        name="attempts_per_file",
        title="Files need many attempts",
        kpi="attempts_per_file",
        condition=Threshold(above=3.0, clear=2.0),
        window_s=6 * HOUR,
        for_s=1800,
        keep_s=HOUR,
        by=("dst_site",),
        volume=Volume("transfers_ended", _MORE_THAN_200),
        owner="site",
        summary="To {dst_site}: {value} attempts per file, of {volume} attempts that ended in {window}, threshold {threshold}",
        description="Rucio tried each file for {dst_site} {value} times on average in the last {window}. Retries load storage and"
        " network without a result. Look first at the error classes of the failed attempts.",
        is_incident=True,
    ),
)
