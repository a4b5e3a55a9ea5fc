-- the whole range
with times as (select "instance", "series", "poll", unnest(max(time, 10)) as time from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null group by "instance", "series", "poll") select epoch_us(time) as at, "value", "instance", "series", "poll", "collector", "source" from "rucio" as events semi join times on events."instance" is not distinct from times."instance" and events."series" is not distinct from times."series" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null;
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = probes
-- $p3 = reaper_expired_replicas
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null;
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics

-- every hour, by component
with times as (select "instance", "series", "poll", unnest(max(time, 10)) as time from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null group by "instance", "series", "poll" union select "instance", "series", "poll", max(time) as time from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null group by "instance", "series", "poll", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "value", "instance", "series", "poll", "component", "collector", "source" from "rucio" as events semi join times on events."instance" is not distinct from times."instance" and events."series" is not distinct from times."series" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null;
-- $since = 2026-01-04 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = probes
-- $p3 = reaper_expired_replicas
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null group by "collector", "source", "scope" union select "collector", "source", "scope", max(time) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null group by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null;
-- $since = 2026-01-04 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by metric, of two component
with times as (select "instance", "series", "poll", unnest(max(time, 10)) as time from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null group by "instance", "series", "poll") select epoch_us(time) as at, "value", "instance", "series", "poll", "metric", "component", "collector", "source" from "rucio" as events semi join times on events."instance" is not distinct from times."instance" and events."series" is not distinct from times."series" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null;
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = probes
-- $p3 = reaper_expired_replicas
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null;
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
