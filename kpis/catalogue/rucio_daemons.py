"""Deletion, subscriptions, consistency, trouble of Rucio's daemons; load of its servers."""

from __future__ import annotations

from lakescope.kpis.catalogue._common import empty_hours
from lakescope.kpis.catalogue._rucio import (
    COUNT,
    DIMENSIONS,
    SERIES,
    counted,
    gauge,
    increase,
    of,
    rate,
    rucio,
    timed,
)
from lakescope.kpis.model import DAY, HOUR, Condition, Part, Ratio

REAPER = "daemons.reaper.reaper"
CONSISTENCY = "daemons.storage.consistency.actions"
TRANSMOGRIFIER = "daemons.transmogrifier.transmogrifier"
CORE = tuple(
    f"core.{module}"
    for module in (
        "did",
        "nongrid_trace",
        "oidc",
        "replica",
        "request",
        "rule",
        "trace",
        "transfer",
        "opendata",
    )
)

_DAEMONS = (
    rate("rucio_reaper_rate", "Files per second that the reaper deleted.", REAPER, "deletion_done"),
    counted(
        "rucio_reaper_deletions",
        "Deletions that the reaper tried, by RSE and protocol.",
        REAPER,
        "delete",
        where=(COUNT,),
    ),
    timed("rucio_reaper_time", "Average time of a deletion.", REAPER, "delete"),
    gauge(
        "rucio_excluded_rses", "RSEs that the reaper gave up for a while", REAPER, "excluded_rses", over="sum"
    ),
    counted(
        "rucio_dark_deletions",
        "Dark files that the dark reaper deleted.",
        "daemons.reaper.dark_reaper",
        "deleted_replicas",
    ),
    counted(
        "rucio_undertaker_deletions",
        "Expired DIDs that the undertaker deleted.",
        "daemons.undertaker.undertaker",
        "undertaker_delete_dids",
    ),
    counted(
        "rucio_lost_files",
        "Bad files without another replica that the necromancer declared lost.",
        "daemons.badreplicas.necromancer",
        "badfiles_lostfile",
        good="down",
    ),
    counted(
        "rucio_recovering_files",
        "Bad files that the necromancer recovers from another replica.",
        "daemons.badreplicas.necromancer",
        "badfiles_recovering",
    ),
    counted(
        "rucio_subscription_rules",
        "Rules that the transmogrifier made for subscriptions.",
        TRANSMOGRIFIER,
        "addnewrule_done",
    ),
    counted(
        "rucio_subscription_errors",
        "Errors of the transmogrifier, by exception.",
        TRANSMOGRIFIER,
        "addnewrule_errortype",
        good="down",
    ),
    timed(
        "rucio_transmogrifier_time",
        "Average time of a round of the transmogrifier.",
        TRANSMOGRIFIER,
        "job_duration",
    ),
    timed(
        "rucio_rule_evaluation_time",
        "Average time of the judge to evaluate a new attachment.",
        "core.rule",
        "evaluate_did_attach_total",
    ),
    counted(
        "rucio_exceptions",
        "Exceptions in Rucio's daemons, by component, exception and instance.",
        None,
        "exceptions",
        good="down",
    ),
    counted(
        "rucio_reconnects",
        "Connections to a broker that daemons made anew, by component.",
        None,
        "reconnect",
        good="down",
    ),
    gauge(
        "rucio_dark_files",
        "Dark files of the last consistency check",
        CONSISTENCY,
        "actions_dark_files_found",
        over="sum",
        look_back_s=DAY,
    ),
    gauge(
        "rucio_dark_files_confirmed",
        "Dark files that an earlier consistency check had, too",
        CONSISTENCY,
        "actions_dark_files_confirmed",
        over="sum",
        look_back_s=DAY,
    ),
    gauge(
        "rucio_missing_files",
        "Missing files of the last consistency check",
        CONSISTENCY,
        "actions_miss_files_found",
        over="sum",
        look_back_s=DAY,
    ),
)

_SERVERS = (
    rate(
        "rucio_core_calls",
        "Calls per second of Rucio's core functions that are timed or counted, by component.",
        CORE,
        where=(Condition("metric", "not", "get_next_requests"), Condition("part", "not", "sum")),
    ),
    rate(
        "rucio_server_requests",
        "Requests per second to Rucio's web server, where its exporter is read.",
        None,
        "accesses",
        "client_requests",
        "http_request",
    ),
    timed(
        "rucio_add_rule_time", "Average time to add a rule.", "core.rule", "add_rule_total", "add_rules_total"
    ),
    rucio(
        name="rucio_token_cache_hits",
        meaning="Share of look-ups in Rucio's token cache that found a valid token.",
        unit="ratio",
        good="up",
        where=of(
            "core.oidc", "token_cache_hit", "token_cache_miss", "token_cache_expired", "token_cache_invalid"
        ),
        value=Ratio(increase(where=of(None, "token_cache_hit")), increase()),
        null="no look-up, or fewer than two reports",
    ),
    counted(
        "rucio_token_failures",
        "Tokens that were invalid or could not be refreshed or exchanged, by metric.",
        "core.oidc",
        "JSONWebToken_invalid",
        "IdP_authorization_refresh_token_exception",
        "IdP_authorization_access_token_exception",
        good="down",
    ),
    gauge(
        "rucio_memory",
        "Memory of Rucio's processes",
        "process",
        "resident_memory_bytes",
        over="sum",
        unit="bytes",
        look_back_s=HOUR,
    ),
    rate(
        "rucio_cpu",
        "Processors that Rucio's processes use: seconds of processor time per second.",
        "process",
        "cpu_seconds",
    ),
    rucio(
        name="rucio_restarts",
        meaning="Restarts of Rucio's servers and daemons.",
        unit="count",
        good="down",
        where=of("process", "start_time_seconds"),
        value=Part(kind="changes", field="value", series=SERIES),
        null="no process has reported",
    ),
    rucio(
        name="rucio_silence",
        meaning="Time since the last metric of a server, daemon or probe, at the end of the time range.",
        unit="seconds",
        good="down",
        value=Part(kind="silence"),
        null="nothing has reported",
    ),
    counted(
        "rucio_statsd_lost",
        "Packets and lines of statsd that Lakescope could not take, by metric.",
        "lakescope",
        "statsd_dropped_packets",
        "statsd_malformed_lines",
        "statsd_refused_series",
        good="down",
    ),
    empty_hours("rucio", "metric of Rucio", DIMENSIONS),
)

KPIS = (*_DAEMONS, *_SERVERS)
