-- the whole range
SELECT "incident", "state", "collector", "source" FROM "incidents" WHERE time >= '2026-01-11T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'reported';

-- every hour, by severity
SELECT "incident", "severity", "state", "collector", "source" FROM "incidents" WHERE time >= '2026-01-04T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'reported';

-- by vo, of two severity
SELECT "incident", "vo", "state", "severity", "collector", "source" FROM "incidents" WHERE time >= '2026-01-11T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "event" = 'reported';
