-- the whole range
with times as (select "target", "address", unnest(max(time, 10)) as time from "probes" where time >= $since and time < $until and "certificate_days_left" is not null group by "target", "address") select epoch_us(time) as at, "certificate_days_left", "target", "address", "collector", "source" from "probes" as events semi join times on events."target" is not distinct from times."target" and events."address" is not distinct from times."address" and events.time is not distinct from times.time where time >= $since and time < $until and "certificate_days_left" is not null;
-- $since = 2026-01-10 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by probe
with times as (select "target", "address", unnest(max(time, 10)) as time from "probes" where time >= $since and time < $until and "certificate_days_left" is not null group by "target", "address" union select "target", "address", max(time) as time from "probes" where time >= $since and time < $until and "certificate_days_left" is not null group by "target", "address", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "certificate_days_left", "target", "address", "probe", "collector", "source" from "probes" as events semi join times on events."target" is not distinct from times."target" and events."address" is not distinct from times."address" and events.time is not distinct from times.time where time >= $since and time < $until and "certificate_days_left" is not null;
-- $since = 2026-01-03 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by failure, of two probe
with times as (select "target", "address", unnest(max(time, 10)) as time from "probes" where time >= $since and time < $until and "certificate_days_left" is not null group by "target", "address") select epoch_us(time) as at, "certificate_days_left", "target", "address", "failure", "probe", "collector", "source" from "probes" as events semi join times on events."target" is not distinct from times."target" and events."address" is not distinct from times."address" and events.time is not distinct from times.time where time >= $since and time < $until and "certificate_days_left" is not null;
-- $since = 2026-01-10 00:00:00
-- $until = 2026-01-12 00:00:00
