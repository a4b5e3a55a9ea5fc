-- the whole range
select greatest(0, date_diff('hour', $first::timestamp, $last::timestamp)) - count(distinct case when time >= $first and time < $last then date_trunc('hour', time) end) as value from "file_operations" where time >= $since and time < $until;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $first = 2026-01-05 00:00:00
-- $last = 2026-01-12 00:00:00

-- every hour, by source
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "source", greatest(0, date_diff('hour', greatest($first, time_bucket(to_seconds($bin), time, timestamp '1970-01-01'))::timestamp, least($last, time_bucket(to_seconds($bin), time, timestamp '1970-01-01') + to_seconds($bin))::timestamp)) - count(distinct case when time >= $first and time < $last then date_trunc('hour', time) end) as value from "file_operations" where time >= $since and time < $until group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $first = 2026-01-05 00:00:00
-- $last = 2026-01-12 00:00:00

-- by site, of two source
select "site", greatest(0, date_diff('hour', $first::timestamp, $last::timestamp)) - count(distinct case when time >= $first and time < $last then date_trunc('hour', time) end) as value from "file_operations" where time >= $since and time < $until and list_contains($p4, "source") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $first = 2026-01-05 00:00:00
-- $last = 2026-01-12 00:00:00
-- $p4 = ["it's", 'two']
