-- the whole range
with found as (select "rule_id", "poll", (time < $range, case when time >= $range then null end) as slot, (time, "rule_id" is not null, "rule_id") as place, {'at': epoch_us(time), 'rule_id': "rule_id", 'poll': "poll", 'event': "event", 'locks_replicating': "locks_replicating", 'locks_stuck': "locks_stuck", 'collector': "collector", 'source': "source"} as report from "rules" where time >= $since and time < $until) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "rule_id", "poll" union all select max_by(report, place) from found group by "rule_id", "poll", slot);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-12 00:00:00
with found as (select "collector", "source", "scope", (time < $range, case when time >= $range then null end) as slot, (time, "count" is not null, "count") as place, {'at': epoch_us(time), 'count': "count", 'collector': "collector", 'source': "source", 'scope': "scope", 'interval_s': "interval_s", 'kind': "kind", 'state': "state"} as report from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "collector", "source", "scope" union all select max_by(report, place) from found group by "collector", "source", "scope", slot);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-12 00:00:00

-- every hour, by vo
with found as (select "rule_id", "poll", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "rule_id" is not null, "rule_id") as place, {'at': epoch_us(time), 'rule_id': "rule_id", 'poll': "poll", 'vo': "vo", 'event': "event", 'locks_replicating': "locks_replicating", 'locks_stuck': "locks_stuck", 'collector': "collector", 'source': "source"} as report from "rules" where time >= $since and time < $until) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "rule_id", "poll" union all select max_by(report, place) from found group by "rule_id", "poll", slot);
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with found as (select "collector", "source", "scope", (time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) as slot, (time, "count" is not null, "count") as place, {'at': epoch_us(time), 'count': "count", 'collector': "collector", 'source': "source", 'scope': "scope", 'interval_s': "interval_s", 'kind': "kind", 'state': "state"} as report from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "collector", "source", "scope" union all select max_by(report, place) from found group by "collector", "source", "scope", slot);
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by error_template, of two vo
with found as (select "rule_id", "poll", (time < $range, case when time >= $range then null end) as slot, (time, "rule_id" is not null, "rule_id") as place, {'at': epoch_us(time), 'rule_id': "rule_id", 'poll': "poll", 'error_template': "error_template", 'event': "event", 'locks_replicating': "locks_replicating", 'locks_stuck': "locks_stuck", 'vo': "vo", 'collector': "collector", 'source': "source"} as report from "rules" where time >= $since and time < $until) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "rule_id", "poll" union all select max_by(report, place) from found group by "rule_id", "poll", slot);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-12 00:00:00
with found as (select "collector", "source", "scope", (time < $range, case when time >= $range then null end) as slot, (time, "count" is not null, "count") as place, {'at': epoch_us(time), 'count': "count", 'collector': "collector", 'source': "source", 'scope': "scope", 'interval_s': "interval_s", 'kind': "kind", 'state': "state"} as report from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null) select unnest(report) from (select unnest(max_by(report, place, 10)) as report from found group by "collector", "source", "scope" union all select max_by(report, place) from found group by "collector", "source", "scope", slot);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-12 00:00:00
