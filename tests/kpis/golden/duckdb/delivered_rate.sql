-- the whole range
select sum("bytes") filter (where "ok" = $p3)::double / 604800.0 as value from "transfers" where time >= $since and time < $until and "source" = $p2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rucio
-- $p3 = True

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", sum("bytes") filter (where "ok" = $p4)::double / 3600.0 as value from "transfers" where time >= $since and time < $until and "source" = $p3 group by 1, 2 order by all;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = rucio
-- $p4 = True

-- by kind, of two vo
select "kind", sum("bytes") filter (where "ok" = $p4)::double / 604800.0 as value from "transfers" where time >= $since and time < $until and "source" = $p2 and list_contains($p3, "vo") group by 1 order by all;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rucio
-- $p3 = ["it's", 'two']
-- $p4 = True
