-- the whole range
select sum("bytes") as value from "file_operations" where time >= $since and time < $until and "event" is distinct from $p2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = request

-- every hour, by event
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "event", sum("bytes") as value from "file_operations" where time >= $since and time < $until and "event" is distinct from $p3 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = request

-- by vo, of two event
select "vo", sum("bytes") as value from "file_operations" where time >= $since and time < $until and "event" is distinct from $p2 and list_contains($p3, "event") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = request
-- $p3 = ["it's", 'two']
