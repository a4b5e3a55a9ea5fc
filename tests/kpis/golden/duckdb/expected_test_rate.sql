-- the whole range
with found as (select "task", "test", "src_host", "dst_host", "ip_version", "poll", (time < $range, case when time >= $range then null end) as slot, (time, "per_second" is not null, "per_second") as place, {'at': epoch_us(time), 'per_second': "per_second", 'task': "task", 'test': "test", 'src_host': "src_host", 'dst_host': "dst_host", 'ip_version': "ip_version", 'poll': "poll", 'collector': "collector", 'source': "source"} as report from "expected_tests" where time >= $since and time < $until and "per_second" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "task", "test", "src_host", "dst_host", "ip_version", "poll" union all select max_by(report, place) from found group by "task", "test", "src_host", "dst_host", "ip_version", "poll", slot);
-- $since = 2026-01-09 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-12 00:00:00
with found as (select "collector", "source", "scope", (time < $range, case when time >= $range then null end) as slot, (time, "count" is not null, "count") as place, {'at': epoch_us(time), 'count': "count", 'collector': "collector", 'source': "source", 'scope': "scope", 'interval_s': "interval_s", 'kind': "kind", 'state': "state"} as report from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "collector", "source", "scope" union all select max_by(report, place) from found group by "collector", "source", "scope", slot);
-- $since = 2026-01-09 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-12 00:00:00

-- every hour, by src_site
with found as (select "task", "test", "src_host", "dst_host", "ip_version", "poll", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "per_second" is not null, "per_second") as place, {'at': epoch_us(time), 'per_second': "per_second", 'task': "task", 'test': "test", 'src_host': "src_host", 'dst_host': "dst_host", 'ip_version': "ip_version", 'poll': "poll", 'src_site': "src_site", 'collector': "collector", 'source': "source"} as report from "expected_tests" where time >= $since and time < $until and "per_second" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "task", "test", "src_host", "dst_host", "ip_version", "poll" union all select max_by(report, place) from found group by "task", "test", "src_host", "dst_host", "ip_version", "poll", slot);
-- $since = 2026-01-02 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with found as (select "collector", "source", "scope", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "count" is not null, "count") as place, {'at': epoch_us(time), 'count': "count", 'collector': "collector", 'source': "source", 'scope': "scope", 'interval_s': "interval_s", 'kind': "kind", 'state': "state"} as report from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "collector", "source", "scope" union all select max_by(report, place) from found group by "collector", "source", "scope", slot);
-- $since = 2026-01-02 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two src_site
with found as (select "task", "test", "src_host", "dst_host", "ip_version", "poll", (time < $range, case when time >= $range then null end) as slot, (time, "per_second" is not null, "per_second") as place, {'at': epoch_us(time), 'per_second': "per_second", 'task': "task", 'test': "test", 'src_host': "src_host", 'dst_host': "dst_host", 'ip_version': "ip_version", 'poll': "poll", 'vo': "vo", 'src_site': "src_site", 'collector': "collector", 'source': "source"} as report from "expected_tests" where time >= $since and time < $until and "per_second" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "task", "test", "src_host", "dst_host", "ip_version", "poll" union all select max_by(report, place) from found group by "task", "test", "src_host", "dst_host", "ip_version", "poll", slot);
-- $since = 2026-01-09 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-12 00:00:00
with found as (select "collector", "source", "scope", (time < $range, case when time >= $range then null end) as slot, (time, "count" is not null, "count") as place, {'at': epoch_us(time), 'count': "count", 'collector': "collector", 'source': "source", 'scope': "scope", 'interval_s': "interval_s", 'kind': "kind", 'state': "state"} as report from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "collector", "source", "scope" union all select max_by(report, place) from found group by "collector", "source", "scope", slot);
-- $since = 2026-01-09 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-12 00:00:00
