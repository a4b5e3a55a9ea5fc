-- the whole range
SELECT "archiving", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("archiving" >= 0 OR "archiving" < 0);

-- every hour, by endpoint
SELECT "archiving", "endpoint", "src_host", "dst_host", "protocol", "collector", "source" FROM "fts_queue" WHERE time >= '2025-12-29T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("archiving" >= 0 OR "archiving" < 0);

-- by vo, of two endpoint
SELECT "archiving", "endpoint", "src_host", "dst_host", "protocol", "vo", "collector", "source" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("endpoint" = 'it\'s' OR "endpoint" = 'two') AND ("archiving" >= 0 OR "archiving" < 0);
