-- the whole range
SELECT sum("value") AS "value" FROM (SELECT non_negative_difference("value") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'daemons.reaper.reaper' AND "metric" = 'deletion_done' GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z';

-- every hour, by component
SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'daemons.reaper.reaper' AND "metric" = 'deletion_done' GROUP BY time(3600s), "component" fill(none);
SELECT sum("value") AS "value" FROM (SELECT non_negative_difference("value") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'daemons.reaper.reaper' AND "metric" = 'deletion_done' GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY time(3600s), "component" fill(none);

-- by metric, of two component
SELECT count("id") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'daemons.reaper.reaper' AND "metric" = 'deletion_done' AND ("component" = 'it\'s' OR "component" = 'two') GROUP BY "metric";
SELECT sum("value") AS "value" FROM (SELECT non_negative_difference("value") AS "value" FROM "rucio" WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' AND "component" = 'daemons.reaper.reaper' AND "metric" = 'deletion_done' AND ("component" = 'it\'s' OR "component" = 'two') GROUP BY *) WHERE time >= '2026-01-05T00:00:00Z' AND time < '2026-01-12T00:00:00Z' GROUP BY "metric";
