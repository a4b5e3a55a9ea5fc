-- the whole range
SELECT "value", "host", "series", "collector", "source" FROM "hosts" WHERE time >= '2026-01-11T23:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "series" != '' AND "quantity" = 'memory_available' AND ("source" = 'node_exporter' OR "source" = 'telegraf') AND ("value" >= 0 OR "value" < 0);

-- every hour, by host
SELECT "value", "host", "series", "collector", "source" FROM "hosts" WHERE time >= '2026-01-04T23:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "series" != '' AND "quantity" = 'memory_available' AND ("source" = 'node_exporter' OR "source" = 'telegraf') AND ("value" >= 0 OR "value" < 0);

-- by vo, of two host
SELECT "value", "host", "series", "vo", "collector", "source" FROM "hosts" WHERE time >= '2026-01-11T23:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "series" != '' AND "quantity" = 'memory_available' AND ("source" = 'node_exporter' OR "source" = 'telegraf') AND ("host" = 'it\'s' OR "host" = 'two') AND ("value" >= 0 OR "value" < 0);
