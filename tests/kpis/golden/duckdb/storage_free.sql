-- the whole range
select sum(part0) as value from (select "rse", arg_max("free", time) filter (where "free" is not null) as part0 from "storage" where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null group by 1);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by rse
select time as time, "rse", sum(part0) as value from (select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "rse", arg_max("free", time) filter (where "free" is not null) as part0 from "storage" where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null group by 1, 2) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600

-- by qos, of two rse
select "qos", sum(part0) as value from (select "qos", "rse", arg_max("free", time) filter (where "free" is not null) as part0 from "storage" where time >= $since and time < $until and "rse" is not null and "scope" is null and "account" is null and "experiment" is null and list_contains($p2, "rse") group by 1, 2) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
