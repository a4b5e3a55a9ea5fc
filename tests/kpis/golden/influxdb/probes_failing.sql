-- the whole range
SELECT "ok", "source", "probe", "target", "operation", "protocol", "address", "collector" FROM "probes" WHERE time >= '2026-01-11T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by probe
SELECT "ok", "source", "probe", "target", "operation", "protocol", "address", "collector" FROM "probes" WHERE time >= '2026-01-04T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- by source, of two probe
SELECT "ok", "source", "probe", "target", "operation", "protocol", "address", "collector" FROM "probes" WHERE time >= '2026-01-11T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("probe" = 'it\'s' OR "probe" = 'two');
