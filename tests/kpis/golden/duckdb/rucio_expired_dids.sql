-- the whole range
with found as (select "instance", "series", "poll", (time < $range, case when time >= $range then null end) as slot, (time, "value" is not null, "value") as place, {'at': epoch_us(time), 'value': "value", 'instance': "instance", 'series': "series", 'poll': "poll", 'collector': "collector", 'source': "source"} as report from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "instance", "series", "poll" union all select max_by(report, place) from found group by "instance", "series", "poll", slot);
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = probes
-- $p3 = undertaker_expired_dids
-- $range = 2026-01-12 00:00:00
with found as (select "collector", "source", "scope", (time < $range, case when time >= $range then null end) as slot, (time, "count" is not null, "count") as place, {'at': epoch_us(time), 'count': "count", 'collector': "collector", 'source': "source", 'scope': "scope", 'interval_s': "interval_s", 'kind': "kind", 'state': "state"} as report from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "collector", "source", "scope" union all select max_by(report, place) from found group by "collector", "source", "scope", slot);
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-12 00:00:00

-- every hour, by component
with found as (select "instance", "series", "poll", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "value" is not null, "value") as place, {'at': epoch_us(time), 'value': "value", 'instance': "instance", 'series': "series", 'poll': "poll", 'component': "component", 'collector': "collector", 'source': "source"} as report from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "instance", "series", "poll" union all select max_by(report, place) from found group by "instance", "series", "poll", slot);
-- $since = 2026-01-04 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = probes
-- $p3 = undertaker_expired_dids
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with found as (select "collector", "source", "scope", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "count" is not null, "count") as place, {'at': epoch_us(time), 'count': "count", 'collector': "collector", 'source': "source", 'scope': "scope", 'interval_s': "interval_s", 'kind': "kind", 'state': "state"} as report from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "collector", "source", "scope" union all select max_by(report, place) from found group by "collector", "source", "scope", slot);
-- $since = 2026-01-04 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by metric, of two component
with found as (select "instance", "series", "poll", (time < $range, case when time >= $range then null end) as slot, (time, "value" is not null, "value") as place, {'at': epoch_us(time), 'value': "value", 'instance': "instance", 'series': "series", 'poll': "poll", 'metric': "metric", 'component': "component", 'collector': "collector", 'source': "source"} as report from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "value" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "instance", "series", "poll" union all select max_by(report, place) from found group by "instance", "series", "poll", slot);
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = probes
-- $p3 = undertaker_expired_dids
-- $range = 2026-01-12 00:00:00
with found as (select "collector", "source", "scope", (time < $range, case when time >= $range then null end) as slot, (time, "count" is not null, "count") as place, {'at': epoch_us(time), 'count': "count", 'collector': "collector", 'source': "source", 'scope': "scope", 'interval_s': "interval_s", 'kind': "kind", 'state': "state"} as report from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" = $p3 and "count" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "collector", "source", "scope" union all select max_by(report, place) from found group by "collector", "source", "scope", slot);
-- $since = 2026-01-11 18:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-12 00:00:00
