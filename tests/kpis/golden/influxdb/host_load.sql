-- the whole range
SELECT mean("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'load1';

-- every hour, by host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'load1' GROUP BY time(3600s), "host" fill(none);
SELECT mean("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'load1' GROUP BY time(3600s), "host" fill(none);

-- by source, of two host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'load1' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "source";
SELECT mean("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'load1' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "source";
