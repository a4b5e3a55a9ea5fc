-- the whole range
select sum(part0) as value from (select "instance", "series", nullif(count(distinct "value") filter (where "value" is not null), 0) - 1 as part0 from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 group by 1, 2);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = process
-- $p3 = start_time_seconds

-- every hour, by component
select time as time, "component", sum(part0) as value from (select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "component", "instance", "series", nullif(count(distinct "value") filter (where "value" is not null), 0) - 1 as part0 from "rucio" where time >= $since and time < $until and "component" = $p3 and "metric" = $p4 group by 1, 2, 3, 4) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = process
-- $p4 = start_time_seconds

-- by metric, of two component
select "metric", sum(part0) as value from (select "metric", "instance", "series", nullif(count(distinct "value") filter (where "value" is not null), 0) - 1 as part0 from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and list_contains($p4, "component") group by 1, 2, 3) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = process
-- $p3 = start_time_seconds
-- $p4 = ["it's", 'two']
