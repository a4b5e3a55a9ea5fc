-- the whole range
select count(*) as value from "transfers" where time >= $since and time < $until and "source" = $p2 and "ok" = $p3 and "credential_error" = $p4;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rucio
-- $p3 = False
-- $p4 = True

-- every hour, by vo
select time_bucket(to_seconds($bin), time, timestamp '1970-01-01') as time, "vo", count(*) as value from "transfers" where time >= $since and time < $until and "source" = $p3 and "ok" = $p4 and "credential_error" = $p5 group by 1, 2 order by 1, 2;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $bin = 3600
-- $p3 = rucio
-- $p4 = False
-- $p5 = True

-- by error_scope, of two vo
select "error_scope", count(*) as value from "transfers" where time >= $since and time < $until and "source" = $p2 and "ok" = $p3 and "credential_error" = $p4 and list_contains($p5, "vo") group by 1 order by 1;
-- $since = 2026-01-05 00:00:00
-- $until = 2026-01-12 00:00:00
-- $p2 = rucio
-- $p3 = False
-- $p4 = True
-- $p5 = ["it's", 'two']
