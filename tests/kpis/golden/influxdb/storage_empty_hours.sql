-- the whole range
SELECT count("value") AS "value" FROM (SELECT count("id") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s) fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by rse
SELECT count("id") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "rse" fill(none);
SELECT count("value") AS "value" FROM (SELECT count("id") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "rse" fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "rse" fill(none);

-- by site, of two rse
SELECT count("id") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("rse" = 'it\'s' OR "rse" = 'two') GROUP BY "site";
SELECT count("value") AS "value" FROM (SELECT count("id") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("rse" = 'it\'s' OR "rse" = 'two') GROUP BY time(3600s), "site" fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "site";
