-- A role that may read what the statements beside this file count, and nothing else. By a superuser or the owner:
--   psql -d rucio -v password='...' -v schema=public -f role.sql
-- It cannot write, waits for nobody's lock, and no statement of it runs for longer than a minute.
\set ON_ERROR_STOP on
create role lakescope login password :'password' connection limit 2;
alter role lakescope set default_transaction_read_only = on;
alter role lakescope set statement_timeout = '60s';
alter role lakescope set lock_timeout = '2s';
alter role lakescope set search_path = :schema;
grant usage on schema :schema to lakescope;
grant select on :schema.messages, :schema.updated_dids, :schema.requests, :schema.rules, :schema.dids, :schema.replicas,
  :schema.rses to lakescope;
