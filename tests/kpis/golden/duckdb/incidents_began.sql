-- the whole range
select count(distinct "incident") as value from "incidents" where time >= $since and time < $until and "event" = $p2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = began

-- every hour, by severity
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "severity", count(distinct "incident") as value from "incidents" where time >= $since and time < $until and "event" = $p3 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = began

-- by vo, of two severity
select "vo", count(distinct "incident") as value from "incidents" where time >= $since and time < $until and "event" = $p2 and list_contains($p3, "severity") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = began
-- $p3 = ["it's", 'two']
