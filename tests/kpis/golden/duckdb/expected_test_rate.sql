-- the whole range
with times as (select "task", "test", "src_host", "dst_host", "ip_version", "poll", unnest(max(time, 10)) as time from "expected_tests" where time >= $since and time < $until and "per_second" is not null group by "task", "test", "src_host", "dst_host", "ip_version", "poll") select epoch_us(time) as at, "per_second", "task", "test", "src_host", "dst_host", "ip_version", "poll", "collector", "source" from "expected_tests" as events semi join times on events."task" is not distinct from times."task" and events."test" is not distinct from times."test" and events."src_host" is not distinct from times."src_host" and events."dst_host" is not distinct from times."dst_host" and events."ip_version" is not distinct from times."ip_version" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "per_second" is not null;
-- $since = 2026-01-09 00:00:00
-- $until = 2026-01-12 00:00:00
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-09 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics

-- every hour, by src_site
with times as (select "task", "test", "src_host", "dst_host", "ip_version", "poll", unnest(max(time, 10)) as time from "expected_tests" where time >= $since and time < $until and "per_second" is not null group by "task", "test", "src_host", "dst_host", "ip_version", "poll" union select "task", "test", "src_host", "dst_host", "ip_version", "poll", max(time) as time from "expected_tests" where time >= $since and time < $until and "per_second" is not null group by "task", "test", "src_host", "dst_host", "ip_version", "poll", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "per_second", "task", "test", "src_host", "dst_host", "ip_version", "poll", "src_site", "collector", "source" from "expected_tests" as events semi join times on events."task" is not distinct from times."task" and events."test" is not distinct from times."test" and events."src_host" is not distinct from times."src_host" and events."dst_host" is not distinct from times."dst_host" and events."ip_version" is not distinct from times."ip_version" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "per_second" is not null;
-- $since = 2026-01-02 00:00:00
-- $until = 2026-01-12 00:00:00
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope" union select "collector", "source", "scope", max(time) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-02 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two src_site
with times as (select "task", "test", "src_host", "dst_host", "ip_version", "poll", unnest(max(time, 10)) as time from "expected_tests" where time >= $since and time < $until and "per_second" is not null group by "task", "test", "src_host", "dst_host", "ip_version", "poll") select epoch_us(time) as at, "per_second", "task", "test", "src_host", "dst_host", "ip_version", "poll", "vo", "src_site", "collector", "source" from "expected_tests" as events semi join times on events."task" is not distinct from times."task" and events."test" is not distinct from times."test" and events."src_host" is not distinct from times."src_host" and events."dst_host" is not distinct from times."dst_host" and events."ip_version" is not distinct from times."ip_version" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "per_second" is not null;
-- $since = 2026-01-09 00:00:00
-- $until = 2026-01-12 00:00:00
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-09 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
