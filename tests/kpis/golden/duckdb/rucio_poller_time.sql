-- the whole range
select sum(part0) filter (where "part" = $p2)::double / nullif(sum(part1) filter (where "part" = $p3), 0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part1 from "rucio" where time >= $since and time < $until and "component" = $p4 and "metric" = $p5);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = sum
-- $p3 = count
-- $p4 = daemons.conveyor.poller
-- $p5 = bulk_query_transfers

-- every hour, by component
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "component", sum(part0) filter (where "part" = $p3)::double / nullif(sum(part1) filter (where "part" = $p4), 0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part1 from "rucio" where time >= $since and time < $until and "component" = $p5 and "metric" = $p6) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = sum
-- $p4 = count
-- $p5 = daemons.conveyor.poller
-- $p6 = bulk_query_transfers

-- by metric, of two component
select "metric", sum(part0) filter (where "part" = $p2)::double / nullif(sum(part1) filter (where "part" = $p3), 0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part1 from "rucio" where time >= $since and time < $until and "component" = $p4 and "metric" = $p5 and list_contains($p6, "component")) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = sum
-- $p3 = count
-- $p4 = daemons.conveyor.poller
-- $p5 = bulk_query_transfers
-- $p6 = ["it's", 'two']
