-- Figures of the topic promotion: values, crosswalk, reconcile, drift, events, views.
--
-- Needs before: stage P. Leaves: nothing; reads only. Returns (figure, value as JSON);
--   what is expected stands in fixtures/axis_substrate.json.

SELECT
  'containment' AS figure,
  jsonb_build_array(status, value_count, active_rules, required_cells)
FROM public.v_axis_registry_coverage
WHERE axis_code = 'containment'
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
  'topic ' || value_code,
  jsonb_build_array(
    status,
    provenance ->> 'kind',
    parent_value_code,
    provenance ->> 'merged_into'
  )
FROM public.axis_value
WHERE axis_code = 'topic'
UNION ALL
SELECT 'topic gap', jsonb_agg(object_ref ORDER BY object_ref)
FROM public.v_axis_coverage_gap
WHERE axis_code = 'topic'
UNION ALL
SELECT
  'owner of modules',
  jsonb_agg(
    jsonb_build_array(owner_gov_code, owner_kind, provenance ->> 'kind')
    ORDER BY owner_gov_code
  )
FROM public.axis_object_ownership
WHERE axis_code = 'topic'
  AND object_ref = 'modules'
UNION ALL
SELECT
  'crosswalk',
  jsonb_agg(
    jsonb_build_array(value_code, label_code) ORDER BY value_code, label_code
  )
FROM public.topic_taxonomy_map
UNION ALL
SELECT 'reconcile ' || difference, to_jsonb(findings)
FROM public.v_reconcile_summary
UNION ALL
SELECT 'unmapped topics', jsonb_agg(value_code ORDER BY value_code)
FROM public.v_reconcile_topic_without_label
UNION ALL
SELECT 'detector ' || detector_code, jsonb_build_array(critical, warning, info)
FROM public.v_drift_summary
UNION ALL
SELECT
  'drift',
  jsonb_build_array(
    sum(findings), sum(critical), sum(warning), sum(info), count(*)
  )
FROM public.v_drift_summary
UNION ALL
SELECT
  'scans',
  jsonb_agg(
    jsonb_build_array(
      finding_count, new_count, resolved_count, summary -> 'max_scan_count'
    )
    ORDER BY scan_id
  )
FROM public.governance_scan_run
WHERE actor = 'TEST_CLONE_topic_promo_2026-06-03'
UNION ALL
SELECT 'states', jsonb_build_array(count(*), count(*) FILTER (WHERE status = 'open'))
FROM public.governance_drift_state
UNION ALL
SELECT 'shaped as ' || event_type, to_jsonb(count(*))
FROM public.v_drift_issue_payload
GROUP BY event_type
UNION ALL
SELECT
  'shaped, blocked, emittable',
  jsonb_build_array(
    count(*),
    count(*) FILTER (
      WHERE blocked_reason = 'event_type_inactive (governance disabled)'
    ),
    count(*) FILTER (WHERE emittable)
  )
FROM public.v_drift_issue_payload
UNION ALL
SELECT
  'event log',
  jsonb_build_array(
    count(*),
    count(*) FILTER (WHERE emitted),
    count(*) FILTER (
      WHERE blocked_reason = 'event_type_inactive (governance disabled)'
    )
  )
FROM public.governance_event_log
UNION ALL
SELECT 'governance events', to_jsonb(count(*))
FROM public.event_outbox
WHERE event_domain = 'governance'
UNION ALL
SELECT
  'governance types, active',
  jsonb_build_array(count(*), count(*) FILTER (WHERE active))
FROM public.event_type_registry
WHERE event_domain = 'governance'
UNION ALL
SELECT
  'ui topic tree',
  jsonb_agg(jsonb_build_array(path, depth) ORDER BY path COLLATE "C")
FROM public.v_ui_topic_tree
UNION ALL
SELECT 'ui axis browser', jsonb_agg(axis ORDER BY axis)
FROM public.v_ui_axis_browser
UNION ALL
SELECT 'ui lane', jsonb_object_agg(lane, objects)
FROM public.v_ui_lane
UNION ALL
SELECT 'ui object topic', to_jsonb(count(*))
FROM public.v_ui_object_topic
UNION ALL
SELECT 'ui detector findings', to_jsonb(count(*))
FROM public.v_ui_detector_findings
UNION ALL
SELECT 'ui review queue', to_jsonb(count(*))
FROM public.v_ui_review_queue
UNION ALL
SELECT 'ui dashboard', dashboard
FROM public.v_ui_coverage_dashboard
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
ORDER BY figure;
