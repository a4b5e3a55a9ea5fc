-- the whole range
SELECT count("id") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "test" = 'throughput' AND ("throughput" >= 0 OR "throughput" < 0);

-- every hour, by src_site
SELECT count("id") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "test" = 'throughput' AND ("throughput" >= 0 OR "throughput" < 0) GROUP BY time(3600s), "src_site" fill(none);
SELECT count("id") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "test" = 'throughput' AND ("throughput" >= 0 OR "throughput" < 0) GROUP BY time(3600s), "src_site" fill(none);

-- by vo, of two src_site
SELECT count("id") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "test" = 'throughput' AND ("throughput" >= 0 OR "throughput" < 0) AND ("src_site" = 'it\'s' OR "src_site" = 'two') GROUP BY "vo";
SELECT count("id") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "test" = 'throughput' AND ("throughput" >= 0 OR "throughput" < 0) AND ("src_site" = 'it\'s' OR "src_site" = 'two') GROUP BY "vo";
