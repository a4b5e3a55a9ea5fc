-- the whole range
select sum(part0)::double / 604800.0 as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0 from "rucio" where time >= $since and time < $until and list_contains($p2, "metric"));
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['accesses', 'client_requests', 'http_request']

-- every hour, by component
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "component", sum(part0)::double / epoch(least($until, time_bucket(to_seconds($bin), time, timestamp '1970-01-01') + to_seconds($bin)) - greatest($since, time_bucket(to_seconds($bin), time, timestamp '1970-01-01'))) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0 from "rucio" where time >= $since and time < $until and list_contains($p3, "metric")) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = ['accesses', 'client_requests', 'http_request']

-- by metric, of two component
select "metric", sum(part0)::double / 604800.0 as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0 from "rucio" where time >= $since and time < $until and list_contains($p2, "metric") and list_contains($p3, "component")) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['accesses', 'client_requests', 'http_request']
-- $p3 = ["it's", 'two']
