-- the whole range
select sum(part0) filter (where list_contains($p2, "quantity"))::double / nullif(sum(part1), 0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) then "value" - lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) end as part0, case when "value" >= lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) then "value" - lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) end as part1 from "hosts" where time >= $since and time < $until and "type" = $p3 and list_contains($p4, "quantity"));
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['cpu_busy']
-- $p3 = counter
-- $p4 = ['cpu_busy', 'cpu_idle']

-- every hour, by host
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "host", sum(part0) filter (where list_contains($p3, "quantity"))::double / nullif(sum(part1), 0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) then "value" - lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) end as part0, case when "value" >= lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) then "value" - lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) end as part1 from "hosts" where time >= $since and time < $until and "type" = $p4 and list_contains($p5, "quantity")) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = ['cpu_busy']
-- $p4 = counter
-- $p5 = ['cpu_busy', 'cpu_idle']

-- by vo, of two host
select "vo", sum(part0) filter (where list_contains($p2, "quantity"))::double / nullif(sum(part1), 0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) then "value" - lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) end as part0, case when "value" >= lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) then "value" - lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) end as part1 from "hosts" where time >= $since and time < $until and "type" = $p3 and list_contains($p4, "quantity") and list_contains($p5, "host")) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['cpu_busy']
-- $p3 = counter
-- $p4 = ['cpu_busy', 'cpu_idle']
-- $p5 = ["it's", 'two']
