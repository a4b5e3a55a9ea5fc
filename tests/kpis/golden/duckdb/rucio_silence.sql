-- the whole range
select epoch($until - max(time)) as value from "rucio" where time >= $since and time < $until;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by component
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "component", epoch(least($until, time_bucket(to_seconds($bin), time, timestamp '1970-01-01') + to_seconds($bin)) - max(time)) as value from "rucio" where time >= $since and time < $until group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600

-- by metric, of two component
select "metric", epoch($until - max(time)) as value from "rucio" where time >= $since and time < $until and list_contains($p2, "component") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
