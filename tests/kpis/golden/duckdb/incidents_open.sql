-- the whole range
with times as (select "incident", unnest(max(time, 10)) as time from "incidents" where time >= $since and time < $until and "event" = $p2 group by "incident") select epoch_us(time) as at, "incident", "state", "collector", "source" from "incidents" as events semi join times on events."incident" is not distinct from times."incident" and events.time is not distinct from times.time where time >= $since and time < $until and "event" = $p2;
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported

-- every hour, by severity
with times as (select "incident", unnest(max(time, 10)) as time from "incidents" where time >= $since and time < $until and "event" = $p2 group by "incident" union select "incident", max(time) as time from "incidents" where time >= $since and time < $until and "event" = $p2 group by "incident", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "incident", "severity", "state", "collector", "source" from "incidents" as events semi join times on events."incident" is not distinct from times."incident" and events.time is not distinct from times.time where time >= $since and time < $until and "event" = $p2;
-- $since = 2026-01-04 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two severity
with times as (select "incident", unnest(max(time, 10)) as time from "incidents" where time >= $since and time < $until and "event" = $p2 group by "incident") select epoch_us(time) as at, "incident", "vo", "state", "severity", "collector", "source" from "incidents" as events semi join times on events."incident" is not distinct from times."incident" and events.time is not distinct from times.time where time >= $since and time < $until and "event" = $p2;
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
