"""Tables of events for the rules of transfers, Rucio, FTS and data: when each fires, and when it must not.

A `Series` is one kind of event, `count` of them every `every` minutes. Minute 0 is when something begins; what is before it is
history. A case says at which minute its rule fires, null: it must not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from lakescope.core.events import DATASETS, Event
from lakescope.transformers._common import identify

ZERO = datetime(2026, 1, 12, tzinfo=UTC)
"""Minute 0."""
DAY = 1440
WEEK = 7 * DAY
RUCIO = "https://rucio.example.org"


class Series(NamedTuple):
    """Events of one kind, ``begin <= minute < end``; texts with ``{minute}`` or ``{number}`` differ from event to event."""

    dataset: str
    begin: int
    end: int
    every: int
    fields: dict[str, Any]
    count: int = 1


class Case(NamedTuple):
    """What happens, and when the rule fires."""

    rule: str
    name: str
    fires: int | None
    series: tuple[Series, ...]
    until: int = 180


def events(case: Case) -> Iterator[Event]:
    """All of a case."""
    for place, one in enumerate(case.series):
        for index, minute in enumerate(range(one.begin, min(one.end, case.until + 1), one.every)):
            time = f"{ZERO + timedelta(minutes=minute, seconds=30):%Y-%m-%dT%H:%M:%SZ}"
            for number in range(one.count):
                fields = {
                    name: value.format(minute=minute, number=number, index=index)
                    if isinstance(value, str)
                    else value(index)
                    if callable(value)
                    else value
                    for name, value in one.fields.items()
                }
                yield DATASETS[one.dataset](
                    **{"id": identify("case", place, minute, number), "time": time} | fields
                )


# --- kinds of events --------------------------------------------------------------------------------------


def _series(dataset: str, begin: int, end: int, every: int, count: int = 1, /, **fields: Any) -> Series:
    return Series(dataset, begin, end, every, fields, count)


def _source(source: str, dataset: str, **fixed: Any) -> Any:
    def make(begin: int, end: int, every: int, count: int = 1, /, **fields: Any) -> Series:
        return _series(dataset, begin, end, every, count, **({"source": source} | fixed | fields))

    return make


_done = _source("rucio", "transfers", event="done", ok=True)
_failed = _source("rucio", "transfers", event="failed", ok=False)
_submitted = _source("rucio", "transfers", event="submitted")
_of_fts = _source("fts", "transfers", event="done", ok=True)
_deleted = _source("rucio", "deletions", rse="A-DISK")
_read = _source("trace", "traces", event="get", rse="A-DISK")
_rule = _source("rucio-api", "rules", event="stuck", rse="A-DISK", poll=f"{RUCIO}/rules/?state=S")
_suspended = partial(
    _source("rucio-api", "rules", event="suspended", rse="A-DISK", poll=f"{RUCIO}/rules/?state=U"),
    -60,
    480,
    60,
    rule_id="r1",
    locks_ok=9,
)
_requests = _source("rucio-api", "requests", src_rse="A-DISK", dst_rse="B-DISK")
_queued = partial(_requests, activity="Production", poll=f"{RUCIO}/requests/metrics")
_usage = _source("rucio-api", "storage", account="alice", rse="A-DISK", total=1000)
_replicas = _source("rucio-api", "replicas", rse="A-DISK", reason="checksum", poll=f"{RUCIO}/replicas/bad")
_fts_queue = _source("fts", "fts_queue", endpoint="fts.example.org", src_host="a", dst_host="b", active=20)
_pipeline = _source("lakescope", "pipeline", instance="h1", seconds=300.0)
_collector = partial(_pipeline, stage="collector")
_sink = partial(_pipeline, stage="sink", name="store")
_backlog = _source(
    "rucio-probes",
    "rucio",
    component="probes",
    metric="queues_messages",
    kind="gauge",
    instance="p1",
    series="probes.queues_messages",
)


def _poll(kind: str, scope: str, begin: int, end: int, every: int, **fields: Any) -> Series:
    return _source("rucio-api", "polls", kind=kind, scope=f"{RUCIO}/{scope}", count=1, complete=True)(
        begin, end, every, interval_s=every * 60.0, **fields
    )


def _submissions(begin: int, state: str, per_round: int) -> Series:
    """A counter of Rucio's, which grows by so many each five minutes."""
    return _source(
        "rucio-metrics", "rucio", component="transfertool.fts3", metric="submission", kind="counter"
    )(
        begin,
        120,
        5,
        instance="s1:8080",
        series=f"submission {state}",
        state=state,
        endpoint="fts.example.org",
        value=lambda index: float(index * per_round),
    )


def _heartbeats(daemon: str, dies: bool, thread: str = "t1") -> tuple[Series, ...]:
    beat = _source(
        "rucio-api", "daemons", daemon=daemon, host="h1", pid=1, thread=thread, poll=f"{RUCIO}/heartbeats"
    )
    if not dies:
        return (beat(-60, 120, 10, silent_s=30.0, silent=False),)
    return (
        beat(-60, 0, 10, silent_s=30.0, silent=False),
        beat(0, 120, 10, silent_s=lambda index: 600.0 * index + 30, silent=lambda index: index > 0),
    )


AB, AC, DB, DC = (
    {"src_site": src, "dst_site": dst} for src, dst in (("A", "B"), ("A", "C"), ("D", "B"), ("D", "C"))
)
FTS1, FTS2 = ({"endpoint": f"fts{number}.example.org"} for number in (1, 2))
EXPIRED = {"error_template": "certificate has expired", "credential_error": True}
_STUCK_POLLS = partial(_poll, "rules", "rules/?state=S", state="stuck")
_SUSPENDED_POLLS = _poll("rules", "rules/?state=U", -60, 480, 60, state="suspended")
_BAD_POLLS = _poll("bad_replicas", "replicas/bad", -WEEK - 60, 180, 60)
_HEARTBEAT_POLLS = _poll("heartbeats", "heartbeats", -60, 120, 10)
_REQUEST_POLLS = partial(_poll, "requests", "requests/metrics")


# --- cases ------------------------------------------------------------------------------------------------

TRANSFERS = (
    Case("transfer_efficiency_link", "a_link_breaks", 80, (
        _done(-60, 0, 5, 20, **AB), _failed(0, 180, 5, 25, **AB), _done(0, 180, 5, 1, **AB),
    )),
    Case("transfer_efficiency_link", "a_user_cancels_a_thousand", None, (
        _done(-60, 180, 5, 5, **AB), _failed(30, 60, 5, 170, user_error=True, **AB),
    )),
    Case("transfer_efficiency_link", "few_attempts", None, (_failed(0, 180, 5, 15, **AB),)),
    Case("transfer_efficiency_link", "two_thirds_fail", None, (
        _done(0, 180, 5, 10, **AB), _failed(0, 180, 5, 20, **AB),
    )),
    Case("transfer_efficiency_source", "a_site_cannot_be_read", 60, (
        _done(-60, 0, 5, 20, **AB), _failed(0, 180, 5, 10, **AB), _failed(0, 180, 5, 10, **AC), _done(-60, 180, 5, 20, **DB),
    )),
    Case("transfer_efficiency_source", "only_one_link_fails", None, (
        _failed(0, 180, 5, 20, **AB), _done(-60, 180, 5, 20, **AC), _done(-60, 180, 5, 20, **DB),
    )),
    Case("transfer_efficiency_destination", "a_site_takes_nothing", 60, (
        _done(-60, 0, 5, 20, **AB), _failed(0, 180, 5, 10, **AB), _failed(0, 180, 5, 10, **DB), _done(-60, 180, 5, 20, **AC),
    )),
    Case("transfer_efficiency_destination", "only_one_link_fails", None, (
        _failed(0, 180, 5, 20, **AB), _done(-60, 180, 5, 20, **DB), _done(-60, 180, 5, 20, **AC),
    )),
    Case("transfer_efficiency_lake", "everything_fails", 60, (
        *(_done(-60, 0, 5, 10, **link) for link in (AB, AC, DB, DC)),
        *(_failed(0, 180, 5, 10, **link) for link in (AB, AC, DB, DC)),
    )),
    Case("transfer_efficiency_lake", "half_of_the_lake_fails", None, (
        *(_done(0, 180, 5, 10, **link) for link in (AB, AC)), *(_failed(0, 180, 5, 10, **link) for link in (DB, DC)),
    )),
    Case("deletion_efficiency_rse", "deletions_are_refused", 60, (
        _deleted(-60, 0, 5, 25, event="done", ok=True), _deleted(0, 180, 5, 25, event="failed", ok=False),
    )),
    Case("deletion_efficiency_rse", "files_were_gone_already", None, (
        _deleted(0, 180, 5, 5, event="done", ok=True), _deleted(0, 180, 5, 50, event="not_found"),
    )),
    Case("access_efficiency_rse", "reads_fail", 60, (_read(-60, 0, 5, 25, ok=True), _read(0, 180, 5, 25, ok=False))),
    Case("access_efficiency_rse", "clients_of_one_site_fail", None, (
        _read(0, 180, 5, 25, ok=False, client_site="X"), _read(0, 180, 5, 25, ok=True, client_site="Y"),
    )),
    Case("credential_errors_rising", "a_certificate_expires", 30, (
        _done(-3 * DAY - 60, 180, 60, 5, **AB), _failed(0, 120, 5, 10, **EXPIRED, **AB),
    )),
    Case("credential_errors_rising", "other_errors_rise", None, (
        _done(-3 * DAY - 60, 180, 60, 5, **AB), _failed(0, 120, 5, 40, error_template="no space left", **AB),
    )),
    Case("credential_errors_rising", "as_many_as_every_hour", None, (_failed(-3 * DAY - 60, 180, 60, 60, **EXPIRED, **AB),)),
    Case("transfers_not_submitted", "the_submitter_stops", 50, (
        _submitted(-WEEK, 0, 30), _done(-60, 180, 5, **AB),
    )),
    Case("transfers_not_submitted", "a_lake_that_submits_by_day_only", None, (
        *(_submitted(-day * DAY - 720, -day * DAY, 30) for day in range(8)), _done(-60, 180, 5, **AB),
    )),
    Case("queue_time_destination", "a_backlog_of_a_day", 80, (
        _done(-360, 0, 5, 5, queue_s=600.0, **AB), _done(0, 420, 5, 5, queue_s=1e5, **AB),
    )),
    Case("queue_time_destination", "one_old_request", None, (
        _done(-360, 420, 5, 5, queue_s=600.0, **AB), _done(60, 65, 5, queue_s=9e5, **AB),
    )),
    Case("queue_time_lake", "all_wait", 60, (
        _done(-WEEK, 0, 60, 10, queue_s=600.0, **AB), _done(0, 180, 5, 20, queue_s=14_400.0, **AB),
    )),
    Case("queue_time_lake", "twice_as_long", None, (
        _done(-WEEK, 0, 60, 10, queue_s=7200.0, **AB), _done(0, 180, 5, 20, queue_s=14_400.0, **AB),
    )),
    Case("attempts_per_file", "files_that_never_arrive", 120, (
        _failed(0, 300, 10, 20, file="s:f{number}", **AB), _done(-360, 300, 10, 1, file="s:g{minute}", **AB),
    ), 240),
    Case("attempts_per_file", "one_failure_each", None, (
        _failed(0, 300, 10, 8, file="s:f{minute}-{number}", **AB), _done(0, 300, 10, 8, file="s:f{minute}-{number}", **AB),
    ), 240),
)  # fmt: skip

OF_RUCIO = (
    Case("rules_stuck_24h", "stuck_for_30_hours", 30, (
        _rule(-60, 180, 30, rule_id="r1", stuck_s=108_000.0), _STUCK_POLLS(-60, 180, 30),
    )),
    Case("rules_stuck_24h", "repaired_in_the_night", None, (
        _rule(-60, -1, 30, rule_id="r1", stuck_s=80_000.0), _STUCK_POLLS(-60, 180, 30),
    )),
    Case("rules_stuck_24h", "a_week_is_another_rule", None, (
        _rule(-60, 180, 30, rule_id="r1", stuck_s=700_000.0), _STUCK_POLLS(-60, 180, 30),
    )),
    Case("rules_stuck_1w", "stuck_for_eight_days", 30, (
        _rule(-60, 180, 30, rule_id="r1", stuck_s=700_000.0), _STUCK_POLLS(-60, 180, 30),
    )),
    Case("rules_stuck_1w", "stuck_for_six_days", None, (
        _rule(-60, 180, 30, rule_id="r1", stuck_s=520_000.0), _STUCK_POLLS(-60, 180, 30),
    )),
    Case("rules_stuck_rising", "a_hundred_at_once", 40, (
        _rule(-WEEK - 60, 180, 60, rule_id="r1", stuck_s=90_000.0),
        _rule(0, 180, 60, 100, rule_id="n{number}", stuck_s=600.0),
        _STUCK_POLLS(-WEEK - 60, 180, 60),
    )),
    Case("rules_stuck_rising", "always_many", None, (
        _rule(-WEEK - 60, 180, 240, 100, rule_id="n{number}", stuck_s=600.0), _STUCK_POLLS(-WEEK - 60, 180, 240),
    )),
    Case("rules_flapping", "stuck_six_times", 60, (
        _rule(-3 * DAY + 60, 180, 600, rule_id="r1", episode="r1 {index}"),
    )),
    Case("rules_flapping", "stuck_once_for_days", None, (_rule(-3 * DAY, 180, 60, rule_id="r1", episode="r1 1"),)),
    Case("rules_suspended_complete", "all_locks_are_ok", 360, (
        _suspended(locks_replicating=0, locks_stuck=0), _SUSPENDED_POLLS,
    ), 420),
    Case("rules_suspended_complete", "a_lock_is_stuck", None, (
        _suspended(locks_replicating=0, locks_stuck=1), _SUSPENDED_POLLS,
    ), 420),
    *(
        case
        for hours, many, few in ((12, 1500, 900), (24, 300, 150), (48, 50, 15))
        for name, field in ((f"requests_older_{hours}h", f"older_{hours}h"),)
        for case in (
            Case(name, "a_backlog", 70, (
                _requests(-60, 0, 30, open=50, **{field: 0}), _requests(0, 180, 30, open=5000, **{field: many}),
            )),
            Case(name, "a_few_old_ones", None, (_requests(-60, 180, 30, open=5000, **{field: few}),)),
        )
    ),
    Case("quota_account", "96_per_cent", 70, (_usage(-60, 0, 30, used=900), _usage(0, 180, 30, used=960))),
    Case("quota_account", "at_the_threshold", None, (_usage(-60, 180, 30, used=950),)),
    Case("quota_account_global", "96_per_cent", 70, (
        _usage(-60, 0, 30, rse="type=disk", usage_source="global", used=900),
        _usage(0, 180, 30, rse="type=disk", usage_source="global", used=960),
    )),
    Case("quota_account_global", "a_local_quota_is_full", None, (
        _usage(-60, 180, 30, rse="type=disk", usage_source="global", used=900), _usage(-60, 180, 30, used=990),
    )),
    Case("replicas_bad_rising", "a_disk_server_is_lost", 40, (
        _replicas(-WEEK - 60, 0, 60, state="bad", count=20), _replicas(0, 180, 60, state="bad", count=900), _BAD_POLLS,
    )),
    Case("replicas_bad_rising", "the_first_ever", 40, (_replicas(0, 180, 60, state="bad", count=900), _BAD_POLLS)),
    Case("replicas_bad_rising", "a_handful_more", None, (
        _replicas(-WEEK - 60, 0, 60, state="bad", count=20), _replicas(0, 180, 60, state="bad", count=110), _BAD_POLLS,
    )),
    Case("replicas_lost_rising", "thirty_files", 10, (_replicas(0, 180, 60, state="lost", count=30), _BAD_POLLS)),
    Case("replicas_lost_rising", "five_files", None, (_replicas(0, 180, 60, state="lost", count=5), _BAD_POLLS)),
    Case("daemon_silent_core", "the_submitter_is_dead", 50, (
        *_heartbeats("conveyor-submitter", dies=True), _HEARTBEAT_POLLS,
    ), 115),
    Case("daemon_silent_core", "one_thread_of_two", None, (
        *_heartbeats("conveyor-submitter", dies=False), *_heartbeats("conveyor-submitter", dies=True, thread="t2"),
        _HEARTBEAT_POLLS,
    ), 115),
    Case("daemon_silent", "the_reaper_is_dead", 80, (*_heartbeats("reaper", dies=True), _HEARTBEAT_POLLS), 115),
    Case("daemon_silent", "silent_for_half_an_hour", None, (
        *_heartbeats("reaper", dies=True), _HEARTBEAT_POLLS,
    ), 40),
    Case("requests_queued_rising", "the_queue_only_grows", 190, (
        _queued(-WEEK - 60, 0, 60, queued=1000), _queued(0, 240, 60, queued=20_000), _REQUEST_POLLS(-WEEK - 60, 240, 60),
    ), 240),
    Case("requests_queued_rising", "a_campaign_that_is_worked_off", None, (
        _queued(-WEEK - 60, 0, 60, queued=1000), _queued(0, 120, 60, queued=20_000), _queued(120, 240, 60, queued=800),
        _REQUEST_POLLS(-WEEK - 60, 240, 60),
    ), 240),
    Case("submission_efficiency", "the_proxy_has_expired", 40, (
        _submissions(-60, "success", 1), _submissions(0, "failure", 30),
    ), 120),
    Case("submission_efficiency", "now_and_then_one", None, (
        _submissions(-60, "success", 50), _submissions(-60, "failure", 6),
    ), 120),
)  # fmt: skip

OF_FTS = (
    Case("fts_queue_growing", "the_queue_only_grows", 70, (
        _fts_queue(-WEEK - 60, 0, 30, submitted=1000), _fts_queue(0, 180, 30, submitted=30_000),
    )),
    Case("fts_queue_growing", "three_times_as_many", None, (
        _fts_queue(-WEEK - 60, 0, 30, submitted=3000), _fts_queue(0, 180, 30, submitted=9000),
    )),
    Case("fts_success_falling", "one_server_fails", 60, (
        _of_fts(-3 * DAY - 60, 0, 60, 20, **FTS1), _of_fts(0, 120, 5, 20, event="failed", ok=False, **FTS1),
        _of_fts(0, 120, 5, 1, **FTS1),
    ), 120),
    Case("fts_success_falling", "never_good", None, (
        _of_fts(-3 * DAY - 60, 120, 60, 60, **FTS1), _of_fts(-3 * DAY - 60, 120, 60, 180, event="failed", ok=False, **FTS1),
    ), 120),
    Case("fts_endpoint_silent", "one_server_stops", 50, (
        _of_fts(-3 * DAY - 60, 0, 30, **FTS1), _of_fts(-3 * DAY - 60, 180, 30, **FTS2),
    )),
    Case("fts_endpoint_silent", "used_by_day_only", None, (
        *(_of_fts(-day * DAY - 600, -day * DAY, 30, **FTS1) for day in range(4)), _of_fts(-3 * DAY - 60, 180, 30, **FTS2),
    )),
)  # fmt: skip

OF_DATA = (
    Case("data_source_silent", "a_collector_hears_nothing", 50, (
        _collector(-WEEK, 0, 30, name="hermes", received=500), _collector(0, 180, 30, name="hermes", received=0),
    )),
    Case("data_source_silent", "a_script_that_pushes_once_a_day", None, (
        _collector(-WEEK, 180, 30, name="push", received=0), _collector(-WEEK, 180, DAY, name="push", received=50),
    )),
    Case("data_source_silent", "a_collector_that_was_removed", None, (
        _collector(-WEEK, 0, 30, name="hermes", received=500), _collector(-WEEK, 180, 30, name="push", received=500),
    )),
    Case("data_indexing_low", "a_tenth_of_before", 70, (
        _sink(-WEEK - 60, 0, 30, stored=5000), _sink(0, 180, 5, stored=50),
    )),
    Case("data_indexing_low", "half_of_before", None, (_sink(-WEEK - 60, 0, 30, stored=5000), _sink(0, 180, 30, stored=2500))),
    Case("dead_letters_rising", "a_source_changes_its_messages", 20, (
        _collector(-WEEK - 60, 0, 60, name="hermes", received=500, dead=0),
        _collector(0, 120, 5, name="hermes", received=500, dead=40),
    ), 120),
    Case("dead_letters_rising", "a_few", None, (
        _collector(-WEEK - 60, 0, 60, name="hermes", received=500, dead=1),
        _collector(0, 120, 5, name="hermes", received=500, dead=4),
    ), 120),
    Case("store_behind", "an_hour_late", 30, (_sink(-60, 0, 5, lag_p50_s=20.0), _sink(0, 120, 5, lag_p50_s=3600.0)), 120),
    Case("store_behind", "one_slow_write", None, (
        _sink(-60, 120, 5, lag_p50_s=20.0), _sink(31, 32, 5, lag_p50_s=3600.0),
    ), 120),
    Case("hermes_backlog", "half_a_million", 40, (_backlog(-60, 0, 10, value=5e2), _backlog(0, 120, 10, value=5e5)), 120),
    Case("hermes_backlog", "a_peak_that_is_sent", None, (
        _backlog(-60, 0, 10, value=5e2), _backlog(0, 20, 10, value=1.5e5), _backlog(20, 120, 10, value=4e2),
    ), 120),
    Case("fts_messages_missing", "half_are_missing", 110, (
        *(one(-420, 240, 10, 4, request_id="x{minute}-{number}", kind="transfer") for one in (_done, _of_fts)),
        _done(0, 240, 10, 8, request_id="y{minute}-{number}", kind="transfer"),
    ), 240),
    Case("fts_messages_missing", "fts_is_not_read_at_all", None, (
        _done(-420, 240, 10, 8, request_id="x{minute}-{number}", kind="transfer"),
    ), 240),
    Case("rucio_messages_missing", "half_are_missing", 110, (
        *(one(-420, 240, 10, 4, request_id="x{minute}-{number}", kind="transfer") for one in (_done, _of_fts)),
        _of_fts(0, 240, 10, 8, request_id="y{minute}-{number}", kind="transfer"),
    ), 240),
    Case("rucio_messages_missing", "both_report_all", None, (
        *(one(-420, 240, 10, 8, request_id="x{minute}-{number}", kind="transfer") for one in (_done, _of_fts)),
    ), 240),
    *(
        Case("hermes_messages_lost", name, fires, (
            _done(-420, 0, 5, 5, request_id="x{minute}-{number}", src_rse="A-DISK", dst_rse="B-DISK", activity="Production"),
            _done(0, 240, 5, many, request_id="y{minute}-{number}", src_rse="A-DISK", dst_rse="B-DISK", activity="Production"),
            _queued(-60, 240, 30, done_6h=360),
            _REQUEST_POLLS(-60, 240, 30),
        ), 240)
        for name, fires, many in (("a_third_is_lost", 170, 3), ("all_arrive", None, 5))
    ),
)  # fmt: skip

CASES = (*TRANSFERS, *OF_RUCIO, *OF_FTS, *OF_DATA)
