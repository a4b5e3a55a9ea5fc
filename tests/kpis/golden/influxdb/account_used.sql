-- the whole range
SELECT "used", "account", "rse", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "account" != '' AND "rse" != '' AND "scope" = '' AND "experiment" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("used" >= 0 OR "used" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by account
SELECT "used", "account", "rse", "collector", "source" FROM "storage" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "account" != '' AND "rse" != '' AND "scope" = '' AND "experiment" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("used" >= 0 OR "used" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by vo, of two account
SELECT "used", "account", "rse", "vo", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "account" != '' AND "rse" != '' AND "scope" = '' AND "experiment" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("account" = 'it\'s' OR "account" = 'two') AND ("used" >= 0 OR "used" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
