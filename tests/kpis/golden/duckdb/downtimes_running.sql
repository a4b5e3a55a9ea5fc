-- the whole range
with times as (select "source", "downtime_id", "portal_site", "host", "service", "poll", unnest(max(time, 10)) as time from "downtimes" where time >= $since and time < $until and "event" = $p2 group by "source", "downtime_id", "portal_site", "host", "service", "poll") select epoch_us(time) as at, "downtime_id", "source", "portal_site", "host", "service", "poll", "state", "collector" from "downtimes" as events semi join times on events."source" is not distinct from times."source" and events."downtime_id" is not distinct from times."downtime_id" and events."portal_site" is not distinct from times."portal_site" and events."host" is not distinct from times."host" and events."service" is not distinct from times."service" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "event" = $p2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics

-- every hour, by site
with times as (select "source", "downtime_id", "portal_site", "host", "service", "poll", unnest(max(time, 10)) as time from "downtimes" where time >= $since and time < $until and "event" = $p2 group by "source", "downtime_id", "portal_site", "host", "service", "poll" union select "source", "downtime_id", "portal_site", "host", "service", "poll", max(time) as time from "downtimes" where time >= $since and time < $until and "event" = $p2 group by "source", "downtime_id", "portal_site", "host", "service", "poll", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "downtime_id", "source", "portal_site", "host", "service", "poll", "site", "state", "collector" from "downtimes" as events semi join times on events."source" is not distinct from times."source" and events."downtime_id" is not distinct from times."downtime_id" and events."portal_site" is not distinct from times."portal_site" and events."host" is not distinct from times."host" and events."service" is not distinct from times."service" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "event" = $p2;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
-- $range = 2026-01-05 00:00:00
-- $bin = 3600
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope" union select "collector", "source", "scope", max(time) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope", time < $range, case when time >= $range then time_bucket(to_seconds($bin), time, timestamp '1970-01-01') end) select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2025-12-29 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
-- $range = 2026-01-05 00:00:00
-- $bin = 3600

-- by vo, of two site
with times as (select "source", "downtime_id", "portal_site", "host", "service", "poll", unnest(max(time, 10)) as time from "downtimes" where time >= $since and time < $until and "event" = $p2 group by "source", "downtime_id", "portal_site", "host", "service", "poll") select epoch_us(time) as at, "downtime_id", "source", "portal_site", "host", "service", "poll", "vo", "state", "site", "collector" from "downtimes" as events semi join times on events."source" is not distinct from times."source" and events."downtime_id" is not distinct from times."downtime_id" and events."portal_site" is not distinct from times."portal_site" and events."host" is not distinct from times."host" and events."service" is not distinct from times."service" and events."poll" is not distinct from times."poll" and events.time is not distinct from times.time where time >= $since and time < $until and "event" = $p2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = reported
with times as (select "collector", "source", "scope", unnest(max(time, 10)) as time from "polls" where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null group by "collector", "source", "scope") select epoch_us(time) as at, "count", "collector", "source", "scope", "interval_s", "kind", "state" from "polls" as events semi join times on events."collector" is not distinct from times."collector" and events."source" is not distinct from times."source" and events."scope" is not distinct from times."scope" and events.time is not distinct from times.time where time >= $since and time < $until and "complete" = $p2 and "kind" is distinct from $p3 and "count" is not null;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = True
-- $p3 = metrics
