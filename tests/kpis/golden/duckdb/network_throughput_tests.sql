-- the whole range
select count(*) as value from "network" where time >= $since and time < $until and "test" = $p2 and "throughput" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = throughput

-- every hour, by src_site
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "src_site", count(*) as value from "network" where time >= $since and time < $until and "test" = $p3 and "throughput" is not null group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = throughput

-- by vo, of two src_site
select "vo", count(*) as value from "network" where time >= $since and time < $until and "test" = $p2 and "throughput" is not null and list_contains($p3, "src_site") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = throughput
-- $p3 = ["it's", 'two']
