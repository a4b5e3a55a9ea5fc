-- the whole range
SELECT sum("free") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' AND ("free" >= 0 OR "free" < 0) AND ("total" >= 0 OR "total" < 0);
SELECT sum("total") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' AND ("free" >= 0 OR "free" < 0) AND ("total" >= 0 OR "total" < 0);

-- every hour, by rse
SELECT count("id") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' GROUP BY time(3600s), "rse" fill(none);
SELECT sum("free") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' AND ("free" >= 0 OR "free" < 0) AND ("total" >= 0 OR "total" < 0) GROUP BY time(3600s), "rse" fill(none);
SELECT sum("total") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' AND ("free" >= 0 OR "free" < 0) AND ("total" >= 0 OR "total" < 0) GROUP BY time(3600s), "rse" fill(none);

-- by qos, of two rse
SELECT count("id") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' AND ("rse" = 'it\'s' OR "rse" = 'two') GROUP BY "qos";
SELECT sum("free") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' AND ("rse" = 'it\'s' OR "rse" = 'two') AND ("free" >= 0 OR "free" < 0) AND ("total" >= 0 OR "total" < 0) GROUP BY "qos";
SELECT sum("total") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' AND ("rse" = 'it\'s' OR "rse" = 'two') AND ("free" >= 0 OR "free" < 0) AND ("total" >= 0 OR "total" < 0) GROUP BY "qos";
