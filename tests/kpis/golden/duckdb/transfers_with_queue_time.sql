-- the whole range
select count(*) filter (where "queue_s" is not null) as value from "transfers" where time >= $since and time < $until and "source" = $p2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rucio

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", count(*) filter (where "queue_s" is not null) as value from "transfers" where time >= $since and time < $until and "source" = $p3 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = rucio

-- by datatype, of two vo
select "datatype", count(*) filter (where "queue_s" is not null) as value from "transfers" where time >= $since and time < $until and "source" = $p2 and list_contains($p3, "vo") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rucio
-- $p3 = ["it's", 'two']
