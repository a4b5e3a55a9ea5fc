-- the whole range
SELECT "files", "experiment", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "experiment" != '' AND "rse" = '' AND "scope" = '' AND "account" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("files" >= 0 OR "files" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by experiment
SELECT "files", "experiment", "collector", "source" FROM "storage" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "experiment" != '' AND "rse" = '' AND "scope" = '' AND "account" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("files" >= 0 OR "files" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by vo, of two experiment
SELECT "files", "experiment", "vo", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "experiment" != '' AND "rse" = '' AND "scope" = '' AND "account" = '' AND "usage_source" = '' AND "storage_service" = '' AND ("experiment" = 'it\'s' OR "experiment" = 'two') AND ("files" >= 0 OR "files" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
