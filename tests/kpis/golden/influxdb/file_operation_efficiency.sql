-- the whole range
SELECT mean("ok") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" != 'request';

-- every hour, by event
SELECT count("id") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" != 'request' GROUP BY time(3600s), "event" fill(none);
SELECT mean("ok") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" != 'request' GROUP BY time(3600s), "event" fill(none);

-- by vo, of two event
SELECT count("id") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" != 'request' AND ("event" = 'it\'s' OR "event" = 'two') GROUP BY "vo";
SELECT mean("ok") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" != 'request' AND ("event" = 'it\'s' OR "event" = 'two') GROUP BY "vo";
