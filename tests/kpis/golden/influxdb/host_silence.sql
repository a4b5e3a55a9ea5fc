-- the whole range
SELECT last("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by host
-- refused: host_silence: InfluxDB tells the time of a last event for the whole range only; a store of type duckdb or elasticsearch can answer

-- by vo, of two host
SELECT count("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "vo";
SELECT last("id") AS "value" FROM "hosts" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("host" = 'it\'s' OR "host" = 'two') GROUP BY "vo";
