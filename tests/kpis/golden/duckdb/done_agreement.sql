-- the whole range
select count(distinct case when "source" = $p2 and list_contains($p3, "event") then "request_id" end)::double / nullif(count(distinct case when "source" = $p4 and "ok" = $p5 then "request_id" end), 0) as value from "transfers" where time >= $since and time < $until and "request_id" is not null and "kind" is distinct from $p6;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = fts
-- $p3 = ['done', 'archiving']
-- $p4 = rucio
-- $p5 = True
-- $p6 = stagein

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", count(distinct case when "source" = $p3 and list_contains($p4, "event") then "request_id" end)::double / nullif(count(distinct case when "source" = $p5 and "ok" = $p6 then "request_id" end), 0) as value from "transfers" where time >= $since and time < $until and "request_id" is not null and "kind" is distinct from $p7 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = fts
-- $p4 = ['done', 'archiving']
-- $p5 = rucio
-- $p6 = True
-- $p7 = stagein

-- by dst_type, of two vo
select "dst_type", count(distinct case when "source" = $p2 and list_contains($p3, "event") then "request_id" end)::double / nullif(count(distinct case when "source" = $p4 and "ok" = $p5 then "request_id" end), 0) as value from "transfers" where time >= $since and time < $until and "request_id" is not null and "kind" is distinct from $p6 and list_contains($p7, "vo") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = fts
-- $p3 = ['done', 'archiving']
-- $p4 = rucio
-- $p5 = True
-- $p6 = stagein
-- $p7 = ["it's", 'two']
