-- the whole range
SELECT mean("active") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by endpoint
SELECT count("id") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "endpoint" fill(none);
SELECT mean("active") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "endpoint" fill(none);

-- by vo, of two endpoint
SELECT count("id") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("endpoint" = 'it\'s' OR "endpoint" = 'two') GROUP BY "vo";
SELECT mean("active") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("endpoint" = 'it\'s' OR "endpoint" = 'two') GROUP BY "vo";
