-- the whole range
select sum("bytes") filter (where "ok" = $p2) as value from "transfers" where time >= $since and time < $until and "source" = $p3;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = False
-- $p3 = rucio

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", sum("bytes") filter (where "ok" = $p3) as value from "transfers" where time >= $since and time < $until and "source" = $p4 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = False
-- $p4 = rucio

-- by datatype, of two vo
select "datatype", sum("bytes") filter (where "ok" = $p2) as value from "transfers" where time >= $since and time < $until and "source" = $p3 and list_contains($p4, "vo") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = False
-- $p3 = rucio
-- $p4 = ["it's", 'two']
