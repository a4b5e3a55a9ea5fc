-- the whole range
SELECT max("value") AS "value" FROM (SELECT abs("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'clock_offset' GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'clock_offset' GROUP BY time(3600s), "host" fill(none);
SELECT max("value") AS "value" FROM (SELECT abs("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'clock_offset' GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "host" fill(none);

-- by source, of two host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'clock_offset' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "source";
SELECT max("value") AS "value" FROM (SELECT abs("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "quantity" = 'clock_offset' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "source";
