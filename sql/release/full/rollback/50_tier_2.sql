-- Rollback of tier 2: the axis responsibility; commits.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names).
--   No ratification is asked for: the way back is always open.
-- Needs before: tier 3 taken back. Expected delta: CR-RESP-ALL, its values, its axis.
-- Leaves: tier 1. Undone by: 20_responsibility_axis.sql.
-- Stop: tier 3 stands.

BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL oneroof.step_writes = 
  'public.axis_registry public.axis_value public.coverage_rule';

DO $$
DECLARE
  target text := coalesce(
    nullif(current_setting('oneroof.target_database', true), ''),
    'directus'
  );
BEGIN
  IF target = 'directus' AND current_database() <> 'directus' THEN
    RAISE EXCEPTION 'REFUSING: % is not production directus', current_database();
  END IF;
  IF current_database() <> target THEN
    RAISE EXCEPTION 'REFUSING: % is not the target %', current_database(), target;
  END IF;
  IF target <> 'directus' AND (
    target !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$'
    OR NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_database AS base
      WHERE base.datname = current_database()
        AND starts_with(
          shobj_description(base.oid, 'pg_database'),
          'pytest-oneroof clone '
        )
    )
  ) THEN
    RAISE EXCEPTION 'REFUSING: % is neither production directus nor a marked clone',
      target;
  END IF;
END
$$;

DO $$
BEGIN
  IF NOT current_setting('track_counts')::boolean THEN
    RAISE EXCEPTION 'REFUSING: track_counts is off, what a step writes is not counted';
  END IF;
  PERFORM set_config(
    'oneroof.rows_before',
    (
      SELECT coalesce(
        jsonb_object_agg(
          relid,
          jsonb_build_array(n_tup_ins, n_tup_upd, n_tup_del)
        ),
        '{}'
      )::text
      FROM pg_catalog.pg_stat_xact_user_tables
    ),
    true
  );
END
$$;

DO $$
BEGIN
  IF to_regclass('public.axis_registry') IS NULL THEN
    RAISE EXCEPTION 'REFUSING: tier 1 does not stand, there is nothing of tier 2';
  END IF;
  IF EXISTS (SELECT FROM public.governance_object_ownership) THEN
    RAISE EXCEPTION 'REFUSING: tier 3 stands, take it back first';
  END IF;
END
$$;

DELETE FROM public.coverage_rule
WHERE rule_code = 'CR-RESP-ALL';

DELETE FROM public.axis_value
WHERE axis_code = 'responsibility';

DELETE FROM public.axis_registry
WHERE axis_code = 'responsibility';

DO $$
DECLARE
  axes bigint := (SELECT count(*) FROM public.axis_registry);
BEGIN
  IF axes <> 0 THEN
    RAISE EXCEPTION 'post-state axes=%, expected 0: they are of somebody else', axes;
  END IF;
  RAISE NOTICE 'TIER 2 BACK: axes=%', axes;
END
$$;

DO $$
DECLARE
  before jsonb := current_setting('oneroof.rows_before');
  planned text[] := string_to_array(current_setting('oneroof.step_writes'), ' ');
  written jsonb;
  locked jsonb;
  beside text;
BEGIN
  SELECT
    coalesce(jsonb_object_agg(name, jsonb_build_array(added, changed, removed)), '{}'),
    string_agg(name, ', ' ORDER BY name) FILTER (WHERE name <> ALL (planned))
  INTO written, beside
  FROM (
    SELECT
      schemaname || '.' || relname AS name,
      n_tup_ins - coalesce((before -> relid::text ->> 0)::bigint, 0) AS added,
      n_tup_upd - coalesce((before -> relid::text ->> 1)::bigint, 0) AS changed,
      n_tup_del - coalesce((before -> relid::text ->> 2)::bigint, 0) AS removed
    FROM pg_catalog.pg_stat_xact_user_tables
  ) AS counted
  WHERE added + changed + removed <> 0;
  IF beside IS NOT NULL THEN
    RAISE EXCEPTION 'REFUSING: side effect on %, planned were %', beside, planned;
  END IF;
  SELECT coalesce(jsonb_object_agg(name, modes), '{}')
  INTO locked
  FROM (
    SELECT
      namespace.nspname || '.' || class.relname AS name,
      jsonb_agg(held.mode ORDER BY held.mode) AS modes
    FROM pg_catalog.pg_locks AS held
    JOIN pg_catalog.pg_class AS class
      ON class.oid = held.relation
    JOIN pg_catalog.pg_namespace AS namespace
      ON namespace.oid = class.relnamespace
    WHERE held.locktype = 'relation'
      AND held.pid = pg_backend_pid()
      AND held.database = (
        SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()
      )
      AND class.relkind IN ('r', 'p', 'v', 'm', 'S')
      AND namespace.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
    GROUP BY
      namespace.nspname,
      class.relname
  ) AS relation;
  RAISE NOTICE 'oneroof.step %', jsonb_build_object('rows', written, 'locks', locked);
END
$$;

COMMIT;
