"""What waits in Rucio's database, as its probes count it."""

from __future__ import annotations

from lakescope.kpis.catalogue._rucio import gauge

KPIS = (
    gauge(
        "rucio_hermes_backlog",
        "Messages that Hermes has yet to send",
        "probes",
        *("messages_to_submit_queues_messages", "queues_messages", "hermes_queues_messages"),
        warning=100_000,
        critical=1_000_000,
    ),
    gauge(
        "rucio_judge_waiting_dids",
        "DIDs that wait for the judge to evaluate rules",
        "probes",
        "judge_waiting_dids",
    ),
    gauge(
        "rucio_judge_updated_dids",
        "Updates of DIDs that the judge has yet to look at",
        "probes",
        "judge_updated_dids",
    ),
    gauge(
        "rucio_stuck_without_source",
        "Stuck rules whose files have no source any more",
        "probes",
        "judge_stuck_rules_with_missing_source_replica",
    ),
    gauge(
        "rucio_stuck_with_source",
        "Stuck rules whose files still have a source",
        "probes",
        "judge_stuck_rules_without_missing_source_replica",
    ),
    gauge(
        "rucio_rules_in_state",
        "Rules in Rucio's database, by state",
        "probes",
        *("judge_rules_state_count", "rule_count_per_state"),
        over="sum",
        good="neutral",
    ),
    gauge(
        "rucio_requests_queue",
        "Transfer requests in Rucio's database, by state, activity and FTS server",
        "probes",
        "conveyor_queues_requests",
        over="sum",
    ),
    gauge(
        "rucio_requests_old",
        "Transfer requests older than 24 hours, by destination",
        "probes",
        *("requests_24hours_old", "requests_old"),
        over="sum",
    ),
    gauge(
        "rucio_fts_backlog",
        "Transfers that an FTS server has not finished",
        "probes",
        *("fts_submitted", "fts3_submitted"),
        over="sum",
    ),
    gauge(
        "rucio_new_dids",
        "DIDs that the transmogrifier has yet to look at",
        "probes",
        "transmogrifier_new_dids",
    ),
    gauge(
        "rucio_expired_dids",
        "Expired DIDs that the undertaker has yet to delete",
        "probes",
        "undertaker_expired_dids",
    ),
    gauge(
        "rucio_expired_replicas",
        "Expired replicas that the reaper has yet to delete",
        "probes",
        "reaper_expired_replicas",
    ),
    gauge(
        "rucio_expired_rules",
        "Expired rules that the judge has yet to delete",
        "probes",
        "judge_expired_rules",
    ),
)
