-- the whole range
with times as (select "rule_id", "poll", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "rule_id", "poll", list_reverse_sort(list_distinct(max(time, 10))) as last from "rules" where time >= $since and time < $until group by "rule_id", "poll")) select epoch_us(events.time) as at, gap, events."stuck_s", events."rule_id", events."poll", events."event", events."collector", events."source" from (select * from "rules" where time >= $since and time < $until) as events join times on events."rule_id" is not distinct from times."rule_id" and events."poll" is not distinct from times."poll" and events.time = times.time;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
with times as (select "collector", "source", "scope", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "collector", "source", "scope", list_reverse_sort(list_distinct(max(time, 10))) as last from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope")) select epoch_us(events.time) as at, gap, events."count", events."collector", events."source", events."scope", events."interval_s", events."kind", events."state" from (select * from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null) as events join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time = times.time;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics

-- every hour, by vo
with times as (select "rule_id", "poll", time, any_value(gap) as gap from (select "rule_id", "poll", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "rule_id", "poll", list_reverse_sort(list_distinct(max(time, 10))) as last from "rules" where time >= $since and time < $until group by "rule_id", "poll") union all select "rule_id", "poll", max(time) as time, null as gap from "rules" where time >= $since and time < $until group by "rule_id", "poll", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) group by "rule_id", "poll", time) select epoch_us(events.time) as at, gap, events."stuck_s", events."rule_id", events."poll", events."vo", events."event", events."collector", events."source" from (select * from "rules" where time >= $since and time < $until) as events join times on events."rule_id" is not distinct from times."rule_id" and events."poll" is not distinct from times."poll" and events.time = times.time;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with times as (select "collector", "source", "scope", time, any_value(gap) as gap from (select "collector", "source", "scope", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "collector", "source", "scope", list_reverse_sort(list_distinct(max(time, 10))) as last from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") union all select "collector", "source", "scope", max(time) as time, null as gap from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) group by "collector", "source", "scope", time) select epoch_us(events.time) as at, gap, events."count", events."collector", events."source", events."scope", events."interval_s", events."kind", events."state" from (select * from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null) as events join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time = times.time;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by error_template, of two vo
with times as (select "rule_id", "poll", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "rule_id", "poll", list_reverse_sort(list_distinct(max(time, 10))) as last from "rules" where time >= $since and time < $until group by "rule_id", "poll")) select epoch_us(events.time) as at, gap, events."stuck_s", events."rule_id", events."poll", events."error_template", events."event", events."vo", events."collector", events."source" from (select * from "rules" where time >= $since and time < $until) as events join times on events."rule_id" is not distinct from times."rule_id" and events."poll" is not distinct from times."poll" and events.time = times.time;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
with times as (select "collector", "source", "scope", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "collector", "source", "scope", list_reverse_sort(list_distinct(max(time, 10))) as last from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope")) select epoch_us(events.time) as at, gap, events."count", events."collector", events."source", events."scope", events."interval_s", events."kind", events."state" from (select * from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null) as events join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time = times.time;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
