-- the whole range
SELECT "finished", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("finished" >= 0 OR "finished" < 0) AND ("ended" >= 0 OR "ended" < 0);
SELECT "ended", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("finished" >= 0 OR "finished" < 0) AND ("ended" >= 0 OR "ended" < 0);

-- every hour, by endpoint
SELECT "finished", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" FROM "fts_queue" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("finished" >= 0 OR "finished" < 0) AND ("ended" >= 0 OR "ended" < 0);
SELECT "ended", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" FROM "fts_queue" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("finished" >= 0 OR "finished" < 0) AND ("ended" >= 0 OR "ended" < 0);

-- by vo, of two endpoint
SELECT "finished", "endpoint", "src_host", "dst_host", "protocol", "vo", "collector", "source" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("finished" >= 0 OR "finished" < 0) AND ("ended" >= 0 OR "ended" < 0) AND ("endpoint" = 'it\'s' OR "endpoint" = 'two');
SELECT "ended", "endpoint", "src_host", "dst_host", "protocol", "vo", "collector", "source" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("finished" >= 0 OR "finished" < 0) AND ("ended" >= 0 OR "ended" < 0) AND ("endpoint" = 'it\'s' OR "endpoint" = 'two');
