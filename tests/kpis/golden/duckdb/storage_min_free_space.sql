-- the whole range
with times as (select "rse", unnest(max(time, 10)) as time from "storage" where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null and "storage_service" is null and "usage_source" = $p2 and "used" is not null group by "rse") select epoch_us(time) as at, "used", "rse", "collector", "source" from "storage" as events semi join times on events."rse" is not distinct from times."rse" and events.time is not distinct from times.time where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null and "storage_service" is null and "usage_source" = $p2 and "used" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = min_free_space
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics

-- every hour, by rse
with times as (select "rse", unnest(max(time, 10)) as time from "storage" where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null and "storage_service" is null and "usage_source" = $p2 and "used" is not null group by "rse" union select "rse", max(time) as time from "storage" where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null and "storage_service" is null and "usage_source" = $p2 and "used" is not null group by "rse", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "used", "rse", "collector", "source" from "storage" as events semi join times on events."rse" is not distinct from times."rse" and events.time is not distinct from times.time where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null and "storage_service" is null and "usage_source" = $p2 and "used" is not null;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = min_free_space
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope" union select "collector", "source", "scope", max(time) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two rse
with times as (select "rse", unnest(max(time, 10)) as time from "storage" where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null and "storage_service" is null and "usage_source" = $p2 and list_contains($p3, "rse") and "used" is not null group by "rse") select epoch_us(time) as at, "used", "rse", "vo", "collector", "source" from "storage" as events semi join times on events."rse" is not distinct from times."rse" and events.time is not distinct from times.time where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null and "storage_service" is null and "usage_source" = $p2 and list_contains($p3, "rse") and "used" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = min_free_space
-- $p3 = ["it's", 'two']
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
