-- the whole range
SELECT count(distinct("request_id")) AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND "kind" != 'stagein' AND "source" = 'rucio' AND "ok" = 1;

-- every hour, by vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND "kind" != 'stagein' AND "source" = 'rucio' AND "ok" = 1 GROUP BY time(3600s), "vo" fill(none);
SELECT count(distinct("request_id")) AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND "kind" != 'stagein' AND "source" = 'rucio' AND "ok" = 1 GROUP BY time(3600s), "vo" fill(none);

-- by dst_type, of two vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND "kind" != 'stagein' AND "source" = 'rucio' AND "ok" = 1 AND ("vo" = 'it\'s' OR "vo" = 'two') GROUP BY "dst_type";
SELECT count(distinct("request_id")) AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND "kind" != 'stagein' AND "source" = 'rucio' AND "ok" = 1 AND ("vo" = 'it\'s' OR "vo" = 'two') GROUP BY "dst_type";
