-- the whole range
select sum("bytes") filter (where "ok" = $p2 and "bytes" is not null and "transfer_s" is not null)::double / nullif(sum("transfer_s") filter (where "ok" = $p3 and "bytes" is not null and "transfer_s" is not null), 0) as value from "transfers" where time >= $since and time < $until and "source" = $p4;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = True
-- $p4 = rucio

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", sum("bytes") filter (where "ok" = $p3 and "bytes" is not null and "transfer_s" is not null)::double / nullif(sum("transfer_s") filter (where "ok" = $p4 and "bytes" is not null and "transfer_s" is not null), 0) as value from "transfers" where time >= $since and time < $until and "source" = $p5 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = True
-- $p4 = True
-- $p5 = rucio

-- by datatype, of two vo
select "datatype", sum("bytes") filter (where "ok" = $p2 and "bytes" is not null and "transfer_s" is not null)::double / nullif(sum("transfer_s") filter (where "ok" = $p3 and "bytes" is not null and "transfer_s" is not null), 0) as value from "transfers" where time >= $since and time < $until and "source" = $p4 and list_contains($p5, "vo") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = True
-- $p4 = rucio
-- $p5 = ["it's", 'two']
