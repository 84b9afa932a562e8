-- Figures of the finalization: decisions, topics, containment, lag, drift.
--
-- Needs before: stage F. Leaves: nothing; reads only. Returns (figure, value as JSON);
--   what is expected stands in fixtures/axis_substrate.json.

SELECT 'decision ' || decision AS figure, to_jsonb(count(*))
FROM public.topic_label_reconcile_decision
GROUP BY decision
UNION ALL
SELECT 'decisions', to_jsonb(count(*))
FROM public.topic_label_reconcile_decision
UNION ALL
SELECT 'flags', jsonb_object_agg(flag, amount)
FROM (
  SELECT flag, count(*) AS amount
  FROM public.v_reconcile_collection_topic_vs_label
  GROUP BY flag
) AS flagged
UNION ALL
SELECT 'reconcile ' || difference, to_jsonb(findings)
FROM public.v_reconcile_summary
UNION ALL
SELECT 'label rules', to_jsonb(count(*))
FROM public.label_rules
UNION ALL
SELECT 'census', jsonb_object_agg(status, amount)
FROM (
  SELECT status, count(*) AS amount
  FROM public.axis_value
  WHERE axis_code = 'topic'
  GROUP BY status
) AS counted
UNION ALL
SELECT
  'kg-domain-x',
  jsonb_build_array(
    status,
    parent_value_code,
    provenance ->> 'kind',
    provenance ->> 'prior_kind',
    provenance ->> 'ratified_by',
    provenance ->> 'approval_ref',
    provenance ->> 'lane'
  )
FROM public.axis_value
WHERE axis_code = 'topic'
  AND value_code = 'kg-domain-x'
UNION ALL
SELECT
  'kg-domain-x in the crosswalk',
  jsonb_agg(jsonb_build_array(label_code, map_kind) ORDER BY label_code)
FROM public.topic_taxonomy_map
WHERE value_code = 'kg-domain-x'
UNION ALL
SELECT
  'containment rule',
  jsonb_agg(
    jsonb_build_array(
      rule_code, coverage_mode, applies_to, required_owner_kind,
      confidence_threshold, staleness_days
    )
    ORDER BY rule_code
  )
FROM public.coverage_rule
WHERE axis_code = 'containment'
UNION ALL
SELECT
  'containment',
  jsonb_build_array(required_cells, gap_cells, ok_assignments)
FROM public.v_axis_coverage_summary
WHERE axis_code = 'containment'
UNION ALL
SELECT
  'containment owners',
  to_jsonb(
    (SELECT count(*) FROM public.axis_object_ownership WHERE axis_code = 'containment')
  )
UNION ALL
SELECT
  'containment assignments of another kind',
  to_jsonb(
    (
      SELECT count(*)
      FROM public.axis_assignment
      WHERE axis_code = 'containment'
        AND (zone, confidence, assigned_kind) <> ('approved', 1.0, 'rule')
    )
  )
UNION ALL
SELECT 'containment distribution', jsonb_object_agg(value_code, amount)
FROM (
  SELECT value_code, count(*) AS amount
  FROM public.axis_assignment
  WHERE axis_code = 'containment'
  GROUP BY value_code
) AS counted
UNION ALL
SELECT
  'containment missing, rule missing, island',
  jsonb_build_array(
    (
      SELECT count(*)
      FROM public.v_axis_missing_assignment
      WHERE axis_code = 'containment'
    ),
    (
      SELECT count(*)
      FROM public.v_drift_finding
      WHERE detector_code = 'coverage_rule_missing'
    ),
    (
      SELECT count(*)
      FROM public.v_governance_object_inventory AS inventory
      WHERE NOT EXISTS (
        SELECT
        FROM public.v_governance_object_containment AS containment
        WHERE containment.object_ref = inventory.object_ref
      )
    )
  )
UNION ALL
SELECT
  'lag of ' || timing.object_ref,
  jsonb_build_array(timing.value_code, timing.lag_flag, timing.lag_days)
FROM public.v_projection_lag_timing AS timing
UNION ALL
SELECT
  'lag findings',
  jsonb_agg(
    jsonb_build_array(object_ref, value_code, severity) ORDER BY object_ref
  )
FROM public.v_drift_finding
WHERE detector_code = 'projection_lag_timing'
UNION ALL
SELECT 'detector ' || detector_code, jsonb_build_array(critical, warning, info)
FROM public.v_drift_summary
UNION ALL
SELECT
  'drift',
  jsonb_build_array(sum(findings), sum(critical), count(*))
FROM public.v_drift_summary
UNION ALL
SELECT
  'scans',
  jsonb_agg(
    jsonb_build_array(finding_count, new_count, resolved_count) ORDER BY scan_id
  )
FROM public.governance_scan_run
WHERE actor = 'TEST_CLONE_finalization_2026-06-03'
UNION ALL
SELECT
  'states',
  jsonb_build_array(
    count(*) FILTER (WHERE status = 'open'),
    count(*) FILTER (WHERE status = 'resolved')
  )
FROM public.governance_drift_state
UNION ALL
SELECT 'emittable', to_jsonb(count(*))
FROM public.v_drift_issue_payload
WHERE emittable
UNION ALL
SELECT 'governance events', to_jsonb(count(*))
FROM public.event_outbox
WHERE event_domain = 'governance'
UNION ALL
SELECT
  'structure',
  jsonb_build_array(
    count(*) FILTER (WHERE class.relkind = 'r'),
    count(*) FILTER (WHERE class.relkind = 'v')
  )
FROM pg_catalog.pg_class AS class
WHERE class.relnamespace = 'public'::regnamespace
  AND (
    class.relname LIKE 'v\_axis\_%'
    OR class.relname LIKE 'v\_reconcile\_%'
    OR class.relname LIKE 'v\_drift\_%'
    OR class.relname LIKE 'v\_ui\_%'
    OR class.relname IN (
      'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
      'axis_registry', 'axis_value', 'coverage_rule', 'governance_drift_state',
      'governance_event_log', 'governance_scan_run', 'topic_label_reconcile_decision',
      'topic_taxonomy_map', 'v_projection_lag_timing'
    )
  )
UNION ALL
SELECT 'scan functions', to_jsonb(count(*))
FROM pg_catalog.pg_proc
WHERE pronamespace = 'public'::regnamespace
  AND proname = 'fn_governance_scan'
UNION ALL
SELECT 'ui dashboard', dashboard
FROM public.v_ui_coverage_dashboard
ORDER BY figure;
