-- the whole range
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' AND "ok" = 0 AND "credential_error" = 'true';

-- every hour, by vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' AND "ok" = 0 AND "credential_error" = 'true' GROUP BY time(3600s), "vo" fill(none);
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' AND "ok" = 0 AND "credential_error" = 'true' GROUP BY time(3600s), "vo" fill(none);

-- by error_scope, of two vo
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' AND "ok" = 0 AND "credential_error" = 'true' AND ("vo" = 'it\'s' OR "vo" = 'two') GROUP BY "error_scope";
SELECT count("id") AS "value" FROM "transfers" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "source" = 'rucio' AND "ok" = 0 AND "credential_error" = 'true' AND ("vo" = 'it\'s' OR "vo" = 'two') GROUP BY "error_scope";
