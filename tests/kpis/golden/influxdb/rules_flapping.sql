-- the whole range
SELECT count(distinct("episode")) AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "episode" =~ /.*/;
SELECT count(distinct("rule_id")) AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "episode" =~ /.*/;

-- every hour, by vo
SELECT count("id") AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "vo" fill(none);
SELECT count(distinct("episode")) AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "episode" =~ /.*/ GROUP BY time(3600s), "vo" fill(none);
SELECT count(distinct("rule_id")) AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "episode" =~ /.*/ GROUP BY time(3600s), "vo" fill(none);

-- by rse, of two vo
SELECT count("id") AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("vo" = 'it\'s' OR "vo" = 'two') GROUP BY "rse";
SELECT count(distinct("episode")) AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("vo" = 'it\'s' OR "vo" = 'two') AND "episode" =~ /.*/ GROUP BY "rse";
SELECT count(distinct("rule_id")) AS "value" FROM "rules" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND ("vo" = 'it\'s' OR "vo" = 'two') AND "episode" =~ /.*/ GROUP BY "rse";
