-- the whole range
SELECT max("age_s") AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'stuck';

-- every hour, by vo
SELECT count("id") AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'stuck' GROUP BY time(3600s), "vo" fill(none);
SELECT max("age_s") AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'stuck' GROUP BY time(3600s), "vo" fill(none);

-- by scope, of two vo
-- refused: oldest_stuck_rule: InfluxDB groups by tags only, and scope is none; a store of type duckdb or elasticsearch can answer
