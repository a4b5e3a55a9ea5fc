-- the whole range
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND "quantity" = 'disk_free';
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("metric" = 'df_df_complex' OR "metric" = 'node_filesystem_size_bytes' OR "metric" = 'disk_total');

-- every hour, by host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' GROUP BY time(3600s), "host" fill(none);
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND "quantity" = 'disk_free' GROUP BY time(3600s), "host" fill(none);
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("metric" = 'df_df_complex' OR "metric" = 'node_filesystem_size_bytes' OR "metric" = 'disk_total') GROUP BY time(3600s), "host" fill(none);

-- by source, of two host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "source";
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("host" = 'it\'s' OR "host" = 'two') AND "quantity" = 'disk_free' GROUP BY "source";
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("host" = 'it\'s' OR "host" = 'two') AND ("metric" = 'df_df_complex' OR "metric" = 'node_filesystem_size_bytes' OR "metric" = 'disk_total') GROUP BY "source";
