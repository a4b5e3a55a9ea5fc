-- the whole range
with found as (select "target", "address", (time < $range, case when time >= $range then null end) as slot, (time, "certificate_days_left" is not null, "certificate_days_left") as place, {'at': epoch_us(time), 'certificate_days_left': "certificate_days_left", 'target': "target", 'address': "address", 'collector': "collector", 'source': "source"} as report from "probes" where time >= $since and time < $until and "certificate_days_left" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "target", "address" union all select max_by(report, place) from found group by "target", "address", slot);
-- $since = 2026-01-10 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-12 00:00:00

-- every hour, by probe
with found as (select "target", "address", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "certificate_days_left" is not null, "certificate_days_left") as place, {'at': epoch_us(time), 'certificate_days_left': "certificate_days_left", 'target': "target", 'address': "address", 'probe': "probe", 'collector': "collector", 'source': "source"} as report from "probes" where time >= $since and time < $until and "certificate_days_left" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "target", "address" union all select max_by(report, place) from found group by "target", "address", slot);
-- $since = 2026-01-03 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by failure, of two probe
with found as (select "target", "address", (time < $range, case when time >= $range then null end) as slot, (time, "certificate_days_left" is not null, "certificate_days_left") as place, {'at': epoch_us(time), 'certificate_days_left': "certificate_days_left", 'target': "target", 'address': "address", 'failure': "failure", 'probe': "probe", 'collector': "collector", 'source': "source"} as report from "probes" where time >= $since and time < $until and "certificate_days_left" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "target", "address" union all select max_by(report, place) from found group by "target", "address", slot);
-- $since = 2026-01-10 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-12 00:00:00
