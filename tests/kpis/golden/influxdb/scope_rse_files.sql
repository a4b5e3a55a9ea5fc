-- the whole range
SELECT "files", "scope", "rse", "qos", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "scope" != '' AND "rse" != '' AND "account" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("files" >= 0 OR "files" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by scope
SELECT "files", "scope", "rse", "qos", "collector", "source" FROM "storage" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "scope" != '' AND "rse" != '' AND "account" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("files" >= 0 OR "files" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by vo, of two scope
SELECT "files", "scope", "rse", "qos", "vo", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "scope" != '' AND "rse" != '' AND "account" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("scope" = 'it\'s' OR "scope" = 'two') AND ("files" >= 0 OR "files" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
