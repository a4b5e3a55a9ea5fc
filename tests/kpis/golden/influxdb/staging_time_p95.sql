-- the whole range
SELECT percentile("staging_s", 95) AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'fts';

-- every hour, by vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'fts' GROUP BY time(3600s), "vo" fill(none);
SELECT percentile("staging_s", 95) AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'fts' GROUP BY time(3600s), "vo" fill(none);

-- by multihop, of two vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'fts' AND ("vo" = 'it\'s' OR "vo" = 'two') GROUP BY "multihop";
SELECT percentile("staging_s", 95) AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'fts' AND ("vo" = 'it\'s' OR "vo" = 'two') GROUP BY "multihop";
