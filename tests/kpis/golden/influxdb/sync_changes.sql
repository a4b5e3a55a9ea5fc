-- the whole range
SELECT sum("applied") AS "value" FROM "syncs" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by sync
SELECT count("id") AS "value" FROM "syncs" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "sync" fill(none);
SELECT sum("applied") AS "value" FROM "syncs" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "sync" fill(none);

-- by vo, of two sync
SELECT count("id") AS "value" FROM "syncs" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("sync" = 'it\'s' OR "sync" = 'two') GROUP BY "vo";
SELECT sum("applied") AS "value" FROM "syncs" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("sync" = 'it\'s' OR "sync" = 'two') GROUP BY "vo";
