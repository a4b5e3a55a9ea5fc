-- the whole range
SELECT last("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by component
-- refused: rucio_silence: InfluxDB tells the time of a last event for the whole range only; a store of type duckdb or elasticsearch can answer

-- by metric, of two component
SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("component" = 'it\'s' OR "component" = 'two') GROUP BY "metric";
SELECT last("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("component" = 'it\'s' OR "component" = 'two') GROUP BY "metric";
