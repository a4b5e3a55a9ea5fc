-- the whole range
SELECT sum("value") AS "value" FROM (SELECT count(distinct("value")) - 1 AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'process' AND "metric" = 'start_time_seconds' GROUP BY "instance", "series") WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by component
SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'process' AND "metric" = 'start_time_seconds' GROUP BY time(3600s), "component" fill(none);
SELECT sum("value") AS "value" FROM (SELECT count(distinct("value")) - 1 AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'process' AND "metric" = 'start_time_seconds' GROUP BY time(3600s), "component", "instance", "series" fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "component" fill(none);

-- by metric, of two component
SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'process' AND "metric" = 'start_time_seconds' AND ("component" = 'it\'s' OR "component" = 'two') GROUP BY "metric";
SELECT sum("value") AS "value" FROM (SELECT count(distinct("value")) - 1 AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'process' AND "metric" = 'start_time_seconds' AND ("component" = 'it\'s' OR "component" = 'two') GROUP BY "metric", "instance", "series") WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "metric";
