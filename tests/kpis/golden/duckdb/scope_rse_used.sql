-- the whole range
select epoch_us(time) as at, "used", "scope", "rse", "qos", "collector", "source" from "storage" where time >= $since and time < $until and "scope" is not null and "rse" is not null and "account" is null and "usage_source" is null and "used" is not null qualify row_number() over (partition by "scope", "rse", "qos", time < $range, case when time >= $range then null end order by time desc, "used" desc) <= 1 or row_number() over (partition by "scope", "rse", "qos" order by time desc, "used" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null qualify row_number() over (partition by "collector", "source", "scope", time < $range, case when time >= $range then null end order by time desc, "count" desc) <= 1 or row_number() over (partition by "collector", "source", "scope" order by time desc, "count" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $range = 2026-01-05 00:00:00

-- every hour, by scope
select epoch_us(time) as at, "used", "scope", "rse", "qos", "collector", "source" from "storage" where time >= $since and time < $until and "scope" is not null and "rse" is not null and "account" is null and "usage_source" is null and "used" is not null qualify row_number() over (partition by "scope", "rse", "qos", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end order by time desc, "used" desc) <= 1 or row_number() over (partition by "scope", "rse", "qos" order by time desc, "used" desc) <= 10;
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

-- by qos, of two scope
select epoch_us(time) as at, "used", "scope", "rse", "qos", "collector", "source" from "storage" where time >= $since and time < $until and "scope" is not null and "rse" is not null and "account" is null and "usage_source" is null and list_contains($p2, "scope") and "used" is not null qualify row_number() over (partition by "scope", "rse", "qos", time < $range, case when time >= $range then null end order by time desc, "used" desc) <= 1 or row_number() over (partition by "scope", "rse", "qos" order by time desc, "used" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
-- $range = 2026-01-05 00:00:00
select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null qualify row_number() over (partition by "collector", "source", "scope", time < $range, case when time >= $range then null end order by time desc, "count" desc) <= 1 or row_number() over (partition by "collector", "source", "scope" order by time desc, "count" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $range = 2026-01-05 00:00:00
