-- the whole range
select avg("value") as value from "hosts" where time >= $since and time < $until and list_contains($p2, "quantity");
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['load1']

-- every hour, by host
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "host", avg("value") as value from "hosts" where time >= $since and time < $until and list_contains($p3, "quantity") group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = ['load1']

-- by source, of two host
select "source", avg("value") as value from "hosts" where time >= $since and time < $until and list_contains($p2, "quantity") and list_contains($p3, "host") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['load1']
-- $p3 = ["it's", 'two']
