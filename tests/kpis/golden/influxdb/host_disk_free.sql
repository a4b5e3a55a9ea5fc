-- the whole range
SELECT min("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'disk_free';

-- every hour, by host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'disk_free' GROUP BY time(3600s), "host" fill(none);
SELECT min("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'disk_free' GROUP BY time(3600s), "host" fill(none);

-- by source, of two host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'disk_free' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "source";
SELECT min("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'disk_free' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "source";
