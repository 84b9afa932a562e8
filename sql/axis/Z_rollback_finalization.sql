-- Z: take back promotion and finalization; the axis substrate stays; commits.
--
-- Needs before: a clone with the axis substrate; promotion and finalization may be
--   there in full, in part or not at all, so it can be run again.
-- Leaves: the substrate as stage E left it: the rows of both tags deleted, containment
--   a candidate again, one function, 22 views and five tables dropped.
-- Undone by: the P and F files again.
--
-- Rows that no rehearsal made (created_by other than TEST_CLONE_...) are refused.

BEGIN;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

DO $$
DECLARE
  table_name text;
  unmarked bigint;
BEGIN
  IF to_regclass('public.axis_registry') IS NULL THEN
    RAISE EXCEPTION 'REFUSING: there is no axis substrate to go back to';
  END IF;
  FOREACH table_name IN ARRAY ARRAY[
    'governance_drift_state', 'governance_event_log', 'governance_scan_run',
    'topic_label_reconcile_decision', 'topic_taxonomy_map'
  ]
  LOOP
    CONTINUE WHEN to_regclass(format('public.%I', table_name)) IS NULL;
    EXECUTE format(
      'SELECT count(*) FROM public.%I '
      'WHERE created_by IS NULL OR created_by NOT LIKE %L',
      table_name, 'TEST\_CLONE\_%'
    )
    INTO unmarked;
    IF unmarked <> 0 THEN
      RAISE EXCEPTION
        'REFUSING: table % holds % rows without the TEST_CLONE marker, nothing dropped',
        table_name, unmarked;
    END IF;
  END LOOP;
END
$$;

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
  public.v_reconcile_label_orphan;

DROP FUNCTION IF EXISTS public.fn_governance_scan(text, text);

DROP TABLE IF EXISTS
  public.governance_event_log,
  public.governance_drift_state,
  public.governance_scan_run,
  public.topic_label_reconcile_decision,
  public.topic_taxonomy_map;

DELETE FROM public.axis_object_ownership
WHERE created_by IN (
  'TEST_CLONE_topic_promo_2026-06-03', 'TEST_CLONE_finalization_2026-06-03'
);

DELETE FROM public.axis_assignment
WHERE created_by IN (
  'TEST_CLONE_topic_promo_2026-06-03', 'TEST_CLONE_finalization_2026-06-03'
);

DELETE FROM public.coverage_rule
WHERE created_by IN (
  'TEST_CLONE_topic_promo_2026-06-03', 'TEST_CLONE_finalization_2026-06-03'
);

DELETE FROM public.axis_value
WHERE created_by IN (
  'TEST_CLONE_topic_promo_2026-06-03', 'TEST_CLONE_finalization_2026-06-03'
);

UPDATE public.axis_value
SET status = 'candidate'
WHERE axis_code = 'containment'
  AND status = 'active';

UPDATE public.axis_registry
SET
  status = 'candidate',
  lifecycle_status = 'register'
WHERE axis_code = 'containment'
  AND status = 'active';

DO $$
DECLARE
  remaining bigint := (
    SELECT count(*)
    FROM pg_catalog.pg_class AS class
    WHERE class.relnamespace = 'public'::regnamespace
      AND class.relname IN (
        'v_drift_assignment', 'v_drift_axis', 'v_drift_event_map', 'v_drift_finding',
        'v_drift_issue_payload', 'v_drift_label', 'v_drift_projection',
        'v_drift_summary', 'v_projection_lag_timing',
        'v_reconcile_collection_topic_vs_label', 'v_reconcile_label_orphan',
        'v_reconcile_label_without_topic', 'v_reconcile_summary',
        'v_reconcile_topic_projection_gap', 'v_reconcile_topic_without_label',
        'v_ui_axis_browser', 'v_ui_coverage_dashboard', 'v_ui_detector_findings',
        'v_ui_lane', 'v_ui_object_topic', 'v_ui_review_queue', 'v_ui_topic_tree'
      )
  );
  canonical bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  generalized bigint := (
    SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'responsibility'
  );
BEGIN
  IF remaining <> 0 THEN
    RAISE EXCEPTION 'Z: % views of the finalization remain, expected 0', remaining;
  END IF;
  IF generalized <> canonical THEN
    RAISE EXCEPTION 'Z: responsibility gap=%, canonical %', generalized, canonical;
  END IF;
  RAISE NOTICE 'Z: pre-commit ok (views=% gap=%)', remaining, canonical;
END
$$;

COMMIT;
