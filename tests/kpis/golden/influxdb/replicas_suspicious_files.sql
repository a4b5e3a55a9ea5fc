-- the whole range
SELECT "attempts", "rse", "scope", "name", "poll", "collector", "source" FROM "replicas" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("attempts" >= 0 OR "attempts" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by rse
SELECT "attempts", "rse", "scope", "name", "poll", "collector", "source" FROM "replicas" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("attempts" >= 0 OR "attempts" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by vo, of two rse
SELECT "attempts", "rse", "scope", "name", "poll", "vo", "collector", "source" FROM "replicas" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("attempts" >= 0 OR "attempts" < 0) AND ("rse" = 'it\'s' OR "rse" = 'two');
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
