-- the whole range
select sum(part0) as value from (select "endpoint", "src_host", "dst_host", "protocol", arg_max("submitted", time) filter (where "submitted" is not null) as part0 from "fts_queue" where time >= $since and time < $until group by 1, 2, 3, 4);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by endpoint
select time as time, "endpoint", sum(part0) as value from (select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "endpoint", "src_host", "dst_host", "protocol", arg_max("submitted", time) filter (where "submitted" is not null) as part0 from "fts_queue" where time >= $since and time < $until group by 1, 2, 3, 4, 5) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600

-- by protocol, of two endpoint
select "protocol", sum(part0) as value from (select "protocol", "endpoint", "src_host", "dst_host", arg_max("submitted", time) filter (where "submitted" is not null) as part0 from "fts_queue" where time >= $since and time < $until and list_contains($p2, "endpoint") group by 1, 2, 3, 4) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
