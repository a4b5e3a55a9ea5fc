-- the whole range
select count(*) filter (where "ok" = $p2) as value from "syncs" where time >= $since and time < $until;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = False

-- every hour, by sync
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "sync", count(*) filter (where "ok" = $p3) as value from "syncs" where time >= $since and time < $until group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = False

-- by vo, of two sync
select "vo", count(*) filter (where "ok" = $p2) as value from "syncs" where time >= $since and time < $until and list_contains($p3, "sync") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = False
-- $p3 = ["it's", 'two']
