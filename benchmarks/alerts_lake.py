"""A DuckDB store of a large lake, for the benchmark of the alert rules: every dataset that a rule asks, filled by SQL.

As in a real one, tables have the sink's columns, rows are in the order of their times, and feeds have the intervals of their
collectors. What differs: all is even over time and links, where real lakes are lumpy; 5 % of the transfers fail, and to one site
all in the last 45 minutes; Rucio reports the end of each transfer, but FTS of one in ten, and Rucio the submission of one in ten.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from lakescope.sinks.duckdb import DuckdbOptions, DuckdbSink

END = datetime(2026, 1, 12, 12, tzinfo=UTC).timestamp()
MINUTE, HOUR, DAY = 60, 3600, 86_400
SPAN = 8 * DAY
"""Seven days of history, and what rounds before `END` need."""

TRANSFERS = """
insert into transfers by name
select
  uuid() as id, moment as time, $source as source, 'vo' || h // 3 % 2 as vo, $source as collector,
  case when $submitted then 'submitted' when failed then 'failed' else 'done' end as event,
  if($submitted, null, not failed) as ok, 'transfer' as kind, md5('r' || i) as request_id, 'data' || h // 5 % 9 as scope,
  'file-' || i as name, scope || ':' || name as file, 'activity ' || h // 7 % 8 as activity,
  if(h // 7 % 8 = 0, 'user' || h // 11 % 50, 'robot' || h // 7 % 8) as account, 'RSE-' || src as src_rse,
  'RSE-' || dst as dst_rse, if((src + dst) % 10 = 0, 'root', 'davs') as protocol, 'fts-' || dst % 2 as endpoint,
  'SITE-' || src as src_site, 'SITE-' || dst as dst_site, h % 4000000000 as bytes, moment as created, moment as started,
  moment as ended, h % 600 as queue_s, h % 1000 / 3.0 + 1 as transfer_s,
  case when is_down then 'DESTINATION' when failed then 'TRANSFER' end as error_scope,
  if(failed, error_scope || ' Error of kind ' || h // 19 % 20 || ' at host ' || h % 1000, null) as error,
  if(failed, substr(md5('e' || h // 19 % 20), 1, 12), null) as error_class,
  if(failed, error_scope || ' Error of kind ' || h // 19 % 20, null) as error_template,
  if(failed, h // 19 % 20 = 7, null) as credential_error, if(failed, false, null) as user_error, false as functional_test
from (
  select i, (hash(i) >> 1)::bigint as h, h // 13 % $sites as src,
    (src + 1 + h // 1300 % ($sites - 1)) % $sites as dst,
    to_timestamp($end - $span * (1 - i / $rows))::timestamp as moment,
    dst = 7 and i > $rows * (1 - 2700 / $span) as is_down, is_down or h // 23 % 20 = 0 as failed
  from range(0, $rows, $step) numbers(i)
)
"""
FEED = """
insert into {dataset} by name
select uuid() as id, time, {columns} from (
  select to_timestamp($end - $span + $every * (j // $series))::timestamp as time, j % $series as k, j // $series as i,
    (hash(j) >> 1)::bigint as h
  from range($series * ($span // $every)) numbers(j)
)
"""


def _ends(end: str, prefix: str) -> str:
    """Source and destination of the link with number `k`."""
    source = "k // ($sites - 1)"
    destination = f"(({source}) + 1 + k % ($sites - 1)) % $sites"
    return f"'{prefix}' || ({source}) as src_{end}, '{prefix}' || ({destination}) as dst_{end}"


def _feeds(sites: int) -> list[tuple[str, int, int, int, str]]:
    """Dataset, series, seconds between reports, seconds of history, columns made of the series `k`, report `i`, hash `h`."""
    links, busy_links = sites * (sites - 1), sites * (sites - 1) // 10
    ps = f"'perfsonar' as source, 'ps' as collector, {_ends('host', 'ps')}, {_ends('site', 'SITE-')}"
    rucio = "'rucio' as source, 'rucio' as collector"
    rse = f"{rucio}, 'RSE-' || k % $sites as rse, 'SITE-' || k % $sites as site"
    host = "'node_exporter' as source, 'hosts' as collector, 'host' || k // 3 as host, 'SITE-' || k // 3 % $sites as site"
    space = "1e15::bigint as total, (5e14 + i * 1e9)::bigint as used, total - used as free"
    return [
        (
            *("network", links, HOUR, SPAN),
            f"{ps}, 'latencybg' as test, if(i % 2 = 0, 4, 6) as ip_version, true as ok, 600 as packets_sent, 0 as packets_lost,"
            " 0.0 as loss, 0.02 + h % 100 / 1e5 as latency_median_s, latency_median_s as latency_mean_s,"
            " latency_median_s * 1.1 as latency_p95_s, 0.001 as clock_error_s",
        ),
        (
            *("network", links, 6 * HOUR, 21 * DAY),
            f"{ps}, 'throughput' as test, if(i % 2 = 0, 4, 6) as ip_version, true as ok, 1e9 + h % 1000 * 1e5 as throughput",
        ),
        (
            *("expected_tests", links, 6 * HOUR, 2 * DAY),
            "'psconfig' as source, 'psconfig' as collector, 'loss' as task, 'latencybg' as test, 1 / 3600 as per_second,"
            f" 'psconfig' as poll, {_ends('host', 'ps')}, {_ends('site', 'SITE-')}",
        ),
        ("storage", sites, 10 * MINUTE, SPAN, f"{rse}, {space}"),
        (
            *("storage", 12 * sites, 10 * MINUTE, SPAN),
            f"{rse}, 'robot' || k // $sites as account, if(k // $sites = 0, 'global', null) as usage_source, {space}",
        ),
        (
            *("storage", sites, HOUR, SPAN),
            "'srr' as source, 'srr' as collector, 'srr-' || k as storage_service, 'share' as share, 'RSE-' || k as rse,"
            f" 'SITE-' || k as site, 600.0 as age_s, {space}",
        ),
        (
            *("hosts", 9 * sites, MINUTE, DAY),
            f"{host}, ['disk_free', 'clock_offset', 'load'][k % 3 + 1] as quantity, quantity as metric, '/' as series,"
            " 'gauge' as type, if(k % 3 = 0, 1e12, 0.001) as value",
        ),
        (
            *("rules", 5 * sites, 10 * MINUTE, SPAN),
            f"{rucio}, if(k % 5 = 0, 'suspended', 'stuck') as event, md5('rule' || k) as rule_id, 'RSE-' || k % $sites as rse,"
            " 'robot1' as account, 10 as locks_ok, 1 as locks_replicating, 1 as locks_stuck, 3600.0 as stuck_s, 'rules' as poll",
        ),
        (
            *("requests", busy_links, 10 * MINUTE, SPAN),
            f"{rucio}, {_ends('rse', 'RSE-')}, {_ends('site', 'SITE-')}, 'activity 1' as activity, h % 50 as queued,"
            " 10 as done_6h, 50 as open, 1 as older_12h, 0 as older_24h, 0 as older_48h, 'requests' as poll",
        ),
        ("replicas", sites, HOUR, SPAN, f"{rse}, 'bad' as state, 5 as count, 'bad' as poll"),
        ("replicas", sites, HOUR, SPAN, f"{rse}, 'lost' as state, 1 as count, 'bad' as poll"),
        (
            *("daemons", 90, 10 * MINUTE, SPAN),
            f"{rucio}, ['hermes', 'reaper', 'conveyor-submitter'][k % 3 + 1] as daemon, 'pod' || k as host, 1 as pid,"
            " 't' as thread, 20.0 as silent_s, 'heartbeats' as poll",
        ),
        (
            *("probes", 4 * sites, 5 * MINUTE, 2 * DAY),
            "'probe' as source, 'probe' as collector, ['dns', 'tls'][k // $sites % 2 + 1] as probe, 'ok' as status, true as ok,"
            " 'davs://se' || k % (2 * $sites) as target, 'RSE-' || k % $sites as rse, 'SITE-' || k % $sites as site,"
            " 100.0 as certificate_days_left, 0.1 as duration_s",
        ),
        (
            *("probes", 6, 5 * MINUTE, 2 * DAY),
            "'probe' as source, 'probe' as collector, 'http' as probe, 'ok' as status, true as ok,"
            " 'https://service' || k as target, 100.0 as certificate_days_left, 0.1 as duration_s",
        ),
        (
            *("pipeline", 8, MINUTE, SPAN),
            "'lakescope' as source, 'lakescope' as collector, if(k < 6, 'collector', 'sink') as stage, 'part' || k as name,"
            " 1000 + h % 50 as received, 1000 + h % 50 as stored, 0 as dead, 5.0 as lag_p50_s, 9.0 as lag_p99_s, 60.0 as seconds",
        ),
        (
            *("fts_queue", busy_links, 10 * MINUTE, SPAN),
            "'fts' as source, 'fts' as collector, 'fts-' || k % 2 as endpoint, 'davs' as protocol, h % 20 as submitted,"
            f" 5 as active, {_ends('host', 'se')}, {_ends('site', 'SITE-')}",
        ),
        (
            *("rucio", 12, MINUTE, SPAN),
            "'prometheus' as source, 'prometheus' as collector, 'transfertool.fts3' as component, 'submission' as metric,"
            " 'counter' as kind, 'submitter' as instance, 'series' || k as series, if(k % 6 = 0, 'failure', 'success') as state,"
            " 'fts-' || k % 2 as endpoint, i::double as value",
        ),
        (
            *("rucio", 1, MINUTE, SPAN),
            "'prometheus' as source, 'prometheus' as collector, 'probes' as component, 'queues_messages' as metric,"
            " 'gauge' as kind, 'probes' as instance, 'queue' as series, 10.0 as value, 'probes' as poll",
        ),
        (
            *("polls", 5, 10 * MINUTE, SPAN),
            f"{rucio}, ['rules', 'requests', 'bad', 'heartbeats', 'psconfig'][k + 1] as scope, true as complete, 100 as count,"
            " ['rules', 'requests', 'bad_replicas', 'heartbeats', 'expected_tests'][k + 1] as kind, 600.0 as interval_s",
        ),
        (
            *("polls", 1, MINUTE, SPAN),
            "'prometheus' as source, 'prometheus' as collector, 'probes' as scope, true as complete, 100 as count,"
            " 'metrics' as kind, 60.0 as interval_s",
        ),
        (
            *("deletions", 100 * sites, HOUR, SPAN),
            f"{rse}, 'done' as event, h % 50 > 0 as ok, 'file-' || k || '-' || i as name, 1000000 as bytes",
        ),
        (
            *("traces", 100 * sites, HOUR, SPAN),
            "'trace' as source, 'traces' as collector, 'RSE-' || k % $sites as rse, 'SITE-' || k % $sites as site,"
            " 'download' as event, h % 50 > 0 as ok, 'user' || k % 50 as account",
        ),
    ]


def fill(folder: Path, sites: int, transfers: int) -> None:
    """A store in a folder: sites with a link from each to each other, over the eight days before `END`; throughput over 21."""
    store = DuckdbSink("store", DuckdbOptions(memory_limit="2GB"), folder)
    lake = {"sites": sites, "rows": transfers, "end": END, "span": SPAN}
    for source, is_submission, step in (("rucio", False, 1), ("fts", False, 10), ("rucio", True, 10)):
        store.connection.execute(
            TRANSFERS, {**lake, "source": source, "submitted": is_submission, "step": step}
        )
    for dataset, series, every, span, columns in _feeds(sites):
        parameters = {"series": series, "every": every, "span": span, "end": END}
        if "$sites" in columns:
            parameters["sites"] = sites
        store.connection.execute(FEED.format(dataset=dataset, columns=columns), parameters)
    store.close()
