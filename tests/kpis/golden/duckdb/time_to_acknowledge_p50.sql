-- the whole range
select quantile_cont("elapsed_s", 0.5) as value from "alerts" where time >= $since and time < $until and "event" = $p2 and "severity" = $p3;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = acknowledged
-- $p3 = page

-- every hour, by rule
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "rule", quantile_cont("elapsed_s", 0.5) as value from "alerts" where time >= $since and time < $until and "event" = $p3 and "severity" = $p4 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = acknowledged
-- $p4 = page

-- by vo, of two rule
select "vo", quantile_cont("elapsed_s", 0.5) as value from "alerts" where time >= $since and time < $until and "event" = $p2 and "severity" = $p3 and list_contains($p4, "rule") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = acknowledged
-- $p3 = page
-- $p4 = ["it's", 'two']
