-- Full packet: which of its tiers stand in the database. Reads only.
--
-- Gate: none. SELECT alone, which the executor sends in its own READ ONLY transaction.
-- Needs before: nothing. Expected delta: none. Undone by: nothing to undo.
-- Stop: none. One SELECT for each tier, in their order, and each returns (step, state,
--   found); state is absent, whole or in part. Where a table that it reads is missing,
--   the tier is absent (psql tells the table). Each tier is one transaction: in part
--   means that somebody else changed it.

SELECT
  '1' AS step,
  CASE counted WHEN 0 THEN 'absent' WHEN 43 THEN 'whole' ELSE 'in part' END AS state,
  counted || ' of 43 objects' AS found
FROM (
  SELECT
    (
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
    )
    + CASE
      WHEN to_regprocedure('public.fn_governance_scan(text, text)') IS NULL THEN 0
      ELSE 1
    END AS counted
) AS tier;

SELECT
  '2' AS step,
  CASE counted WHEN 0 THEN 'absent' WHEN 8 THEN 'whole' ELSE 'in part' END AS state,
  counted || ' of 8 rows of the axis' AS found
FROM (
  SELECT
    (
      SELECT count(*)
      FROM public.axis_registry
      WHERE axis_code = 'responsibility'
    )
    + (
      SELECT count(*)
      FROM public.axis_value
      WHERE axis_code = 'responsibility'
    )
    + (
      SELECT count(*)
      FROM public.coverage_rule
      WHERE rule_code = 'CR-RESP-ALL'
    ) AS counted
) AS tier;

SELECT
  '3' AS step,
  CASE counted WHEN 0 THEN 'absent' WHEN 30 THEN 'whole' ELSE 'in part' END AS state,
  counted || ' of 30 anchors' AS found
FROM (
  SELECT count(*) AS counted
  FROM public.governance_object_ownership
  WHERE created_by = 'PROD_OWNERSHIP_SEED_2026-06-03'
) AS tier;

SELECT
  '4' AS step,
  CASE counted WHEN 0 THEN 'absent' WHEN 70 THEN 'whole' ELSE 'in part' END AS state,
  counted || ' of 70 assignments and owners' AS found
FROM (
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
    ) AS counted
) AS tier;

SELECT
  '5' AS step,
  CASE counted WHEN 0 THEN 'absent' WHEN 13 THEN 'whole' ELSE 'in part' END AS state,
  counted || ' of 13 assignments and crosswalk' AS found
FROM (
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
    ) AS counted
) AS tier;

SELECT
  '6' AS step,
  CASE counted WHEN 0 THEN 'absent' WHEN 1 THEN 'whole' ELSE 'in part' END AS state,
  counted || ' of 1 baseline scan' AS found
FROM (
  SELECT count(*) AS counted
  FROM public.governance_scan_run
  WHERE scan_id = 1
) AS tier;
