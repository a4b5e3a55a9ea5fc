-- the whole range
with found as (select "host", "series", (time < $range, case when time >= $range then null end) as slot, (time, "value" is not null, "value") as place, {'at': epoch_us(time), 'value': "value", 'host': "host", 'series': "series", 'collector': "collector", 'source': "source"} as report from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "host", "series" union all select max_by(report, place) from found group by "host", "series", slot);
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['memory_available']
-- $range = 2026-01-12 00:00:00
with found as (select "host", "series", (time < $range, case when time >= $range then null end) as slot, (time, "value" is not null, "value") as place, {'at': epoch_us(time), 'value': "value", 'host': "host", 'series': "series", 'collector': "collector", 'source': "source"} as report from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and "value" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "host", "series" union all select max_by(report, place) from found group by "host", "series", slot);
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['memory_memory', 'node_memory_MemTotal_bytes', 'mem_total']
-- $range = 2026-01-12 00:00:00

-- every hour, by host
with found as (select "host", "series", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "value" is not null, "value") as place, {'at': epoch_us(time), 'value': "value", 'host': "host", 'series': "series", 'collector': "collector", 'source': "source"} as report from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "host", "series" union all select max_by(report, place) from found group by "host", "series", slot);
-- $since = 2026-01-04 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['memory_available']
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with found as (select "host", "series", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "value" is not null, "value") as place, {'at': epoch_us(time), 'value': "value", 'host': "host", 'series': "series", 'collector': "collector", 'source': "source"} as report from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and "value" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "host", "series" union all select max_by(report, place) from found group by "host", "series", slot);
-- $since = 2026-01-04 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['memory_memory', 'node_memory_MemTotal_bytes', 'mem_total']
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two host
with found as (select "host", "series", (time < $range, case when time >= $range then null end) as slot, (time, "value" is not null, "value") as place, {'at': epoch_us(time), 'value': "value", 'host': "host", 'series': "series", 'vo': "vo", 'collector': "collector", 'source': "source"} as report from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and list_contains($p3, "host") and "value" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "host", "series" union all select max_by(report, place) from found group by "host", "series", slot);
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['memory_available']
-- $p3 = ["it's", 'two']
-- $range = 2026-01-12 00:00:00
with found as (select "host", "series", (time < $range, case when time >= $range then null end) as slot, (time, "value" is not null, "value") as place, {'at': epoch_us(time), 'value': "value", 'host': "host", 'series': "series", 'vo': "vo", 'collector': "collector", 'source': "source"} as report from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and list_contains($p3, "host") and "value" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "host", "series" union all select max_by(report, place) from found group by "host", "series", slot);
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['memory_memory', 'node_memory_MemTotal_bytes', 'mem_total']
-- $p3 = ["it's", 'two']
-- $range = 2026-01-12 00:00:00
