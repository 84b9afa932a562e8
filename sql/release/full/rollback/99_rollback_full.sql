-- Rollback of the whole release: greenfield again; commits.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names).
--   No ratification is asked for: the way back is always open.
-- Needs before: nothing; tiers may stand in full, in part or not at all, and run again
--   it changes nothing and holds.
-- Expected delta: own 30 -> 0, gap 0 -> 210; -11 tables, -31 views, -1 function. The
--   sequence of the anchors goes back to where it stood, unless others drew from it.
-- Leaves: greenfield, with the five prerequisite views. Undone by: the tiers again.
-- Stop: anchors or rows of anybody else, or an object of somebody's that depends on the
--   release (it is named; nothing is dropped by CASCADE): aborted, nothing is changed.

BEGIN;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';
SET LOCAL oneroof.step_writes = 'public.governance_object_ownership';

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

LOCK TABLE public.governance_object_ownership IN SHARE ROW EXCLUSIVE MODE;

-- What others wrote is not dropped with ours. The scanner's three tables hold nothing
-- that the next scan would not find again.
DO $$
DECLARE
  table_name text;
  others text;
BEGIN
  FOREACH table_name IN ARRAY ARRAY[
    'axis_registry', 'axis_value', 'axis_assignment', 'coverage_rule',
    'axis_object_ownership', 'axis_candidate_finding', 'topic_taxonomy_map',
    'topic_label_reconcile_decision'
  ]
  LOOP
    CONTINUE WHEN to_regclass('public.' || table_name) IS NULL;
    EXECUTE format(
      'SELECT string_agg(DISTINCT created_by, %L ORDER BY created_by) FROM public.%I '
      'WHERE created_by <> ALL (%L::text[])',
      ', ',
      table_name,
      ARRAY[
        'PROD_responsibility_2026-06-03', 'PROD_containment_2026-06-03',
        'PROD_topic_2026-06-03', 'PROD_scanner_2026-06-03'
      ]
    )
    INTO others;
    IF others IS NOT NULL THEN
      RAISE EXCEPTION 'REFUSING: table % holds rows of %, nothing dropped',
        table_name, others;
    END IF;
  END LOOP;
END
$$;

-- Where the anchors began, so that their sequence can be put back below.
DO $$
BEGIN
  PERFORM
    set_config('oneroof.first_anchor', coalesce(min(id)::text, ''), true),
    set_config('oneroof.last_anchor', coalesce(max(id)::text, ''), true)
  FROM public.governance_object_ownership
  WHERE created_by = 'PROD_OWNERSHIP_SEED_2026-06-03';
END
$$;

DELETE FROM public.governance_object_ownership
WHERE created_by = 'PROD_OWNERSHIP_SEED_2026-06-03';

DROP FUNCTION IF EXISTS public.fn_governance_scan(text, text);

DROP VIEW IF EXISTS
  public.v_ui_coverage_dashboard,
  public.v_ui_review_queue,
  public.v_ui_detector_findings,
  public.v_ui_lane,
  public.v_ui_axis_browser,
  public.v_ui_object_topic,
  public.v_ui_topic_tree,
  public.v_drift_issue_payload,
  public.v_drift_summary,
  public.v_drift_finding,
  public.v_drift_axis,
  public.v_drift_assignment,
  public.v_drift_projection,
  public.v_drift_label,
  public.v_drift_event_map,
  public.v_projection_lag_timing,
  public.v_reconcile_summary,
  public.v_reconcile_topic_projection_gap,
  public.v_reconcile_collection_topic_vs_label,
  public.v_reconcile_label_without_topic,
  public.v_reconcile_topic_without_label,
  public.v_reconcile_label_orphan,
  public.v_axis_topic_parentage_conflict,
  public.v_axis_issue_payload,
  public.v_axis_missing_assignment,
  public.v_axis_coverage_summary,
  public.v_axis_registry_coverage,
  public.v_axis_assignment_quality,
  public.v_axis_coverage_gap,
  public.v_axis_effective_owner,
  public.v_axis_required_cell;

DROP TABLE IF EXISTS
  public.governance_event_log,
  public.governance_drift_state,
  public.governance_scan_run,
  public.topic_label_reconcile_decision,
  public.topic_taxonomy_map,
  public.axis_candidate_finding,
  public.axis_object_ownership,
  public.coverage_rule,
  public.axis_assignment,
  public.axis_value,
  public.axis_registry;

-- Put the sequence back to where the first anchor found it, unless somebody else
-- drew from it since. RESTART is undone with its transaction; setval is not (manual,
-- ALTER SEQUENCE).
DO $$
DECLARE
  first_anchor bigint := nullif(current_setting('oneroof.first_anchor'), '')::bigint;
  last_anchor bigint := nullif(current_setting('oneroof.last_anchor'), '')::bigint;
  position bigint := (
    SELECT last_value FROM public.governance_object_ownership_id_seq
  );
BEGIN
  IF first_anchor IS NULL THEN
    RETURN;
  END IF;
  IF position <> last_anchor THEN
    RAISE NOTICE 'sequence left at %: others drew from it after %',
      position, last_anchor;
    RETURN;
  END IF;
  EXECUTE format(
    'ALTER SEQUENCE public.governance_object_ownership_id_seq RESTART WITH %s',
    greatest(first_anchor - 1, 1)
  );
  IF first_anchor > 1 THEN
    PERFORM nextval('public.governance_object_ownership_id_seq');
  END IF;
END
$$;

DO $$
DECLARE
  remaining bigint := (
    SELECT count(*)
    FROM pg_catalog.pg_class
    WHERE relnamespace = 'public'::regnamespace
      AND relname IN (
        'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
        'axis_registry', 'axis_value', 'coverage_rule', 'governance_drift_state',
        'governance_event_log', 'governance_scan_run',
        'topic_label_reconcile_decision', 'topic_taxonomy_map',
        'v_axis_assignment_quality', 'v_axis_coverage_gap', 'v_axis_coverage_summary',
        'v_axis_effective_owner', 'v_axis_issue_payload', 'v_axis_missing_assignment',
        'v_axis_registry_coverage', 'v_axis_required_cell',
        'v_axis_topic_parentage_conflict', 'v_drift_assignment', 'v_drift_axis',
        'v_drift_event_map', 'v_drift_finding', 'v_drift_issue_payload',
        'v_drift_label', 'v_drift_projection', 'v_drift_summary',
        'v_projection_lag_timing', 'v_reconcile_collection_topic_vs_label',
        'v_reconcile_label_orphan', 'v_reconcile_label_without_topic',
        'v_reconcile_summary', 'v_reconcile_topic_projection_gap',
        'v_reconcile_topic_without_label', 'v_ui_axis_browser',
        'v_ui_coverage_dashboard', 'v_ui_detector_findings', 'v_ui_lane',
        'v_ui_object_topic', 'v_ui_review_queue', 'v_ui_topic_tree'
      )
  );
  bases bigint := (
    SELECT count(*)
    FROM unnest(ARRAY[
      'v_governance_object_containment', 'v_governance_object_inventory',
      'v_object_effective_owner', 'v_object_owner_conflict', 'v_object_owner_gap'
    ]) AS name
    WHERE to_regclass('public.' || name) IS NOT NULL
  );
  own bigint := (SELECT count(*) FROM public.governance_object_ownership);
  gap bigint := (SELECT count(*) FROM public.v_object_owner_gap);
BEGIN
  IF remaining <> 0
    OR to_regprocedure('public.fn_governance_scan(text, text)') IS NOT NULL
  THEN
    RAISE EXCEPTION 'post-state % objects of the release remain, expected 0', remaining;
  END IF;
  IF bases <> 5 THEN
    RAISE EXCEPTION 'post-state % prerequisite views, expected 5', bases;
  END IF;
  IF own <> 0 OR gap <> 210 THEN
    RAISE EXCEPTION 'post-state own=% gap=%, expected 0 and 210', own, gap
      USING HINT = coalesce(
        (
          SELECT 'rows of ' || string_agg(DISTINCT created_by, ', ' ORDER BY created_by)
          FROM public.governance_object_ownership
        ),
        'no row remains'
      );
  END IF;
  RAISE NOTICE 'ROLLBACK COMPLETE: own=% gap=% axis=0', own, gap;
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
