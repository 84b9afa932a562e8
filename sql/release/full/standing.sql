-- Full packet: which of its tiers stand in the database. Reads only.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names).
-- Needs before: nothing. Expected delta: none. Undone by: nothing to undo.
-- Stop: none. Returns (step, state, found); state is absent, whole or in part. Each
--   tier is one transaction: in part means that somebody else changed it.

BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';

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
DECLARE
  found jsonb := '{"1": 0, "2": 0, "3": 0, "4": 0, "5": 0, "6": 0}';
  counted bigint;
BEGIN
  SELECT count(*)
  INTO counted
  FROM pg_catalog.pg_class
  WHERE relnamespace = 'public'::regnamespace
    AND relname IN (
      'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
      'axis_registry', 'axis_value', 'coverage_rule', 'governance_drift_state',
      'governance_event_log', 'governance_scan_run', 'topic_label_reconcile_decision',
      'topic_taxonomy_map',
      'v_axis_assignment_quality', 'v_axis_coverage_gap', 'v_axis_coverage_summary',
      'v_axis_effective_owner', 'v_axis_issue_payload', 'v_axis_missing_assignment',
      'v_axis_registry_coverage', 'v_axis_required_cell',
      'v_axis_topic_parentage_conflict', 'v_drift_assignment', 'v_drift_axis',
      'v_drift_event_map', 'v_drift_finding', 'v_drift_issue_payload', 'v_drift_label',
      'v_drift_projection', 'v_drift_summary', 'v_projection_lag_timing',
      'v_reconcile_collection_topic_vs_label', 'v_reconcile_label_orphan',
      'v_reconcile_label_without_topic', 'v_reconcile_summary',
      'v_reconcile_topic_projection_gap', 'v_reconcile_topic_without_label',
      'v_ui_axis_browser', 'v_ui_coverage_dashboard', 'v_ui_detector_findings',
      'v_ui_lane', 'v_ui_object_topic', 'v_ui_review_queue', 'v_ui_topic_tree'
    );
  IF to_regprocedure('public.fn_governance_scan(text, text)') IS NOT NULL THEN
    counted := counted + 1;
  END IF;
  found := found || jsonb_build_object('1', counted);
  IF to_regclass('public.axis_registry') IS NOT NULL
    AND to_regclass('public.axis_value') IS NOT NULL
    AND to_regclass('public.coverage_rule') IS NOT NULL
  THEN
    SELECT
      (SELECT count(*) FROM public.axis_registry WHERE axis_code = 'responsibility')
      + (SELECT count(*) FROM public.axis_value WHERE axis_code = 'responsibility')
      + (SELECT count(*) FROM public.coverage_rule WHERE rule_code = 'CR-RESP-ALL')
    INTO counted;
    found := found || jsonb_build_object('2', counted);
  END IF;
  SELECT count(*)
  INTO counted
  FROM public.governance_object_ownership
  WHERE created_by = 'PROD_OWNERSHIP_SEED_2026-06-03';
  found := found || jsonb_build_object('3', counted);
  IF to_regclass('public.axis_assignment') IS NOT NULL
    AND to_regclass('public.axis_object_ownership') IS NOT NULL
  THEN
    SELECT
      (
        SELECT count(*)
        FROM public.axis_assignment
        WHERE created_by = 'PROD_containment_2026-06-03'
      )
      + (
        SELECT count(*)
        FROM public.axis_object_ownership
        WHERE created_by = 'PROD_containment_2026-06-03'
      )
    INTO counted;
    found := found || jsonb_build_object('4', counted);
  END IF;
  IF to_regclass('public.axis_assignment') IS NOT NULL
    AND to_regclass('public.topic_taxonomy_map') IS NOT NULL
  THEN
    SELECT
      (
        SELECT count(*)
        FROM public.axis_assignment
        WHERE created_by = 'PROD_topic_2026-06-03'
      )
      + (
        SELECT count(*)
        FROM public.topic_taxonomy_map
        WHERE created_by = 'PROD_topic_2026-06-03'
      )
    INTO counted;
    found := found || jsonb_build_object('5', counted);
  END IF;
  IF to_regclass('public.governance_scan_run') IS NOT NULL THEN
    SELECT count(*) INTO counted FROM public.governance_scan_run WHERE scan_id = 1;
    found := found || jsonb_build_object('6', counted);
  END IF;
  PERFORM set_config('oneroof.standing', found::text, true);
END
$$;

SELECT
  whole.step,
  CASE (stood.value)::bigint
    WHEN 0 THEN 'absent'
    WHEN whole.wanted THEN 'whole'
    ELSE 'in part'
  END AS state,
  format('%s of %s %s', stood.value, whole.wanted, whole.what) AS found
FROM (
  VALUES
    ('1', 43::bigint, 'objects'),
    ('2', 8, 'rows of the axis'),
    ('3', 30, 'anchors'),
    ('4', 70, 'assignments and owners'),
    ('5', 13, 'assignments and crosswalk'),
    ('6', 1, 'baseline scan')
) AS whole (step, wanted, what)
JOIN jsonb_each_text(current_setting('oneroof.standing')::jsonb) AS stood
  ON stood.key = whole.step
ORDER BY
  whole.step;

COMMIT;
