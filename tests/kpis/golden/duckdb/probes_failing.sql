-- the whole range
with found as (select "source", "probe", "target", "operation", "protocol", "address", (time < $range, case when time >= $range then null end) as slot, (time, "ok" is not null, "ok") as place, {'at': epoch_us(time), 'ok': "ok", 'source': "source", 'probe': "probe", 'target': "target", 'operation': "operation", 'protocol': "protocol", 'address': "address", 'collector': "collector"} as report from "probes" where time >= $since and time < $until) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "source", "probe", "target", "operation", "protocol", "address" union all select max_by(report, place) from found group by "source", "probe", "target", "operation", "protocol", "address", slot);
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-12 00:00:00

-- every hour, by probe
with found as (select "source", "probe", "target", "operation", "protocol", "address", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "ok" is not null, "ok") as place, {'at': epoch_us(time), 'ok': "ok", 'source': "source", 'probe': "probe", 'target': "target", 'operation': "operation", 'protocol': "protocol", 'address': "address", 'collector': "collector"} as report from "probes" where time >= $since and time < $until) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "source", "probe", "target", "operation", "protocol", "address" union all select max_by(report, place) from found group by "source", "probe", "target", "operation", "protocol", "address", slot);
-- $since = 2026-01-04 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by source, of two probe
with found as (select "source", "probe", "target", "operation", "protocol", "address", (time < $range, case when time >= $range then null end) as slot, (time, "ok" is not null, "ok") as place, {'at': epoch_us(time), 'ok': "ok", 'source': "source", 'probe': "probe", 'target': "target", 'operation': "operation", 'protocol': "protocol", 'address': "address", 'collector': "collector"} as report from "probes" where time >= $since and time < $until and list_contains($p2, "probe")) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "source", "probe", "target", "operation", "protocol", "address" union all select max_by(report, place) from found group by "source", "probe", "target", "operation", "protocol", "address", slot);
-- $since = 2026-01-11 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
-- $range = 2026-01-12 00:00:00
