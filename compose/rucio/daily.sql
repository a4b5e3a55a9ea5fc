-- What only a look at whole tables tells: run it once a day, on a read-only copy of the database if the lake is large.
--   PGOPTIONS='-c statement_timeout=30min' psql -AtqX -v ON_ERROR_STOP=1 -f daily.sql "$RUCIO_DATABASE"
-- Pushed as probes.sql is, to .../push/metrics/job/rucio_database_daily.
begin transaction isolation level repeatable read read only;

select '# TYPE rucio_db_dids gauge';
select format('rucio_db_dids{did_type=%s,availability=%s} %s', to_json(did_type::text), to_json(coalesce(availability::text, '')), count(*))
  from dids group by did_type, availability;
select '# TYPE rucio_db_replicas gauge';
select format('rucio_db_replicas{rse=%s,state=%s} %s', to_json(rses.rse), to_json(case replicas.state::text
      when 'A' then 'available' when 'U' then 'unavailable' when 'C' then 'copying' when 'B' then 'being_deleted'
      when 'D' then 'bad' when 'T' then 'temporary_unavailable' else replicas.state::text end), count(*))
  from replicas join rses on rses.id = replicas.rse_id group by rses.rse, replicas.state;
select '# TYPE rucio_db_replicas_not_accessed_bytes gauge';
select format('rucio_db_replicas_not_accessed_bytes{rse=%s,days="%s"} %s', to_json(rses.rse), ages.days, sum(replicas.bytes))
  from replicas join rses on rses.id = replicas.rse_id cross join (values (30), (90), (365)) as ages (days)
  where coalesce(replicas.accessed_at, replicas.created_at) < now() at time zone 'utc' - ages.days * interval '1 day'
  group by rses.rse, ages.days;

commit;
