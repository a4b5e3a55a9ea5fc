-- the whole range
with times as (select "host", "series", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "host", "series", list_reverse_sort(list_distinct(max(time, 10))) as last from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null group by "host", "series")) select epoch_us(events.time) as at, gap, events."value", events."host", events."series", events."collector", events."source" from (select * from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null) as events join times on events."host" is not distinct from times."host" and events."series" is not distinct from times."series" and events.time = times.time;
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['disk_free']
with times as (select "host", "series", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "host", "series", list_reverse_sort(list_distinct(max(time, 10))) as last from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and "value" is not null group by "host", "series")) select epoch_us(events.time) as at, gap, events."value", events."host", events."series", events."collector", events."source" from (select * from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and "value" is not null) as events join times on events."host" is not distinct from times."host" and events."series" is not distinct from times."series" and events.time = times.time;
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['df_df_complex', 'node_filesystem_size_bytes', 'disk_total']

-- every hour, by host
with times as (select "host", "series", time, any_value(gap) as gap from (select "host", "series", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "host", "series", list_reverse_sort(list_distinct(max(time, 10))) as last from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null group by "host", "series") union all select "host", "series", max(time) as time, null as gap from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null group by "host", "series", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) group by "host", "series", time) select epoch_us(events.time) as at, gap, events."value", events."host", events."series", events."collector", events."source" from (select * from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null) as events join times on events."host" is not distinct from times."host" and events."series" is not distinct from times."series" and events.time = times.time;
-- $since = 2026-01-04 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['disk_free']
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with times as (select "host", "series", time, any_value(gap) as gap from (select "host", "series", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "host", "series", list_reverse_sort(list_distinct(max(time, 10))) as last from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and "value" is not null group by "host", "series") union all select "host", "series", max(time) as time, null as gap from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and "value" is not null group by "host", "series", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) group by "host", "series", time) select epoch_us(events.time) as at, gap, events."value", events."host", events."series", events."collector", events."source" from (select * from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and "value" is not null) as events join times on events."host" is not distinct from times."host" and events."series" is not distinct from times."series" and events.time = times.time;
-- $since = 2026-01-04 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['df_df_complex', 'node_filesystem_size_bytes', 'disk_total']
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two host
with times as (select "host", "series", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "host", "series", list_reverse_sort(list_distinct(max(time, 10))) as last from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and list_contains($p3, "host") and "value" is not null group by "host", "series")) select epoch_us(events.time) as at, gap, events."value", events."host", events."series", events."vo", events."collector", events."source" from (select * from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and list_contains($p3, "host") and "value" is not null) as events join times on events."host" is not distinct from times."host" and events."series" is not distinct from times."series" and events.time = times.time;
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['disk_free']
-- $p3 = ["it's", 'two']
with times as (select "host", "series", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "host", "series", list_reverse_sort(list_distinct(max(time, 10))) as last from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and list_contains($p3, "host") and "value" is not null group by "host", "series")) select epoch_us(events.time) as at, gap, events."value", events."host", events."series", events."vo", events."collector", events."source" from (select * from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "metric") and list_contains($p3, "host") and "value" is not null) as events join times on events."host" is not distinct from times."host" and events."series" is not distinct from times."series" and events.time = times.time;
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['df_df_complex', 'node_filesystem_size_bytes', 'disk_total']
-- $p3 = ["it's", 'two']
