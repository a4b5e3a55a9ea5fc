-- the whole range
select sum(part0) as value from (select "src_host", "dst_host", "ip_version", nullif(count(distinct "route_id") filter (where "route_id" is not null), 0) - 1 as part0 from "network" where time >= $since and time < $until group by 1, 2, 3);
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by src_site
select time as time, "src_site", sum(part0) as value from (select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "src_site", "src_host", "dst_host", "ip_version", nullif(count(distinct "route_id") filter (where "route_id" is not null), 0) - 1 as part0 from "network" where time >= $since and time < $until group by 1, 2, 3, 4, 5) group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600

-- by vo, of two src_site
select "vo", sum(part0) as value from (select "vo", "src_host", "dst_host", "ip_version", nullif(count(distinct "route_id") filter (where "route_id" is not null), 0) - 1 as part0 from "network" where time >= $since and time < $until and list_contains($p2, "src_site") group by 1, 2, 3, 4) group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
