-- the whole range
with times as (select "src_rse", "dst_rse", "activity", "poll", unnest(max(time, 10)) as time from "requests" where time >= $since and time < $until and "failed_6h" is not null group by "src_rse", "dst_rse", "activity", "poll") select epoch_us(time) as at, "failed_6h", "src_rse", "dst_rse", "activity", "poll", "collector", "source" from "requests" as events semi join times on events."src_rse" is not distinct from times."src_rse" and events."dst_rse" is not distinct from times."dst_rse" and events."activity" is not distinct from times."activity" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "failed_6h" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics

-- every hour, by dst_rse
with times as (select "src_rse", "dst_rse", "activity", "poll", unnest(max(time, 10)) as time from "requests" where time >= $since and time < $until and "failed_6h" is not null group by "src_rse", "dst_rse", "activity", "poll" union select "src_rse", "dst_rse", "activity", "poll", max(time) as time from "requests" where time >= $since and time < $until and "failed_6h" is not null group by "src_rse", "dst_rse", "activity", "poll", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "failed_6h", "src_rse", "dst_rse", "activity", "poll", "collector", "source" from "requests" as events semi join times on events."src_rse" is not distinct from times."src_rse" and events."dst_rse" is not distinct from times."dst_rse" and events."activity" is not distinct from times."activity" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "failed_6h" is not null;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope" union select "collector", "source", "scope", max(time) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by activity, of two dst_rse
with times as (select "src_rse", "dst_rse", "activity", "poll", unnest(max(time, 10)) as time from "requests" where time >= $since and time < $until and list_contains($p2, "dst_rse") and "failed_6h" is not null group by "src_rse", "dst_rse", "activity", "poll") select epoch_us(time) as at, "failed_6h", "src_rse", "dst_rse", "activity", "poll", "collector", "source" from "requests" as events semi join times on events."src_rse" is not distinct from times."src_rse" and events."dst_rse" is not distinct from times."dst_rse" and events."activity" is not distinct from times."activity" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and list_contains($p2, "dst_rse") and "failed_6h" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
