-- the whole range
select max("drift") as value from "syncs" where time >= $since and time < $until;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by sync
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "sync", max("drift") as value from "syncs" where time >= $since and time < $until group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600

-- by vo, of two sync
select "vo", max("drift") as value from "syncs" where time >= $since and time < $until and list_contains($p2, "sync") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
