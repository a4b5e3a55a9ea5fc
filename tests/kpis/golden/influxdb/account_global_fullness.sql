-- the whole range
SELECT "used", "account", "rse", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "account" != '' AND "rse" != '' AND "usage_source" = 'global' AND ("used" >= 0 OR "used" < 0) AND ("total" >= 0 OR "total" < 0);
SELECT "total", "account", "rse", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "account" != '' AND "rse" != '' AND "usage_source" = 'global' AND ("used" >= 0 OR "used" < 0) AND ("total" >= 0 OR "total" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by account
SELECT "used", "account", "rse", "collector", "source" FROM "storage" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "account" != '' AND "rse" != '' AND "usage_source" = 'global' AND ("used" >= 0 OR "used" < 0) AND ("total" >= 0 OR "total" < 0);
SELECT "total", "account", "rse", "collector", "source" FROM "storage" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "account" != '' AND "rse" != '' AND "usage_source" = 'global' AND ("used" >= 0 OR "used" < 0) AND ("total" >= 0 OR "total" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by rse, of two account
SELECT "used", "account", "rse", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "account" != '' AND "rse" != '' AND "usage_source" = 'global' AND ("used" >= 0 OR "used" < 0) AND ("total" >= 0 OR "total" < 0) AND ("account" = 'it\'s' OR "account" = 'two');
SELECT "total", "account", "rse", "collector", "source" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "account" != '' AND "rse" != '' AND "usage_source" = 'global' AND ("used" >= 0 OR "used" < 0) AND ("total" >= 0 OR "total" < 0) AND ("account" = 'it\'s' OR "account" = 'two');
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
