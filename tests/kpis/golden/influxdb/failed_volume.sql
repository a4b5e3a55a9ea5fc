-- the whole range
SELECT sum("bytes") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' AND "ok" = 0;

-- every hour, by vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' GROUP BY time(3600s), "vo" fill(none);
SELECT sum("bytes") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' AND "ok" = 0 GROUP BY time(3600s), "vo" fill(none);

-- by datatype, of two vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' AND ("vo" = 'it\'s' OR "vo" = 'two') GROUP BY "datatype";
SELECT sum("bytes") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' AND ("vo" = 'it\'s' OR "vo" = 'two') AND "ok" = 0 GROUP BY "datatype";
