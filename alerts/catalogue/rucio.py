"""Rucio: rules that are stuck, requests that wait, quotas, bad replicas, daemons."""

from __future__ import annotations

from functools import partial

from lakescope.alerts.model import Baseline, Owner, Rule, Threshold, Volume
from lakescope.kpis.model import DAY, HOUR

CORE_DAEMONS = (
    *("conveyor-submitter", "conveyor-poller", "conveyor-finisher", "conveyor-preparer"),
    *("judge-evaluator", "judge-injector", "judge-repairer", "transmogrifier", "hermes", "hermes2"),
)
"""Without one of these no data moves, or nobody is told of it."""
OTHER_DAEMONS = (
    *("abacus-account", "abacus-rse", "abacus-collection-replica", "automatix", "bb8", "cache-consumer"),
    *("conveyor-receiver", "conveyor-stager", "conveyor-throttler", "dark-reaper", "follower"),
    *("judge-cleaner", "kronos", "minos", "minos-temporary-expiration", "necromancer", "oauth-manager"),
    *(
        "reaper",
        "reaper2",
        "replica-recoverer",
        "storage-consistency-actions",
        "suspicious-replica-recoverer",
    ),
    *("tracer-kronos", "undertaker"),
)
"""What may be down for a night: as Rucio's executables are called, without `rucio-`."""

_daemon = partial(
    Rule,
    kpi="daemons_last_heard",
    window_s=HOUR,
    by=("daemon",),
    for_s=300,
    owner="rucio",
    summary="{daemon}: last heartbeat {value} ago, threshold {threshold}",
)


def _requests(hours: int, least: int, owner: Owner) -> Rule:
    return Rule(
        name=f"requests_older_{hours}h",
        title=f"Requests are older than {hours} h",
        kpi=f"requests_older_{hours}h",
        condition=Threshold(above=float(least), clear=least / 2),
        window_s=HOUR,
        for_s=HOUR,
        keep_s=HOUR,
        by=("dst_rse", "dst_site"),
        optional=("dst_site",),
        owner=owner,
        summary=f"To {{dst_rse}}: {{value}} open transfer requests are older than {hours} h, threshold {{threshold}}",
        description=f"Rucio holds {{value}} requests for {{dst_rse}} that were made more than {hours} hours ago and are neither"
        " done nor given up. Look first at the age by source: with one source alone that source or the link is at fault.",
    )


def _stuck(name: str, title: str, condition: Threshold, owner: Owner, meaning: str) -> Rule:
    return Rule(
        name=name,
        title=title,
        kpi="oldest_stuck_rule",
        condition=condition,
        window_s=HOUR,
        for_s=1800,
        keep_s=HOUR,
        by=("rse",),
        owner=owner,
        summary="Rules on {rse}: the oldest stuck one has been stuck for {value}, threshold {threshold}",
        description=f"A replication rule with the RSE expression {{rse}} has been stuck for {{value}}. {meaning}",
    )


RUCIO: tuple[Rule, ...] = (
    _stuck(
        "rules_stuck_24h",
        "Rules are stuck for a day",
        Threshold(above=24.0 * HOUR, below=7.0 * DAY),
        "rucio",
        "The judge-repairer tries again by itself, which has not helped so far. Look first at the rule's error.",
    ),
    _stuck(
        "rules_stuck_1w",
        "Rules are stuck for a week",
        Threshold(above=7.0 * DAY),
        "vo",
        "After a week it does not mend itself: the owner of the data decides whether the rule is still wanted. Look first at its"
        " error and at whether another replica exists.",
    ),
    Rule(
        name="rules_stuck_rising",
        title="Many rules become stuck",
        kpi="rules_stuck",
        condition=Baseline(history_s=7 * DAY, ratio_above=2.0, least=50.0),
        window_s=HOUR,
        for_s=1800,
        keep_s=HOUR,
        owner="rucio",
        summary="{value} rules are stuck, usually {median}, threshold {threshold}",
        description="{value} replication rules are stuck in Rucio's latest complete answer; in the seven days before there were"
        " {median}. Look first at what they share: an RSE, an account, an error class.",
    ),
    Rule(
        name="rules_flapping",
        title="Rules become stuck again and again",
        kpi="rules_flapping",
        condition=Threshold(above=3.0, clear=2.0),
        window_s=3 * DAY,
        for_s=HOUR,
        keep_s=6 * HOUR,
        by=("rse",),
        owner="rucio",
        summary="Rules on {rse}: each became stuck {value} times on average in {window}, threshold {threshold}",
        description="Rules with the RSE expression {rse} recover and become stuck again: {value} times each in the last {window}."
        " The judge-repairer hides a lasting fault. Look first at the rules' errors, and at the efficiency of the transfers to"
        " {rse}.",
    ),
    Rule(
        name="rules_suspended_complete",
        title="Suspended rules whose locks are OK",
        kpi="rules_suspended_complete",
        condition=Threshold(above=0.0),
        window_s=HOUR,
        for_s=6 * HOUR,
        keep_s=HOUR,
        by=("rse",),
        owner="rucio",
        summary="Rules on {rse}: {value} are suspended though all of their locks are OK",
        description="{value} rules with the RSE expression {rse} are suspended, and none of their locks is"
        " replicating or stuck: the data is there, but Rucio does not repair or finish the rules. First check whether"
        " somebody suspended them on purpose.",
    ),
    _requests(12, 1000, "rucio"),
    _requests(24, 200, "rucio"),
    _requests(48, 20, "lake"),
    Rule(
        name="quota_account",
        title="Quota of an account is used up",
        kpi="account_fullness",
        condition=Threshold(above=0.95, clear=0.9),
        window_s=HOUR,
        for_s=HOUR,
        keep_s=HOUR,
        by=("account", "rse"),
        owner="vo",
        summary="{account} at {rse}: {value} of the quota is in use, threshold {threshold}",
        description="Account {account} uses {value} of its quota at {rse}. At 100 % Rucio refuses its new rules there. Look first"
        " at its largest rules and at those that have no lifetime.",
    ),
    Rule(
        name="quota_account_global",
        title="Global quota of an account is used up",
        kpi="account_global_fullness",
        condition=Threshold(above=0.95, clear=0.9),
        window_s=HOUR,
        for_s=HOUR,
        keep_s=HOUR,
        by=("account", "rse"),
        owner="vo",
        summary="{account} on {rse}: {value} of the global quota is in use, threshold {threshold}",
        description="Account {account} uses {value} of its quota over the RSEs of the expression {rse}. At 100 %"
        " Rucio refuses its new rules there. Look first at its largest rules and at those that have no lifetime.",
    ),
    Rule(
        name="replicas_bad_rising",
        title="Bad replicas of an RSE rise",
        kpi="replicas_bad",
        condition=Baseline(history_s=7 * DAY, ratio_above=1.5, least=100.0, missing_is_zero=True),
        window_s=HOUR,
        for_s=1800,
        keep_s=HOUR,
        by=("rse", "site"),
        optional=("site",),
        owner="storage",
        summary="{rse}: {value} replicas are declared bad and not recovered, usually {median}, threshold {threshold}",
        description="{value} replicas at {rse} are declared bad and have not been recovered; in the seven days before there were"
        " {median}. Look first at the reason: one disk server, or a declaration by mistake. Until it is known, nobody should"
        " delete anything there.",
    ),
    Rule(
        name="replicas_lost_rising",
        title="Lost files of an RSE rise",
        kpi="replicas_lost",
        condition=Baseline(history_s=7 * DAY, ratio_above=1.1, least=10.0, missing_is_zero=True),
        window_s=HOUR,
        keep_s=HOUR,
        by=("rse", "site"),
        optional=("site",),
        owner="vo",
        summary="{rse}: {value} files are lost without another copy, usually {median}, threshold {threshold}",
        description="{value} replicas at {rse} were declared bad and had no other copy, so Rucio gave the files up; in the seven"
        " days before there were {median}. Their owners have to be notified. First check whether the storage can still read them:"
        " then ask for their recovery at once.",
    ),
    _daemon(
        name="daemon_silent_core",
        title="A daemon that moves data is silent",
        condition=Threshold(above=1800.0, clear=900.0),
        filters={"daemon": CORE_DAEMONS},
        severity="page",
        description="No thread of {daemon} has sent a heartbeat for {value}. Without it transfers, rules or messages stand still."
        " First check whether the process runs, then at its log and at the database.",
    ),
    _daemon(
        name="daemon_silent",
        title="A daemon is silent",
        condition=Threshold(above=3600.0, clear=1800.0),
        filters={"daemon": OTHER_DAEMONS},
        description="No thread of {daemon} has sent a heartbeat for {value}. Data still moves. First check whether the process"
        " runs; of a daemon that was switched off on purpose, delete the heartbeats or silence this alert.",
    ),
    Rule(
        name="requests_queued_rising",
        title="Requests queue up before submission",
        kpi="requests_queued",
        condition=Baseline(history_s=7 * DAY, ratio_above=4.0, least=5000.0),
        window_s=HOUR,
        for_s=3 * HOUR,
        keep_s=HOUR,
        owner="rucio",
        summary="{value} transfer requests wait for submission, usually {median}, threshold {threshold}",
        description="{value} requests wait for the conveyor-submitter; in the seven days before there were {median}. A campaign"
        " that began explains it as long as the number falls again. First compare destinations, then look at the"
        " conveyor-submitter.",
    ),
    Rule(
        name="submission_efficiency",
        title="FTS refuses Rucio's submissions",
        kpi="rucio_submission_efficiency",
        condition=Threshold(below=0.8, clear=0.9),
        window_s=HOUR,
        for_s=900,
        keep_s=1800,
        by=("endpoint",),
        volume=Volume("rucio_submission_failures", 50.0),
        severity="page",
        owner="fts",
        summary="{endpoint}: {value} of Rucio's submissions were accepted in {window}, {volume} were not, threshold {threshold}",
        description="FTS at {endpoint} accepted {value} of what Rucio submitted in the last {window}, and refused {volume}. First"
        " check whether FTS answers, then at the credential with which Rucio submits.",
    ),
)
