-- the whole range
SELECT "count", "scope", "collector", "source" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "kind" = 'rules' AND "complete" = true AND ("count" >= 0 OR "count" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND ("count" >= 0 OR "count" < 0);

-- every hour, by vo
SELECT "count", "scope", "vo", "collector", "source" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "kind" = 'rules' AND "complete" = true AND ("count" >= 0 OR "count" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND ("count" >= 0 OR "count" < 0);

-- by scope, of two vo
SELECT "count", "scope", "vo", "collector", "source" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "kind" = 'rules' AND "complete" = true AND ("count" >= 0 OR "count" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND ("count" >= 0 OR "count" < 0);
