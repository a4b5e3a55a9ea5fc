-- the whole range
select avg("ok"::int) as value from "transfers" where time >= $since and time < $until and "source" = $p2 and "user_error" is distinct from $p3;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rucio
-- $p3 = True

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", avg("ok"::int) as value from "transfers" where time >= $since and time < $until and "source" = $p3 and "user_error" is distinct from $p4 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = rucio
-- $p4 = True

-- by datatype, of two vo
select "datatype", avg("ok"::int) as value from "transfers" where time >= $since and time < $until and "source" = $p2 and "user_error" is distinct from $p3 and list_contains($p4, "vo") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rucio
-- $p3 = True
-- $p4 = ["it's", 'two']
