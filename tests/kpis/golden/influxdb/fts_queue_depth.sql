-- the whole range
SELECT sum("value") AS "value" FROM (SELECT last("submitted") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "endpoint", "src_host", "dst_host", "protocol") WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by endpoint
SELECT count("id") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "endpoint" fill(none);
SELECT sum("value") AS "value" FROM (SELECT last("submitted") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "endpoint", "src_host", "dst_host", "protocol" fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "endpoint" fill(none);

-- by protocol, of two endpoint
SELECT count("id") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("endpoint" = 'it\'s' OR "endpoint" = 'two') GROUP BY "protocol";
SELECT sum("value") AS "value" FROM (SELECT last("submitted") AS "value" FROM "fts_queue" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("endpoint" = 'it\'s' OR "endpoint" = 'two') GROUP BY "protocol", "endpoint", "src_host", "dst_host") WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "protocol";
