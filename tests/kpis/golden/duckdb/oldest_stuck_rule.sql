-- the whole range
select epoch_us(time) as at, "stuck_s", "rule_id", "poll", "event", "collector", "source" from "rules" where time >= $since and time < $until qualify row_number() over (partition by "rule_id", "poll", time < $range, case when time >= $range then null end order by time desc, "stuck_s" desc) <= 1 or row_number() over (partition by "rule_id", "poll" order by time desc, "stuck_s" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null qualify row_number() over (partition by "collector", "source", "scope", time < $range, case when time >= $range then null end order by time desc, "count" desc) <= 1 or row_number() over (partition by "collector", "source", "scope" order by time desc, "count" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $range = 2026-01-05 00:00:00

-- every hour, by vo
select epoch_us(time) as at, "stuck_s", "rule_id", "poll", "vo", "event", "collector", "source" from "rules" where time >= $since and time < $until qualify row_number() over (partition by "rule_id", "poll", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end order by time desc, "stuck_s" desc) <= 1 or row_number() over (partition by "rule_id", "poll" order by time desc, "stuck_s" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null qualify row_number() over (partition by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end order by time desc, "count" desc) <= 1 or row_number() over (partition by "collector", "source", "scope" order by time desc, "count" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by scope, of two vo
select epoch_us(time) as at, "stuck_s", "rule_id", "poll", "scope", "event", "vo", "collector", "source" from "rules" where time >= $since and time < $until qualify row_number() over (partition by "rule_id", "poll", time < $range, case when time >= $range then null end order by time desc, "stuck_s" desc) <= 1 or row_number() over (partition by "rule_id", "poll" order by time desc, "stuck_s" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" where time >= $since and time < $until and "complete" = $p2 and "count" is not null qualify row_number() over (partition by "collector", "source", "scope", time < $range, case when time >= $range then null end order by time desc, "count" desc) <= 1 or row_number() over (partition by "collector", "source", "scope" order by time desc, "count" desc) <= 10;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $range = 2026-01-05 00:00:00
