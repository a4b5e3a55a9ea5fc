-- the whole range
SELECT sum("value") AS "value" FROM (SELECT last("files") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' GROUP BY "rse") WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by rse
SELECT count("id") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' GROUP BY time(3600s), "rse" fill(none);
SELECT sum("value") AS "value" FROM (SELECT last("files") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' GROUP BY time(3600s), "rse" fill(none)) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "rse" fill(none);

-- by qos, of two rse
SELECT count("id") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' AND ("rse" = 'it\'s' OR "rse" = 'two') GROUP BY "qos";
SELECT sum("value") AS "value" FROM (SELECT last("files") AS "value" FROM "storage" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "rse" != '' AND "scope" = '' AND "account" = '' AND "experiment" = '' AND ("rse" = 'it\'s' OR "rse" = 'two') GROUP BY "qos", "rse") WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "qos";
