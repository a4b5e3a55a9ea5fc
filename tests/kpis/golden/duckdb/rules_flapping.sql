-- the whole range
select count(distinct case when "episode" is not null then "episode" end)::double / nullif(count(distinct case when "episode" is not null then "rule_id" end), 0) as value from "rules" where time >= $since and time < $until;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", count(distinct case when "episode" is not null then "episode" end)::double / nullif(count(distinct case when "episode" is not null then "rule_id" end), 0) as value from "rules" where time >= $since and time < $until group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600

-- by rse, of two vo
select "rse", count(distinct case when "episode" is not null then "episode" end)::double / nullif(count(distinct case when "episode" is not null then "rule_id" end), 0) as value from "rules" where time >= $since and time < $until and list_contains($p2, "vo") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = ["it's", 'two']
