-- the whole range
SELECT count("id") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "ok" = 0;

-- every hour, by probe
SELECT count("id") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "ok" = 0 GROUP BY time(3600s), "probe" fill(none);
SELECT count("id") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "ok" = 0 GROUP BY time(3600s), "probe" fill(none);

-- by failure, of two probe
SELECT count("id") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "ok" = 0 AND ("probe" = 'it\'s' OR "probe" = 'two') GROUP BY "failure";
SELECT count("id") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "ok" = 0 AND ("probe" = 'it\'s' OR "probe" = 'two') GROUP BY "failure";
