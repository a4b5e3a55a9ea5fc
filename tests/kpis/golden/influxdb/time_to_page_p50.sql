-- the whole range
SELECT median("elapsed_s") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'notified' AND "severity" = 'page';

-- every hour, by rule
SELECT count("id") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'notified' AND "severity" = 'page' GROUP BY time(3600s), "rule" fill(none);
SELECT median("elapsed_s") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'notified' AND "severity" = 'page' GROUP BY time(3600s), "rule" fill(none);

-- by vo, of two rule
SELECT count("id") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'notified' AND "severity" = 'page' AND ("rule" = 'it\'s' OR "rule" = 'two') GROUP BY "vo";
SELECT median("elapsed_s") AS "value" FROM "alerts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'notified' AND "severity" = 'page' AND ("rule" = 'it\'s' OR "rule" = 'two') GROUP BY "vo";
