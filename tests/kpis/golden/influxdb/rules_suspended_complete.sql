-- the whole range
SELECT "rule_id", "poll", "event", "locks_replicating", "locks_stuck", "collector", "source" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by vo
SELECT "rule_id", "poll", "vo", "event", "locks_replicating", "locks_stuck", "collector", "source" FROM "rules" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z';
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by error_template, of two vo
SELECT "rule_id", "poll", "error_template", "event", "locks_replicating", "locks_stuck", "vo", "collector", "source" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
