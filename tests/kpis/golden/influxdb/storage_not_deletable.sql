-- the whole range
SELECT "deletable", "rse", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "usage_source" = 'availability' AND ("deletable" = true OR "deletable" = false);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by rse
SELECT "deletable", "rse", "collector", "source" FROM "storage" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "usage_source" = 'availability' AND ("deletable" = true OR "deletable" = false);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by vo, of two rse
SELECT "deletable", "rse", "vo", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "usage_source" = 'availability' AND ("deletable" = true OR "deletable" = false) AND ("rse" = 'it\'s' OR "rse" = 'two');
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
