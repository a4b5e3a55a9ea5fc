-- the whole range
with times as (select "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "kind" = $p2 and "complete" = $p3 and "count" is not null group by "scope") select epoch_us(time) as at, "count", "scope", "collector", "source" from "polls" as events semi join times on events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "kind" = $p2 and "complete" = $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rules
-- $p3 = True
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True

-- every hour, by vo
with times as (select "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "kind" = $p2 and "complete" = $p3 and "count" is not null group by "scope" union select "scope", max(time) as time from "polls" where time >= $since and time < $until and "kind" = $p2 and "complete" = $p3 and "count" is not null group by "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "count", "scope", "vo", "collector", "source" from "polls" as events semi join times on events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "kind" = $p2 and "complete" = $p3 and "count" is not null;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rules
-- $p3 = True
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null group by "collector", "source", "scope" union select "collector", "source", "scope", max(time) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null group by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "count" is not null;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by scope, of two vo
with times as (select "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "kind" = $p2 and "complete" = $p3 and "count" is not null group by "scope") select epoch_us(time) as at, "count", "scope", "vo", "collector", "source" from "polls" as events semi join times on events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "kind" = $p2 and "complete" = $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rules
-- $p3 = True
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
