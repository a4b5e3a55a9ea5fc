-- the whole range
SELECT count("id") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'acknowledged' AND "severity" = 'page';

-- every hour, by rule
SELECT count("id") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'acknowledged' AND "severity" = 'page' GROUP BY time(3600s), "rule" fill(none);
SELECT count("id") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'acknowledged' AND "severity" = 'page' GROUP BY time(3600s), "rule" fill(none);

-- by vo, of two rule
SELECT count("id") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'acknowledged' AND "severity" = 'page' AND ("rule" = 'it\'s' OR "rule" = 'two') GROUP BY "vo";
SELECT count("id") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'acknowledged' AND "severity" = 'page' AND ("rule" = 'it\'s' OR "rule" = 'two') GROUP BY "vo";
