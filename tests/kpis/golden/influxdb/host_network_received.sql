-- the whole range
SELECT sum("value") AS "value" FROM (SELECT non_negative_difference("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'counter' AND "quantity" = 'network_received' GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'counter' AND "quantity" = 'network_received' GROUP BY time(3600s), "host" fill(none);
SELECT sum("value") AS "value" FROM (SELECT non_negative_difference("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'counter' AND "quantity" = 'network_received' GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "host" fill(none);

-- by vo, of two host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'counter' AND "quantity" = 'network_received' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "vo";
SELECT sum("value") AS "value" FROM (SELECT non_negative_difference("value") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "type" = 'counter' AND "quantity" = 'network_received' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "vo";
