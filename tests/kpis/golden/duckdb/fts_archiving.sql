-- the whole range
with times as (select "endpoint", "src_host", "dst_host", "protocol", unnest(max(time, 10)) as time from "fts_queue" where time >= $since and time < $until and "archiving" is not null group by "endpoint", "src_host", "dst_host", "protocol") select epoch_us(time) as at, "archiving", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" from "fts_queue" as events semi join times on events."endpoint" is not distinct from times."endpoint" and events."src_host" is not distinct from times."src_host" and events."dst_host" is not distinct from times."dst_host" and events."protocol" is not distinct from times."protocol" and events.time is not distinct from times.time where time >= $since and time < $until and "archiving" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by endpoint
with times as (select "endpoint", "src_host", "dst_host", "protocol", unnest(max(time, 10)) as time from "fts_queue" where time >= $since and time < $until and "archiving" is not null group by "endpoint", "src_host", "dst_host", "protocol" union select "endpoint", "src_host", "dst_host", "protocol", max(time) as time from "fts_queue" where time >= $since and time < $until and "archiving" is not null group by "endpoint", "src_host", "dst_host", "protocol", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "archiving", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" from "fts_queue" as events semi join times on events."endpoint" is not distinct from times."endpoint" and events."src_host" is not distinct from times."src_host" and events."dst_host" is not distinct from times."dst_host" and events."protocol" is not distinct from times."protocol" and events.time is not distinct from times.time where time >= $since and time < $until and "archiving" is not null;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two endpoint
with times as (select "endpoint", "src_host", "dst_host", "protocol", unnest(max(time, 10)) as time from "fts_queue" where time >= $since and time < $until and list_contains($p2, "endpoint") and "archiving" is not null group by "endpoint", "src_host", "dst_host", "protocol") select epoch_us(time) as at, "archiving", "endpoint", "src_host", "dst_host", "protocol", "vo", "collector", "source" from "fts_queue" as events semi join times on events."endpoint" is not distinct from times."endpoint" and events."src_host" is not distinct from times."src_host" and events."dst_host" is not distinct from times."dst_host" and events."protocol" is not distinct from times."protocol" and events.time is not distinct from times.time where time >= $since and time < $until and list_contains($p2, "endpoint") and "archiving" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
