-- the whole range
select count(*) filter (where "source" = $p2 and "ok" = $p3)::double / nullif(count(*) filter (where "source" = $p4 and "ok" = $p5 and "kind" = $p6), 0) as value from "transfers" where time >= $since and time < $until and "request_id" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = fts
-- $p3 = True
-- $p4 = rucio
-- $p5 = True
-- $p6 = transfer

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", count(*) filter (where "source" = $p3 and "ok" = $p4)::double / nullif(count(*) filter (where "source" = $p5 and "ok" = $p6 and "kind" = $p7), 0) as value from "transfers" where time >= $since and time < $until and "request_id" is not null group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = fts
-- $p4 = True
-- $p5 = rucio
-- $p6 = True
-- $p7 = transfer

-- by dst_site, of two vo
select "dst_site", count(*) filter (where "source" = $p2 and "ok" = $p3)::double / nullif(count(*) filter (where "source" = $p4 and "ok" = $p5 and "kind" = $p6), 0) as value from "transfers" where time >= $since and time < $until and "request_id" is not null and list_contains($p7, "vo") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = fts
-- $p3 = True
-- $p4 = rucio
-- $p5 = True
-- $p6 = transfer
-- $p7 = ["it's", 'two']
