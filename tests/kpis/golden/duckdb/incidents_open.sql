-- the whole range
with found as (select "incident", (time < $range, case when time >= $range then null end) as slot, (time, "incident" is not null, "incident") as place, {'at': epoch_us(time), 'incident': "incident", 'state': "state", 'collector': "collector", 'source': "source"} as report from "incidents" where time >= $since and time < $until and "event" = $p2) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "incident" union all select max_by(report, place) from found group by "incident", slot);
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
-- $range = 2026-01-12 00:00:00

-- every hour, by severity
with found as (select "incident", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "incident" is not null, "incident") as place, {'at': epoch_us(time), 'incident': "incident", 'severity': "severity", 'state': "state", 'collector': "collector", 'source': "source"} as report from "incidents" where time >= $since and time < $until and "event" = $p2) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "incident" union all select max_by(report, place) from found group by "incident", slot);
-- $since = 2026-01-04 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two severity
with found as (select "incident", (time < $range, case when time >= $range then null end) as slot, (time, "incident" is not null, "incident") as place, {'at': epoch_us(time), 'incident': "incident", 'vo': "vo", 'state': "state", 'severity': "severity", 'collector': "collector", 'source': "source"} as report from "incidents" where time >= $since and time < $until and "event" = $p2) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "incident" union all select max_by(report, place) from found group by "incident", slot);
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
-- $range = 2026-01-12 00:00:00
