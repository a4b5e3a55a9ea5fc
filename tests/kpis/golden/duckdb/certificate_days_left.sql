-- the whole range
with times as (select "target", "address", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "target", "address", list_reverse_sort(list_distinct(max(time, 10))) as last from "probes" where time >= $since and time < $until and "certificate_days_left" is not null group by "target", "address")) select epoch_us(events.time) as at, gap, events."certificate_days_left", events."target", events."address", events."collector", events."source" from (select * from "probes" where time >= $since and time < $until and "certificate_days_left" is not null) as events join times on events."target" is not distinct from times."target" and events."address" is not distinct from times."address" and events.time = times.time;
-- $since = 2026-01-10 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by probe
with times as (select "target", "address", time, any_value(gap) as gap from (select "target", "address", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "target", "address", list_reverse_sort(list_distinct(max(time, 10))) as last from "probes" where time >= $since and time < $until and "certificate_days_left" is not null group by "target", "address") union all select "target", "address", max(time) as time, null as gap from "probes" where time >= $since and time < $until and "certificate_days_left" is not null group by "target", "address", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) group by "target", "address", time) select epoch_us(events.time) as at, gap, events."certificate_days_left", events."target", events."address", events."probe", events."collector", events."source" from (select * from "probes" where time >= $since and time < $until and "certificate_days_left" is not null) as events join times on events."target" is not distinct from times."target" and events."address" is not distinct from times."address" and events.time = times.time;
-- $since = 2026-01-03 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by failure, of two probe
with times as (select "target", "address", last[1] as time, list_median(list_transform(range(1, len(last)), lambda i: epoch_us(last[i]) - epoch_us(last[i + 1]))) as gap from (select "target", "address", list_reverse_sort(list_distinct(max(time, 10))) as last from "probes" where time >= $since and time < $until and "certificate_days_left" is not null group by "target", "address")) select epoch_us(events.time) as at, gap, events."certificate_days_left", events."target", events."address", events."failure", events."probe", events."collector", events."source" from (select * from "probes" where time >= $since and time < $until and "certificate_days_left" is not null) as events join times on events."target" is not distinct from times."target" and events."address" is not distinct from times."address" and events.time = times.time;
-- $since = 2026-01-10 00:00:00
-- $until = 2026-01-12 00:00:00
