-- the whole range
with times as (select "rule_id", "poll", unnest(max(time, 10)) as time from "rules" where time >= $since and time < $until group by "rule_id", "poll") select epoch_us(time) as at, "rule_id", "poll", "event", "locks_replicating", "locks_stuck", "collector", "source" from "rules" as events semi join times on events."rule_id" is not distinct from times."rule_id" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics

-- every hour, by vo
with times as (select "rule_id", "poll", unnest(max(time, 10)) as time from "rules" where time >= $since and time < $until group by "rule_id", "poll" union select "rule_id", "poll", max(time) as time from "rules" where time >= $since and time < $until group by "rule_id", "poll", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "rule_id", "poll", "vo", "event", "locks_replicating", "locks_stuck", "collector", "source" from "rules" as events semi join times on events."rule_id" is not distinct from times."rule_id" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until;
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

-- by error_template, of two vo
with times as (select "rule_id", "poll", unnest(max(time, 10)) as time from "rules" where time >= $since and time < $until group by "rule_id", "poll") select epoch_us(time) as at, "rule_id", "poll", "error_template", "event", "locks_replicating", "locks_stuck", "vo", "collector", "source" from "rules" as events semi join times on events."rule_id" is not distinct from times."rule_id" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
