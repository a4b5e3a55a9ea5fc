-- the whole range
SELECT mean("ok") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by probe
SELECT count("id") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "probe" fill(none);
SELECT mean("ok") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "probe" fill(none);

-- by source, of two probe
SELECT count("id") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("probe" = 'it\'s' OR "probe" = 'two') GROUP BY "source";
SELECT mean("ok") AS "value" FROM "probes" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("probe" = 'it\'s' OR "probe" = 'two') GROUP BY "source";
