-- the whole range
select sum(part0) filter (where "metric" = $p2)::double / nullif(sum(part1), 0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part1 from "rucio" where time >= $since and time < $until and "component" = $p3 and list_contains($p4, "metric"));
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = token_cache_hit
-- $p3 = core.oidc
-- $p4 = ['token_cache_hit', 'token_cache_miss', 'token_cache_expired', 'token_cache_invalid']

-- every hour, by component
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "component", sum(part0) filter (where "metric" = $p3)::double / nullif(sum(part1), 0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part1 from "rucio" where time >= $since and time < $until and "component" = $p4 and list_contains($p5, "metric")) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = token_cache_hit
-- $p4 = core.oidc
-- $p5 = ['token_cache_hit', 'token_cache_miss', 'token_cache_expired', 'token_cache_invalid']

-- by metric, of two component
select "metric", sum(part0) filter (where "metric" = $p2)::double / nullif(sum(part1), 0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part1 from "rucio" where time >= $since and time < $until and "component" = $p3 and list_contains($p4, "metric") and list_contains($p5, "component")) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = token_cache_hit
-- $p3 = core.oidc
-- $p4 = ['token_cache_hit', 'token_cache_miss', 'token_cache_expired', 'token_cache_invalid']
-- $p5 = ["it's", 'two']
