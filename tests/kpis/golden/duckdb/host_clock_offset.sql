-- the whole range
with times as (select "host", "series", unnest(max(time, 10)) as time from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null group by "host", "series") select epoch_us(time) as at, "value", "host", "series", "collector", "source" from "hosts" as events semi join times on events."host" is not distinct from times."host" and events."series" is not distinct from times."series" and events.time is not distinct from times.time where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null;
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['clock_offset']

-- every hour, by host
with times as (select "host", "series", unnest(max(time, 10)) as time from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null group by "host", "series" union select "host", "series", max(time) as time from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null group by "host", "series", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "value", "host", "series", "collector", "source" from "hosts" as events semi join times on events."host" is not distinct from times."host" and events."series" is not distinct from times."series" and events.time is not distinct from times.time where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and "value" is not null;
-- $since = 2026-01-04 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['clock_offset']
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two host
with times as (select "host", "series", unnest(max(time, 10)) as time from "hosts" where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and list_contains($p3, "host") and "value" is not null group by "host", "series") select epoch_us(time) as at, "value", "host", "series", "vo", "collector", "source" from "hosts" as events semi join times on events."host" is not distinct from times."host" and events."series" is not distinct from times."series" and events.time is not distinct from times.time where time >= $since and time < $until and "series" is not null and list_contains($p2, "quantity") and list_contains($p3, "host") and "value" is not null;
-- $since = 2026-01-11 23:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['clock_offset']
-- $p3 = ["it's", 'two']
