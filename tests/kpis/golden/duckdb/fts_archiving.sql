-- the whole range
with found as (select "endpoint", "src_host", "dst_host", "protocol", (time < $range, case when time >= $range then null end) as slot, (time, "archiving" is not null, "archiving") as place, {'at': epoch_us(time), 'archiving': "archiving", 'endpoint': "endpoint", 'src_host': "src_host", 'dst_host': "dst_host", 'protocol': "protocol", 'collector': "collector", 'source': "source"} as report from "fts_queue" where time >= $since and time < $until and "archiving" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "endpoint", "src_host", "dst_host", "protocol" union all select max_by(report, place) from found group by "endpoint", "src_host", "dst_host", "protocol", slot);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-12 00:00:00

-- every hour, by endpoint
with found as (select "endpoint", "src_host", "dst_host", "protocol", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "archiving" is not null, "archiving") as place, {'at': epoch_us(time), 'archiving': "archiving", 'endpoint': "endpoint", 'src_host': "src_host", 'dst_host': "dst_host", 'protocol': "protocol", 'collector': "collector", 'source': "source"} as report from "fts_queue" where time >= $since and time < $until and "archiving" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "endpoint", "src_host", "dst_host", "protocol" union all select max_by(report, place) from found group by "endpoint", "src_host", "dst_host", "protocol", slot);
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two endpoint
with found as (select "endpoint", "src_host", "dst_host", "protocol", (time < $range, case when time >= $range then null end) as slot, (time, "archiving" is not null, "archiving") as place, {'at': epoch_us(time), 'archiving': "archiving", 'endpoint': "endpoint", 'src_host': "src_host", 'dst_host': "dst_host", 'protocol': "protocol", 'vo': "vo", 'collector': "collector", 'source': "source"} as report from "fts_queue" where time >= $since and time < $until and list_contains($p2, "endpoint") and "archiving" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "endpoint", "src_host", "dst_host", "protocol" union all select max_by(report, place) from found group by "endpoint", "src_host", "dst_host", "protocol", slot);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
-- $range = 2026-01-12 00:00:00
