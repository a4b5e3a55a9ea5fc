-- the whole range
SELECT max("value") AS "value" FROM (SELECT abs("clock_error_s") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by src_site
SELECT count("id") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "src_site" fill(none);
SELECT max("value") AS "value" FROM (SELECT abs("clock_error_s") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "src_site" fill(none);

-- by vo, of two src_site
SELECT count("id") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("src_site" = 'it\'s' OR "src_site" = 'two') GROUP BY "vo";
SELECT max("value") AS "value" FROM (SELECT abs("clock_error_s") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("src_site" = 'it\'s' OR "src_site" = 'two') GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "vo";
