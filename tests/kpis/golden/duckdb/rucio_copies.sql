-- the whole range
select count(distinct "request_id") as value from "transfers" where time >= $since and time < $until and "request_id" is not null and "kind" is distinct from $p2 and "source" = $p3 and "ok" = $p4;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = stagein
-- $p3 = rucio
-- $p4 = True

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", count(distinct "request_id") as value from "transfers" where time >= $since and time < $until and "request_id" is not null and "kind" is distinct from $p3 and "source" = $p4 and "ok" = $p5 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = stagein
-- $p4 = rucio
-- $p5 = True

-- by dst_type, of two vo
select "dst_type", count(distinct "request_id") as value from "transfers" where time >= $since and time < $until and "request_id" is not null and "kind" is distinct from $p2 and "source" = $p3 and "ok" = $p4 and list_contains($p5, "vo") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = stagein
-- $p3 = rucio
-- $p4 = True
-- $p5 = ["it's", 'two']
