-- the whole range
SELECT count("value") AS "value" FROM (SELECT count("id") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s) fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by source
SELECT count("id") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "source" fill(none);
SELECT count("value") AS "value" FROM (SELECT count("id") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "source" fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "source" fill(none);

-- by site, of two source
SELECT count("id") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("source" = 'it\'s' OR "source" = 'two') GROUP BY "site";
SELECT count("value") AS "value" FROM (SELECT count("id") AS "value" FROM "file_operations" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("source" = 'it\'s' OR "source" = 'two') GROUP BY time(3600s), "site" fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "site";
