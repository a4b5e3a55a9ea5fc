-- the whole range
select count(*) filter (where "status" = $p2)::double / nullif(count(*) filter (where list_contains($p3, "status")), 0) as value from "probes" where time >= $since and time < $until;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ok
-- $p3 = ['ok', 'warning', 'critical']

-- every hour, by probe
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "probe", count(*) filter (where "status" = $p3)::double / nullif(count(*) filter (where list_contains($p4, "status")), 0) as value from "probes" where time >= $since and time < $until group by 1, 2 order by all;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = ok
-- $p4 = ['ok', 'warning', 'critical']

-- by vo, of two probe
select "vo", count(*) filter (where "status" = $p3)::double / nullif(count(*) filter (where list_contains($p4, "status")), 0) as value from "probes" where time >= $since and time < $until and list_contains($p2, "probe") group by 1 order by all;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
-- $p3 = ok
-- $p4 = ['ok', 'warning', 'critical']
