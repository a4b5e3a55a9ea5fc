-- the whole range
select (sum(part0)::double / 604800.0) * 8 as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) then "value" - lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) end as part0 from "hosts" where time >= $since and time < $until and "type" = $p2 and list_contains($p3, "quantity"));
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = counter
-- $p3 = ['network_sent']

-- every hour, by host
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "host", (sum(part0)::double / epoch(least($until, time_bucket(to_seconds($bin), time, timestamp '1970-01-01') + to_seconds($bin)) - greatest($since, time_bucket(to_seconds($bin), time, timestamp '1970-01-01')))) * 8 as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) then "value" - lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) end as part0 from "hosts" where time >= $since and time < $until and "type" = $p3 and list_contains($p4, "quantity")) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = counter
-- $p4 = ['network_sent']

-- by vo, of two host
select "vo", (sum(part0)::double / 604800.0) * 8 as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) then "value" - lag("value" ignore nulls) over (partition by "host", "metric", "labels" order by time) end as part0 from "hosts" where time >= $since and time < $until and "type" = $p2 and list_contains($p3, "quantity") and list_contains($p4, "host")) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = counter
-- $p3 = ['network_sent']
-- $p4 = ["it's", 'two']
