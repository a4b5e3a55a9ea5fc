-- the whole range
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND "source" = 'fts' AND "ok" = 1;
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND "source" = 'rucio' AND "ok" = 1 AND "kind" = 'transfer';

-- every hour, by vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ GROUP BY time(3600s), "vo" fill(none);
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND "source" = 'fts' AND "ok" = 1 GROUP BY time(3600s), "vo" fill(none);
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND "source" = 'rucio' AND "ok" = 1 AND "kind" = 'transfer' GROUP BY time(3600s), "vo" fill(none);

-- by dst_site, of two vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND ("vo" = 'it\'s' OR "vo" = 'two') GROUP BY "dst_site";
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND ("vo" = 'it\'s' OR "vo" = 'two') AND "source" = 'fts' AND "ok" = 1 GROUP BY "dst_site";
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "request_id" =~ /.*/ AND ("vo" = 'it\'s' OR "vo" = 'two') AND "source" = 'rucio' AND "ok" = 1 AND "kind" = 'transfer' GROUP BY "dst_site";
