-- the whole range
SELECT count(distinct("rule_id")) AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'stuck';

-- every hour, by vo
SELECT count("id") AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'stuck' GROUP BY time(3600s), "vo" fill(none);
SELECT count(distinct("rule_id")) AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'stuck' GROUP BY time(3600s), "vo" fill(none);

-- by scope, of two vo
-- refused: rules_stuck: InfluxDB groups by tags only, and scope is none; a store of type duckdb or elasticsearch can answer
