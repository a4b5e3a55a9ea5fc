-- the whole range
SELECT min("token_life_s") AS "value" FROM "pipeline" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "stage" != 'alerts';

-- every hour, by instance
SELECT count("id") AS "value" FROM "pipeline" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "stage" != 'alerts' GROUP BY time(3600s), "instance" fill(none);
SELECT min("token_life_s") AS "value" FROM "pipeline" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "stage" != 'alerts' GROUP BY time(3600s), "instance" fill(none);

-- by name, of two instance
SELECT count("id") AS "value" FROM "pipeline" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "stage" != 'alerts' AND ("instance" = 'it\'s' OR "instance" = 'two') GROUP BY "name";
SELECT min("token_life_s") AS "value" FROM "pipeline" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "stage" != 'alerts' AND ("instance" = 'it\'s' OR "instance" = 'two') GROUP BY "name";
