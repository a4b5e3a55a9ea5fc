-- the whole range
SELECT "used", "storage_service", "media", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "storage_service" != '' AND "share" = '' AND ("used" >= 0 OR "used" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by storage_service
SELECT "used", "storage_service", "media", "collector", "source" FROM "storage" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "storage_service" != '' AND "share" = '' AND ("used" >= 0 OR "used" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by vo, of two storage_service
SELECT "used", "storage_service", "media", "vo", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "storage_service" != '' AND "share" = '' AND ("storage_service" = 'it\'s' OR "storage_service" = 'two') AND ("used" >= 0 OR "used" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
