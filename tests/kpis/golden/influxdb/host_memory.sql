-- the whole range
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND "quantity" = 'memory_available';
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("metric" = 'memory_memory' OR "metric" = 'node_memory_MemTotal_bytes' OR "metric" = 'mem_total');

-- every hour, by host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' GROUP BY time(3600s), "host" fill(none);
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND "quantity" = 'memory_available' GROUP BY time(3600s), "host" fill(none);
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("metric" = 'memory_memory' OR "metric" = 'node_memory_MemTotal_bytes' OR "metric" = 'mem_total') GROUP BY time(3600s), "host" fill(none);

-- by source, of two host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "source";
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("host" = 'it\'s' OR "host" = 'two') AND "quantity" = 'memory_available' GROUP BY "source";
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" != '' AND ("host" = 'it\'s' OR "host" = 'two') AND ("metric" = 'memory_memory' OR "metric" = 'node_memory_MemTotal_bytes' OR "metric" = 'mem_total') GROUP BY "source";
