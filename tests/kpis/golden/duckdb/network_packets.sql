-- the whole range
select sum("packets_sent") filter (where "packets_sent" is not null and "packets_lost" is not null) as value from "network" where time >= $since and time < $until and list_contains($p2, "test");
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['latency', 'latencybg', 'rtt']

-- every hour, by src_site
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "src_site", sum("packets_sent") filter (where "packets_sent" is not null and "packets_lost" is not null) as value from "network" where time >= $since and time < $until and list_contains($p3, "test") group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = ['latency', 'latencybg', 'rtt']

-- by vo, of two src_site
select "vo", sum("packets_sent") filter (where "packets_sent" is not null and "packets_lost" is not null) as value from "network" where time >= $since and time < $until and list_contains($p2, "test") and list_contains($p3, "src_site") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['latency', 'latencybg', 'rtt']
-- $p3 = ["it's", 'two']
