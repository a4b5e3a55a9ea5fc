-- the whole range
select sum(part0) as value from (select "endpoint", "src_host", "dst_host", arg_max("submitted", time) filter (where "submitted" is not null) as part0 from "fts_queue" where time >= $since and time < $until group by 1, 2, 3);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by endpoint
select time, "endpoint", sum(part0) as value from (select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "endpoint", "src_host", "dst_host", arg_max("submitted", time) filter (where "submitted" is not null) as part0 from "fts_queue" where time >= $since and time < $until group by 1, 2, 3, 4) group by 1, 2 order by all;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600

-- by dst_host, of two endpoint
select "dst_host", sum(part0) as value from (select "dst_host", "endpoint", "src_host", arg_max("submitted", time) filter (where "submitted" is not null) as part0 from "fts_queue" where time >= $since and time < $until and list_contains($p2, "endpoint") group by 1, 2, 3) group by 1 order by all;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
