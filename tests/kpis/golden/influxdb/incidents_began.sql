-- the whole range
SELECT count(distinct("incident")) AS "value" FROM "incidents" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'began';

-- every hour, by severity
SELECT count("id") AS "value" FROM "incidents" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'began' GROUP BY time(3600s), "severity" fill(none);
SELECT count(distinct("incident")) AS "value" FROM "incidents" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'began' GROUP BY time(3600s), "severity" fill(none);

-- by vo, of two severity
SELECT count("id") AS "value" FROM "incidents" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'began' AND ("severity" = 'it\'s' OR "severity" = 'two') GROUP BY "vo";
SELECT count(distinct("incident")) AS "value" FROM "incidents" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'began' AND ("severity" = 'it\'s' OR "severity" = 'two') GROUP BY "vo";
