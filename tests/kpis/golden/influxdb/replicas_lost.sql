-- the whole range
SELECT "count", "rse", "state", "reason", "poll", "collector", "source" FROM "replicas" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("count" >= 0 OR "count" < 0) AND "state" = 'lost';
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by rse
SELECT "count", "rse", "state", "reason", "poll", "collector", "source" FROM "replicas" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("count" >= 0 OR "count" < 0) AND "state" = 'lost';
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by vo, of two rse
SELECT "count", "rse", "state", "reason", "poll", "vo", "collector", "source" FROM "replicas" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("count" >= 0 OR "count" < 0) AND "state" = 'lost' AND ("rse" = 'it\'s' OR "rse" = 'two');
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
