-- A role for the read-only channel: it reads everything and may write nothing.
--
-- Needs before: a superuser session on the production, or one with CREATEROLE that
--   may grant the two predefined roles and CONNECT.
-- Leaves: role oneroof_acceptance, or the one that the setting
--   oneroof.acceptance_role names, member of pg_read_all_data and
--   pg_read_all_stats and of nothing else, read-only by default, with CONNECT on this
--   database, one session at a time: while a run reads, the server refuses a second one
--   with the role's password. It has no password yet: \password oneroof_acceptance
--   sends none in clear text and leaves none in a log. Run again, it changes nothing
--   but what was altered by hand.
-- Undone by: REVOKE CONNECT ON DATABASE … FROM oneroof_acceptance;
--   DROP ROLE oneroof_acceptance;
--
-- psql -v ON_ERROR_STOP=1 -d directus -f acceptance_role.sql
-- Another name: PGOPTIONS='-c oneroof.acceptance_role=NAME' psql …
-- For pytest -n N, which takes N + 1 sessions: '-c oneroof.acceptance_sessions=5'

BEGIN;

DO $$
DECLARE
  reader text := coalesce(
    nullif(current_setting('oneroof.acceptance_role', true), ''),
    'oneroof_acceptance'
  );
  sessions integer := coalesce(
    nullif(current_setting('oneroof.acceptance_sessions', true), ''), '1'
  );
  setting text;
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_roles AS role WHERE role.rolname = reader
  ) THEN
    EXECUTE format('CREATE ROLE %I LOGIN', reader);
  END IF;
  -- Only a superuser may name SUPERUSER, REPLICATION and BYPASSRLS, even to deny
  -- them; a new role has none of them.
  IF current_setting('is_superuser') = 'on' THEN
    EXECUTE format('ALTER ROLE %I NOSUPERUSER NOREPLICATION NOBYPASSRLS', reader);
  END IF;
  EXECUTE format(
    'ALTER ROLE %I LOGIN INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT %s',
    reader, sessions
  );
  EXECUTE format('GRANT pg_read_all_data, pg_read_all_stats TO %I', reader);
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), reader);

  -- The channel sets the same for every transaction; here for whoever logs in else.
  FOREACH setting IN ARRAY ARRAY[
    'default_transaction_read_only = on',
    'statement_timeout = ''5s''',
    'lock_timeout = ''1s''',
    'idle_in_transaction_session_timeout = ''60s'''
  ]
  LOOP
    EXECUTE format(
      'ALTER ROLE %I IN DATABASE %I SET %s', reader, current_database(), setting
    );
  END LOOP;
  EXECUTE format(
    'COMMENT ON ROLE %I IS %L',
    reader,
    'Read-only acceptance of pytest-oneroof; made by acceptance_role.sql. '
    'Remove: REVOKE CONNECT ON DATABASE ' || quote_ident(current_database())
    || ' FROM ' || quote_ident(reader) || '; DROP ROLE ' || quote_ident(reader) || ';'
  );
END
$$;

COMMIT;
