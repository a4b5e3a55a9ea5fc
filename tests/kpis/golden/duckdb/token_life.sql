-- the whole range
select min("token_life_s") as value from "pipeline" where time >= $since and time < $until and "stage" is distinct from $p2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = alerts

-- every hour, by instance
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "instance", min("token_life_s") as value from "pipeline" where time >= $since and time < $until and "stage" is distinct from $p3 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = alerts

-- by name, of two instance
select "name", min("token_life_s") as value from "pipeline" where time >= $since and time < $until and "stage" is distinct from $p2 and list_contains($p3, "instance") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = alerts
-- $p3 = ["it's", 'two']
