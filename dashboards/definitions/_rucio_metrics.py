"""What Rucio's servers, daemons and probes count of themselves: rows of "Rucio inside"."""

from __future__ import annotations

from lakescope.dashboards.kinds import PanelKind
from lakescope.dashboards.model import Number, Panel, Row


def _stat(title: str, kpi: str, width: int = 4) -> Panel:
    return Panel(title=title, kind="stat", width=width, height=4, numbers=(Number(kpi=kpi),))


def _lines(title: str, *numbers: tuple[str, str], width: int = 12) -> Panel:
    """KPIs and their labels, over time."""
    panel_numbers = tuple(Number(kpi=kpi, label=label) for kpi, label in numbers)
    return Panel(title=title, kind="lines", width=width, numbers=panel_numbers)


def _by(title: str, kpi: str, dimension: str, kind: PanelKind = "stacked", width: int = 12) -> Panel:
    numbers, top = (Number(kpi=kpi, by=(dimension,)),), None if kind == "bars" else 12
    return Panel(title=title, kind=kind, width=width, top=top, numbers=numbers)


def _table(title: str, by: tuple[str, ...], *numbers: tuple[str, str], width: int = 12) -> Panel:
    panel_numbers = tuple(Number(kpi=kpi, by=by, label=label) for kpi, label in numbers)
    return Panel(title=title, kind="table", width=width, numbers=panel_numbers)


ROWS = (
    Row(
        title="Now",
        panels=(
            _stat("Submission efficiency", "rucio_submission_efficiency"),
            _stat("Failed submissions", "rucio_submission_failures"),
            _stat("Submitted transfers", "rucio_submissions"),
            _stat("Exceptions", "rucio_exceptions"),
            _stat("Hermes backlog", "rucio_hermes_backlog"),
            _stat("DIDs waiting for the judge", "rucio_judge_waiting_dids"),
            _stat("Stuck rules without a source", "rucio_stuck_without_source"),
            _stat("Stuck rules with a source", "rucio_stuck_with_source"),
            _stat("Expired replicas", "rucio_expired_replicas"),
            _stat("Excluded RSEs", "rucio_excluded_rses"),
            _stat("Restarts", "rucio_restarts"),
            _stat("Time since the last metric", "rucio_silence"),
        ),
    ),
    Row(
        title="Transfers",
        panels=(
            _lines(
                "Submissions to FTS",
                ("rucio_submissions", "accepted"),
                ("rucio_submission_failures", "failed"),
            ),
            _by("Failed submissions by FTS server", "rucio_submission_failures", "endpoint"),
            _lines(
                "Daemon actions per second",
                ("rucio_submitter_rate", "submitter"),
                ("rucio_poller_rate", "poller"),
                ("rucio_receiver_rate", "receiver"),
                ("rucio_finisher_rate", "finisher"),
            ),
            _lines(
                "Average time per transfer",
                ("rucio_submitter_time", "find sources"),
                ("rucio_submission_time", "submit to FTS"),
                ("rucio_poller_time", "poll FTS"),
                ("rucio_finisher_time", "finish"),
            ),
            _by("Requests taken from the queue by state", "rucio_requests_taken", "state"),
            _lines(
                "Wait and transfer time",
                ("rucio_wait_time", "request to start"),
                ("rucio_transfer_time", "start to end"),
            ),
            _by("Requests by state", "rucio_requests_queue", "state"),
            _table(
                "Requests by activity and state",
                ("activity", "state"),
                ("rucio_requests_queue", "requests"),
            ),
            _by("Requests older than 24 hours by RSE", "rucio_requests_old", "rse", "bars", 6),
            _by("FTS backlog by server", "rucio_fts_backlog", "endpoint", "bars", 6),
            _table(
                "Limits of the throttler",
                ("rse", "activity"),
                ("rucio_throttler_waiting", "waiting"),
                ("rucio_throttler_active", "active"),
                ("rucio_throttler_limit", "limit"),
            ),
            _by("Reads of the request queue per second", "rucio_queue_reads", "instance", "lines"),
            _lines("Transfers lost by FTS", ("rucio_transfers_lost", "lost")),
        ),
    ),
    Row(
        title="Rules and subscriptions",
        panels=(
            _lines(
                "Judge backlog",
                ("rucio_judge_waiting_dids", "waiting DIDs"),
                ("rucio_judge_updated_dids", "updated DIDs"),
            ),
            _lines(
                "Stuck rules",
                ("rucio_stuck_with_source", "with a source"),
                ("rucio_stuck_without_source", "without a source"),
            ),
            _by("Rules by state", "rucio_rules_in_state", "state", "bars", 6),
            _lines("Expired rules", ("rucio_expired_rules", "expired"), width=6),
            _lines(
                "Average time of rule operations",
                ("rucio_rule_evaluation_time", "evaluate an attachment"),
                ("rucio_add_rule_time", "add a rule"),
            ),
            _lines("Rules made by the transmogrifier", ("rucio_subscription_rules", "rules"), width=8),
            _lines("Average round of the transmogrifier", ("rucio_transmogrifier_time", "round"), width=8),
            _by(
                "Errors of the transmogrifier by exception",
                "rucio_subscription_errors",
                "exception",
                width=8,
            ),
            _lines("New DIDs for the transmogrifier", ("rucio_new_dids", "new DIDs")),
            _lines("Hermes backlog over time", ("rucio_hermes_backlog", "messages")),
        ),
    ),
    Row(
        title="Deletion and consistency",
        panels=(
            _by("Deletions by RSE", "rucio_reaper_deletions", "rse"),
            _by("Average deletion time by RSE", "rucio_reaper_time", "rse", "lines"),
            _lines("Files deleted per second", ("rucio_reaper_rate", "reaper"), width=8),
            _lines("DIDs deleted by the undertaker", ("rucio_undertaker_deletions", "DIDs"), width=8),
            _lines(
                "Deletion backlog",
                ("rucio_expired_replicas", "expired replicas"),
                ("rucio_expired_dids", "expired DIDs"),
                width=8,
            ),
            _table("RSEs excluded by the reaper", ("rse",), ("rucio_excluded_rses", "excluded"), width=6),
            _table(
                "Dark and missing files by RSE",
                ("rse",),
                ("rucio_dark_files", "dark"),
                ("rucio_dark_files_confirmed", "dark, confirmed"),
                ("rucio_missing_files", "missing"),
                width=10,
            ),
            _lines(
                "Bad files",
                ("rucio_lost_files", "lost"),
                ("rucio_recovering_files", "recovering"),
                ("rucio_dark_deletions", "dark, deleted"),
                width=8,
            ),
        ),
    ),
    Row(
        title="Daemons and servers",
        panels=(
            _by("Exceptions by instance", "rucio_exceptions", "instance"),
            _table("Exceptions", ("instance", "component", "exception"), ("rucio_exceptions", "exceptions")),
            _table(
                "Processes",
                ("instance",),
                ("rucio_silence", "silent for"),
                ("rucio_cpu", "CPU per second"),
                ("rucio_memory", "memory"),
                ("rucio_restarts", "restarts"),
                ("rucio_exceptions", "exceptions"),
                width=24,
            ),
            _by("Calls of core functions per second", "rucio_core_calls", "component"),
            _by("Requests to the web server per second", "rucio_server_requests", "instance", "lines"),
            _lines("Token cache hit rate", ("rucio_token_cache_hits", "hits"), width=8),
            _by("Token failures", "rucio_token_failures", "metric", width=8),
            _by("Broker reconnections by component", "rucio_reconnects", "component", width=8),
            _by("Lost statsd packets and lines", "rucio_statsd_lost", "metric"),
            _stat("Hours without metrics of Rucio", "rucio_empty_hours", 12),
        ),
    ),
)
