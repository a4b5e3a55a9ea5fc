-- the whole range
SELECT "done_1h", "src_rse", "dst_rse", "activity", "poll", "collector", "source" FROM "requests" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("done_1h" >= 0 OR "done_1h" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by dst_rse
SELECT "done_1h", "src_rse", "dst_rse", "activity", "poll", "collector", "source" FROM "requests" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("done_1h" >= 0 OR "done_1h" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by activity, of two dst_rse
SELECT "done_1h", "src_rse", "dst_rse", "activity", "poll", "collector", "source" FROM "requests" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("dst_rse" = 'it\'s' OR "dst_rse" = 'two') AND ("done_1h" >= 0 OR "done_1h" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" != 'metrics' AND ("count" >= 0 OR "count" < 0);
