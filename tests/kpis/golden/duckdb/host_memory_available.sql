-- the whole range
select min("value") as value from "hosts" where time >= $since and time < $until and list_contains($p2, "quantity") and list_contains($p3, "source");
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['memory_available']
-- $p3 = ['node_exporter', 'telegraf']

-- every hour, by host
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "host", min("value") as value from "hosts" where time >= $since and time < $until and list_contains($p3, "quantity") and list_contains($p4, "source") group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = ['memory_available']
-- $p4 = ['node_exporter', 'telegraf']

-- by source, of two host
select "source", min("value") as value from "hosts" where time >= $since and time < $until and list_contains($p2, "quantity") and list_contains($p3, "source") and list_contains($p4, "host") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['memory_available']
-- $p3 = ['node_exporter', 'telegraf']
-- $p4 = ["it's", 'two']
