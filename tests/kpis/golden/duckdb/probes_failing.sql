-- the whole range
with times as (select "source", "probe", "target", "operation", "protocol", "address", unnest(max(time, 10)) as time from "probes" where time >= $since and time < $until group by "source", "probe", "target", "operation", "protocol", "address") select epoch_us(time) as at, "ok", "source", "probe", "target", "operation", "protocol", "address", "collector" from "probes" as events semi join times on events."source" is not distinct from times."source" and events."probe" is not distinct from times."probe" and events."target" is not distinct from times."target" and events."operation" is not distinct from times."operation" and events."protocol" is not distinct from times."protocol" and events."address" is not distinct from times."address" and events.time is not distinct from times.time where time >= $since and time < $until;
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by probe
with times as (select "source", "probe", "target", "operation", "protocol", "address", unnest(max(time, 10)) as time from "probes" where time >= $since and time < $until group by "source", "probe", "target", "operation", "protocol", "address" union select "source", "probe", "target", "operation", "protocol", "address", max(time) as time from "probes" where time >= $since and time < $until group by "source", "probe", "target", "operation", "protocol", "address", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "ok", "source", "probe", "target", "operation", "protocol", "address", "collector" from "probes" as events semi join times on events."source" is not distinct from times."source" and events."probe" is not distinct from times."probe" and events."target" is not distinct from times."target" and events."operation" is not distinct from times."operation" and events."protocol" is not distinct from times."protocol" and events."address" is not distinct from times."address" and events.time is not distinct from times.time where time >= $since and time < $until;
-- $since = 2026-01-04 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by source, of two probe
with times as (select "source", "probe", "target", "operation", "protocol", "address", unnest(max(time, 10)) as time from "probes" where time >= $since and time < $until and list_contains($p2, "probe") group by "source", "probe", "target", "operation", "protocol", "address") select epoch_us(time) as at, "ok", "source", "probe", "target", "operation", "protocol", "address", "collector" from "probes" as events semi join times on events."source" is not distinct from times."source" and events."probe" is not distinct from times."probe" and events."target" is not distinct from times."target" and events."operation" is not distinct from times."operation" and events."protocol" is not distinct from times."protocol" and events."address" is not distinct from times."address" and events.time is not distinct from times.time where time >= $since and time < $until and list_contains($p2, "probe");
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
