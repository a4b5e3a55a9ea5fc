-- the whole range
select sum(part0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0 from "rucio" where time >= $since and time < $until and "component" = $p2 and list_contains($p3, "metric"));
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = lakescope
-- $p3 = ['statsd_dropped_packets', 'statsd_malformed_lines', 'statsd_refused_series']

-- every hour, by component
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "component", sum(part0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0 from "rucio" where time >= $since and time < $until and "component" = $p3 and list_contains($p4, "metric")) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = lakescope
-- $p4 = ['statsd_dropped_packets', 'statsd_malformed_lines', 'statsd_refused_series']

-- by metric, of two component
select "metric", sum(part0) as value from (select *, case when "value" >= lag("value" ignore nulls) over (partition by "instance", "series" order by time) then "value" - lag("value" ignore nulls) over (partition by "instance", "series" order by time) end as part0 from "rucio" where time >= $since and time < $until and "component" = $p2 and list_contains($p3, "metric") and list_contains($p4, "component")) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = lakescope
-- $p3 = ['statsd_dropped_packets', 'statsd_malformed_lines', 'statsd_refused_series']
-- $p4 = ["it's", 'two']
