-- the whole range
with times as (select "incident", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "incident", list_reverse_sort(list_distinct(max(time, 10))) as last from "incidents" where time >= $since and time < $until and "event" = $p2 group by "incident")) select epoch_us(events.time) as at, gap, events."incident", events."state", events."collector", events."source" from (select * from "incidents" where time >= $since and time < $until and "event" = $p2) as events join times on events."incident" is not distinct from times."incident" and events.time = times.time;
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported

-- every hour, by severity
with times as (select "incident", time, any_value(gap) as gap from (select "incident", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "incident", list_reverse_sort(list_distinct(max(time, 10))) as last from "incidents" where time >= $since and time < $until and "event" = $p2 group by "incident") union all select "incident", max(time) as time, null as gap from "incidents" where time >= $since and time < $until and "event" = $p2 group by "incident", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) group by "incident", time) select epoch_us(events.time) as at, gap, events."incident", events."severity", events."state", events."collector", events."source" from (select * from "incidents" where time >= $since and time < $until and "event" = $p2) as events join times on events."incident" is not distinct from times."incident" and events.time = times.time;
-- $since = 2026-01-04 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two severity
with times as (select "incident", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "incident", list_reverse_sort(list_distinct(max(time, 10))) as last from "incidents" where time >= $since and time < $until and "event" = $p2 group by "incident")) select epoch_us(events.time) as at, gap, events."incident", events."vo", events."state", events."severity", events."collector", events."source" from (select * from "incidents" where time >= $since and time < $until and "event" = $p2) as events join times on events."incident" is not distinct from times."incident" and events.time = times.time;
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
