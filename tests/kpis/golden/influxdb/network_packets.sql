-- the whole range
SELECT sum("packets_sent") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("test" = 'latency' OR "test" = 'latencybg' OR "test" = 'rtt') AND ("packets_sent" >= 0 OR "packets_sent" < 0) AND ("packets_lost" >= 0 OR "packets_lost" < 0);

-- every hour, by src_site
SELECT count("id") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("test" = 'latency' OR "test" = 'latencybg' OR "test" = 'rtt') GROUP BY time(3600s), "src_site" fill(none);
SELECT sum("packets_sent") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("test" = 'latency' OR "test" = 'latencybg' OR "test" = 'rtt') AND ("packets_sent" >= 0 OR "packets_sent" < 0) AND ("packets_lost" >= 0 OR "packets_lost" < 0) GROUP BY time(3600s), "src_site" fill(none);

-- by vo, of two src_site
SELECT count("id") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("test" = 'latency' OR "test" = 'latencybg' OR "test" = 'rtt') AND ("src_site" = 'it\'s' OR "src_site" = 'two') GROUP BY "vo";
SELECT sum("packets_sent") AS "value" FROM "network" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("test" = 'latency' OR "test" = 'latencybg' OR "test" = 'rtt') AND ("src_site" = 'it\'s' OR "src_site" = 'two') AND ("packets_sent" >= 0 OR "packets_sent" < 0) AND ("packets_lost" >= 0 OR "packets_lost" < 0) GROUP BY "vo";
