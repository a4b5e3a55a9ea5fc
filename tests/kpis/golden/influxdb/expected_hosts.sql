-- the whole range
SELECT "id", "src_host", "task", "test", "dst_host", "ip_version", "poll", "collector", "source" FROM "expected_tests" WHERE time >= '2026-01-09T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "src_host" != '';
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-09T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by src_site
SELECT "id", "src_host", "task", "test", "dst_host", "ip_version", "poll", "src_site", "collector", "source" FROM "expected_tests" WHERE time >= '2026-01-02T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "src_host" != '';
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-02T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by vo, of two src_site
SELECT "id", "src_host", "task", "test", "dst_host", "ip_version", "poll", "vo", "src_site", "collector", "source" FROM "expected_tests" WHERE time >= '2026-01-09T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "src_host" != '';
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-09T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
