-- the whole range
select 1 - sum("value") filter (where list_contains($p2, "quantity"))::double / nullif(sum("value") filter (where list_contains($p3, "metric")), 0) as value from "hosts" where time >= $since and time < $until and "quantity" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['disk_free']
-- $p3 = ['df_df_complex', 'node_filesystem_size_bytes', 'disk_total']

-- every hour, by host
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "host", 1 - sum("value") filter (where list_contains($p3, "quantity"))::double / nullif(sum("value") filter (where list_contains($p4, "metric")), 0) as value from "hosts" where time >= $since and time < $until and "quantity" is not null group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = ['disk_free']
-- $p4 = ['df_df_complex', 'node_filesystem_size_bytes', 'disk_total']

-- by source, of two host
select "source", 1 - sum("value") filter (where list_contains($p2, "quantity"))::double / nullif(sum("value") filter (where list_contains($p3, "metric")), 0) as value from "hosts" where time >= $since and time < $until and "quantity" is not null and list_contains($p4, "host") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ['disk_free']
-- $p3 = ['df_df_complex', 'node_filesystem_size_bytes', 'disk_total']
-- $p4 = ["it's", 'two']
