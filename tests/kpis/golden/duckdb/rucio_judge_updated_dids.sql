-- the whole range
with times as (select "instance", "series", "poll", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "instance", "series", "poll", list_reverse_sort(list_distinct(max(time, 10))) as last from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null group by "instance", "series", "poll")) select epoch_us(events.time) as at, gap, events."value", events."instance", events."series", events."poll", events."collector", events."source" from (select * from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null) as events join times on events."instance" is not distinct from times."instance" and events."series" is not distinct from times."series" and events."poll" is not distinct from times."poll" and events.time = times.time;
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = probes
-- $p3 = judge_updated_dids
with times as (select "collector", "source", "scope", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "collector", "source", "scope", list_reverse_sort(list_distinct(max(time, 10))) as last from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null group by "collector", "source", "scope")) select epoch_us(events.time) as at, gap, events."count", events."collector", events."source", events."scope", events."interval_s", events."kind", events."state" from (select * from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null) as events join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time = times.time;
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics

-- every hour, by component
with times as (select "instance", "series", "poll", time, any_value(gap) as gap from (select "instance", "series", "poll", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "instance", "series", "poll", list_reverse_sort(list_distinct(max(time, 10))) as last from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null group by "instance", "series", "poll") union all select "instance", "series", "poll", max(time) as time, null as gap from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null group by "instance", "series", "poll", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) group by "instance", "series", "poll", time) select epoch_us(events.time) as at, gap, events."value", events."instance", events."series", events."poll", events."component", events."collector", events."source" from (select * from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null) as events join times on events."instance" is not distinct from times."instance" and events."series" is not distinct from times."series" and events."poll" is not distinct from times."poll" and events.time = times.time;
-- $since = 2026-01-04 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = probes
-- $p3 = judge_updated_dids
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with times as (select "collector", "source", "scope", time, any_value(gap) as gap from (select "collector", "source", "scope", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "collector", "source", "scope", list_reverse_sort(list_distinct(max(time, 10))) as last from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null group by "collector", "source", "scope") union all select "collector", "source", "scope", max(time) as time, null as gap from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null group by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) group by "collector", "source", "scope", time) select epoch_us(events.time) as at, gap, events."count", events."collector", events."source", events."scope", events."interval_s", events."kind", events."state" from (select * from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null) as events join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time = times.time;
-- $since = 2026-01-04 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by metric, of two component
with times as (select "instance", "series", "poll", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "instance", "series", "poll", list_reverse_sort(list_distinct(max(time, 10))) as last from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null group by "instance", "series", "poll")) select epoch_us(events.time) as at, gap, events."value", events."instance", events."series", events."poll", events."metric", events."component", events."collector", events."source" from (select * from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null) as events join times on events."instance" is not distinct from times."instance" and events."series" is not distinct from times."series" and events."poll" is not distinct from times."poll" and events.time = times.time;
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = probes
-- $p3 = judge_updated_dids
with times as (select "collector", "source", "scope", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "collector", "source", "scope", list_reverse_sort(list_distinct(max(time, 10))) as last from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null group by "collector", "source", "scope")) select epoch_us(events.time) as at, gap, events."count", events."collector", events."source", events."scope", events."interval_s", events."kind", events."state" from (select * from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null) as events join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time = times.time;
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
