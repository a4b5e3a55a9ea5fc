-- What waits in Rucio's PostgreSQL database, as a page of metrics, named as the probes of rucio/probes name them:
--   page=$(psql -AtqX -v ON_ERROR_STOP=1 -f probes.sql "$RUCIO_DATABASE") &&
--     curl -sSf -X PUT --data-binary "$page" https://lakescope.example.org/push/metrics/job/rucio_database
-- Each statement counts by an index, or a table that is small while Rucio is well. All see one moment.
begin transaction isolation level repeatable read read only;

select '# TYPE rucio_probes_messages_to_submit_queues_messages gauge';
select format('rucio_probes_messages_to_submit_queues_messages %s', count(*)) from messages;

-- the judge
select '# TYPE rucio_probes_judge_updated_dids gauge';
select format('rucio_probes_judge_updated_dids %s', count(*)) from updated_dids;
select '# TYPE rucio_probes_judge_waiting_dids gauge';
select format('rucio_probes_judge_waiting_dids %s', count(distinct (scope, name))) from updated_dids;
select '# TYPE rucio_probes_judge_rules_state_count gauge';
select format('rucio_probes_judge_rules_state_count{state="%s"} %s', names.state, count(rules.state))
  from (values ('R', 'replicating'), ('O', 'ok'), ('S', 'stuck'), ('U', 'suspended'), ('W', 'waiting_approval'), ('I', 'inject'))
    as names (letter, state)
  left join rules on rules.state::text = names.letter group by names.state order by names.state;
select '# TYPE rucio_probes_judge_stuck_rules_with_missing_source_replica gauge';
select format('rucio_probes_judge_stuck_rules_with_missing_source_replica %s', count(*))
  from rules where state::text = 'S' and error = 'MissingSourceReplica';
select '# TYPE rucio_probes_judge_stuck_rules_without_missing_source_replica gauge';
select format('rucio_probes_judge_stuck_rules_without_missing_source_replica %s', count(*))
  from rules where state::text = 'S' and error is distinct from 'MissingSourceReplica';
select '# TYPE rucio_probes_judge_expired_rules gauge';
select format('rucio_probes_judge_expired_rules %s', count(*))
  from rules where expires_at < now() at time zone 'utc' and not coalesce(locked, false);

-- the conveyor
select '# TYPE conveyor_queues_requests gauge';
select format('conveyor_queues_requests{state="%s",activity=%s,external_host=%s} %s',
    case state::text
      when 'Q' then 'queued' when 'G' then 'submitting' when 'S' then 'submitted' when 'D' then 'done'
      when 'F' then 'failed' when 'L' then 'lost' when 'W' then 'waiting' when 'N' then 'no_sources'
      when 'O' then 'only_tape_sources' when 'A' then 'submission_failed' when 'U' then 'suspend'
      when 'M' then 'mismatch_scheme' when 'P' then 'preparing' else state::text end,
    to_json(coalesce(activity, '')), to_json(coalesce(substring(external_host from '//([^:/]+)'), '')), count(*))
  from requests group by state, activity, external_host;
select '# TYPE rucio_probes_requests_24hours_old gauge';
select format('rucio_probes_requests_24hours_old{state=%s,rse=%s} %s', to_json(requests.state::text), to_json(rses.rse), count(*))
  from requests join rses on rses.id = requests.dest_rse_id
  where requests.created_at < now() at time zone 'utc' - interval '24 hours' group by requests.state, rses.rse;

-- what waits for the transmogrifier, the undertaker and the reaper
select '# TYPE rucio_probes_transmogrifier_new_dids gauge';
select format('rucio_probes_transmogrifier_new_dids %s', count(*)) from dids where is_new;
select '# TYPE rucio_probes_undertaker_expired_dids gauge';
select format('rucio_probes_undertaker_expired_dids %s', count(*)) from dids where expired_at < now() at time zone 'utc';
select '# TYPE rucio_probes_reaper_expired_replicas gauge';
select format('rucio_probes_reaper_expired_replicas %s', count(*))
  from replicas where tombstone < now() at time zone 'utc' - interval '2 hours';
select '# TYPE rucio_probes_reaper_expired_rse_replicas gauge';
select format('rucio_probes_reaper_expired_rse_replicas{rse=%s} %s', to_json(rses.rse), count(*))
  from replicas join rses on rses.id = replicas.rse_id
  where replicas.tombstone < now() at time zone 'utc' - interval '2 hours' group by rses.rse;

commit;
