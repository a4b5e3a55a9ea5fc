-- the whole range
SELECT "certificate_days_left", "target", "address", "collector", "source" FROM "probes" WHERE time >= '2026-01-10T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("certificate_days_left" >= 0 OR "certificate_days_left" < 0);

-- every hour, by probe
SELECT "certificate_days_left", "target", "address", "probe", "collector", "source" FROM "probes" WHERE time >= '2026-01-03T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("certificate_days_left" >= 0 OR "certificate_days_left" < 0);

-- by failure, of two probe
SELECT "certificate_days_left", "target", "address", "failure", "probe", "collector", "source" FROM "probes" WHERE time >= '2026-01-10T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("certificate_days_left" >= 0 OR "certificate_days_left" < 0);
