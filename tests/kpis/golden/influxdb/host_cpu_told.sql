-- the whole range
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'gauge' AND ("quantity" = 'cpu_busy' OR "quantity" = 'cpu_idle') AND "quantity" = 'cpu_busy';
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'gauge' AND ("quantity" = 'cpu_busy' OR "quantity" = 'cpu_idle');

-- every hour, by host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'gauge' AND ("quantity" = 'cpu_busy' OR "quantity" = 'cpu_idle') GROUP BY time(3600s), "host" fill(none);
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'gauge' AND ("quantity" = 'cpu_busy' OR "quantity" = 'cpu_idle') AND "quantity" = 'cpu_busy' GROUP BY time(3600s), "host" fill(none);
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'gauge' AND ("quantity" = 'cpu_busy' OR "quantity" = 'cpu_idle') GROUP BY time(3600s), "host" fill(none);

-- by source, of two host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'gauge' AND ("quantity" = 'cpu_busy' OR "quantity" = 'cpu_idle') AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "source";
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'gauge' AND ("quantity" = 'cpu_busy' OR "quantity" = 'cpu_idle') AND ("host" = 'it\'s' OR "host" = 'two') AND "quantity" = 'cpu_busy' GROUP BY "source";
SELECT sum("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'gauge' AND ("quantity" = 'cpu_busy' OR "quantity" = 'cpu_idle') AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "source";
