-- the whole range
select epoch_us(time) as at, "submitted", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" from "fts_queue" where time >= $since and time < $until and "submitted" is not null qualify row_number() over (partition by "endpoint", "src_host", "dst_host", "protocol", time < $range, case when time >= $range then null end order by time desc, "submitted" desc) <= 1 or row_number() over (partition by "endpoint", "src_host", "dst_host", "protocol" order by time desc, "submitted" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null qualify row_number() over (partition by "collector", "source", "scope", time < $range, case when time >= $range then null end order by time desc, "count" desc) <= 1 or row_number() over (partition by "collector", "source", "scope" order by time desc, "count" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $range = 2026-01-05 00:00:00

-- every hour, by endpoint
select epoch_us(time) as at, "submitted", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" from "fts_queue" where time >= $since and time < $until and "submitted" is not null qualify row_number() over (partition by "endpoint", "src_host", "dst_host", "protocol", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end order by time desc, "submitted" desc) <= 1 or row_number() over (partition by "endpoint", "src_host", "dst_host", "protocol" order by time desc, "submitted" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null qualify row_number() over (partition by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end order by time desc, "count" desc) <= 1 or row_number() over (partition by "collector", "source", "scope" order by time desc, "count" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by protocol, of two endpoint
select epoch_us(time) as at, "submitted", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" from "fts_queue" where time >= $since and time < $until and list_contains($p2, "endpoint") and "submitted" is not null qualify row_number() over (partition by "endpoint", "src_host", "dst_host", "protocol", time < $range, case when time >= $range then null end order by time desc, "submitted" desc) <= 1 or row_number() over (partition by "endpoint", "src_host", "dst_host", "protocol" order by time desc, "submitted" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
-- $range = 2026-01-05 00:00:00
select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null qualify row_number() over (partition by "collector", "source", "scope", time < $range, case when time >= $range then null end order by time desc, "count" desc) <= 1 or row_number() over (partition by "collector", "source", "scope" order by time desc, "count" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $range = 2026-01-05 00:00:00
