-- the whole range
select sum(part0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0 from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "state" = $p4);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = transfertool.fts3
-- $p3 = submission
-- $p4 = success

-- every hour, by component
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "component", sum(part0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0 from "rucio" where time >= $since and time < $until and "component" = $p3 and "metric" = $p4 and "state" = $p5) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = transfertool.fts3
-- $p4 = submission
-- $p5 = success

-- by metric, of two component
select "metric", sum(part0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0 from "rucio" where time >= $since and time < $until and "component" = $p2 and "metric" = $p3 and "state" = $p4 and list_contains($p5, "component")) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = transfertool.fts3
-- $p3 = submission
-- $p4 = success
-- $p5 = ["it's", 'two']
