-- the whole range
SELECT "value", "instance", "series", "poll", "collector", "source" FROM "rucio" WHERE time >= '2026-01-11T18:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'probes' AND "metric" = 'judge_waiting_dids' AND ("value" >= 0 OR "value" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-11T18:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" = 'metrics' AND ("count" >= 0 OR "count" < 0);

-- every hour, by component
SELECT "value", "instance", "series", "poll", "component", "collector", "source" FROM "rucio" WHERE time >= '2026-01-04T18:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'probes' AND "metric" = 'judge_waiting_dids' AND ("value" >= 0 OR "value" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-04T18:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" = 'metrics' AND ("count" >= 0 OR "count" < 0);

-- by metric, of two component
SELECT "value", "instance", "series", "poll", "metric", "component", "collector", "source" FROM "rucio" WHERE time >= '2026-01-11T18:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'probes' AND "metric" = 'judge_waiting_dids' AND ("value" >= 0 OR "value" < 0);
SELECT "count", "collector", "source", "scope", "interval_s", "kind", "state" FROM "polls" WHERE time >= '2026-01-11T18:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "complete" = true AND "kind" = 'metrics' AND ("count" >= 0 OR "count" < 0);
