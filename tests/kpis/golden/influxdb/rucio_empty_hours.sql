-- the whole range
SELECT count("value") AS "value" FROM (SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s) fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by component
SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "component" fill(none);
SELECT count("value") AS "value" FROM (SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "component" fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "component" fill(none);

-- by metric, of two component
SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("component" = 'it\'s' OR "component" = 'two') GROUP BY "metric";
SELECT count("value") AS "value" FROM (SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("component" = 'it\'s' OR "component" = 'two') GROUP BY time(3600s), "metric" fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "metric";
