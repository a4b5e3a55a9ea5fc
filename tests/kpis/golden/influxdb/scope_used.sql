-- the whole range
SELECT "used", "scope", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "scope" != '' AND "rse" = '' AND "account" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("used" >= 0 OR "used" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by scope
SELECT "used", "scope", "collector", "source" FROM "storage" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "scope" != '' AND "rse" = '' AND "account" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("used" >= 0 OR "used" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by vo, of two scope
SELECT "used", "scope", "vo", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "scope" != '' AND "rse" = '' AND "account" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("scope" = 'it\'s' OR "scope" = 'two') AND ("used" >= 0 OR "used" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
