-- the whole range
select count(*) as value from "alerts" where time >= $since and time < $until and "event" = $p2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = opened

-- every hour, by rule
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "rule", count(*) as value from "alerts" where time >= $since and time < $until and "event" = $p3 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = opened

-- by vo, of two rule
select "vo", count(*) as value from "alerts" where time >= $since and time < $until and "event" = $p2 and list_contains($p3, "rule") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = opened
-- $p3 = ["it's", 'two']
