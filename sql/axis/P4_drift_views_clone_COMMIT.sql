-- P4: ten drift detectors in four views, their sum, their events; commits.
--
-- Needs before: P3. Leaves: v_drift_label, _projection, _assignment, _axis, _finding,
--   _summary, _event_map, _issue_payload. Undone by: Z_rollback_finalization.sql.

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

CREATE VIEW public.v_drift_event_map AS
SELECT
  mapped.detector_code,
  mapped.event_type
FROM (
  VALUES
    ('label_orphan'::text, 'coverage.scan_completed'::text),
    ('topic_without_label', 'coverage.scan_completed'),
    ('projection_lag', 'coverage.scan_completed'),
    ('low_confidence_assignment', 'input.untrusted_source'),
    ('stale_candidate', 'candidate.scan_completed'),
    ('conflicting_parentage', 'coverage.scan_completed'),
    ('unregistered_axis', 'coverage.scan_completed'),
    ('axis_assignment_missing', 'coverage.scan_completed'),
    ('ui_visible_unapproved', 'input.untrusted_source'),
    ('coverage_rule_missing', 'coverage.scan_completed')
) AS mapped (detector_code, event_type);
COMMENT ON VIEW public.v_drift_event_map IS
  'The detectors, and the governance event that each would be.';

CREATE VIEW public.v_drift_label AS
SELECT
  'label_orphan'::text AS detector_code,
  'warning'::text AS severity,
  'label'::text AS object_type,
  orphan.label_code::text AS object_ref,
  NULL::text AS axis_code,
  NULL::text AS value_code,
  orphan.entities || ' entities carry it' AS detail
FROM public.v_reconcile_label_orphan AS orphan
UNION ALL
SELECT
  'topic_without_label',
  'info',
  'axis_value',
  unmapped.value_code,
  unmapped.axis_code,
  unmapped.value_code,
  'no label in the crosswalk'
FROM public.v_reconcile_topic_without_label AS unmapped;
COMMENT ON VIEW public.v_drift_label IS
  'Detectors label_orphan and topic_without_label.';

-- A quarantine that is held by decision is accepted, not resolved: it stays told.
CREATE VIEW public.v_drift_projection AS
SELECT
  'projection_lag'::text AS detector_code,
  CASE compared.difference WHEN 'divergent' THEN 'info' ELSE 'warning' END AS severity,
  compared.object_type,
  compared.object_ref,
  compared.axis_code,
  compared.value_code,
  compared.difference || ': rule gives '
    || COALESCE(array_to_string(compared.rule_labels, ', '), 'nothing') AS detail
FROM public.v_reconcile_collection_topic_vs_label AS compared
WHERE compared.flag IN (
  'divergent', 'no_label_rule', 'reconciled_accept_quarantine_hold'
)
UNION ALL
SELECT
  'projection_lag',
  'warning',
  'axis_value',
  gap.value_code,
  gap.axis_code,
  gap.value_code,
  'projection_gap: no entity carries ' || array_to_string(gap.topic_labels, ', ')
FROM public.v_reconcile_topic_projection_gap AS gap;
COMMENT ON VIEW public.v_drift_projection IS
  'Detector projection_lag: topics that the labels do not say.';

CREATE VIEW public.v_drift_assignment AS
SELECT
  'low_confidence_assignment'::text AS detector_code,
  'warning'::text AS severity,
  quality.object_type,
  quality.object_ref,
  quality.axis_code,
  quality.value_code,
  'confidence ' || COALESCE(quality.confidence::text, 'unknown') AS detail
FROM public.v_axis_assignment_quality AS quality
WHERE quality.quality_flag = 'low_confidence'
UNION ALL
SELECT
  'conflicting_parentage',
  'critical',
  conflict.object_type,
  conflict.object_ref,
  'topic',
  NULL,
  'under ' || conflict.root_values
FROM public.v_axis_topic_parentage_conflict AS conflict
UNION ALL
SELECT
  'axis_assignment_missing',
  'info',
  missing.object_type,
  missing.object_ref,
  missing.axis_code,
  NULL,
  'no value of the axis'
FROM public.v_axis_missing_assignment AS missing
UNION ALL
SELECT
  'ui_visible_unapproved',
  'warning',
  assigned.object_type,
  assigned.object_ref,
  assigned.axis_code,
  assigned.value_code,
  'zone ' || assigned.zone || ', no accountable owner'
FROM public.axis_assignment AS assigned
WHERE assigned.status = 'active'
  AND assigned.zone <> 'approved'
  AND NOT EXISTS (
    SELECT
    FROM public.v_axis_effective_owner AS owner
    WHERE owner.axis_code = assigned.axis_code
      AND owner.value_code = assigned.value_code
      AND owner.object_type = assigned.object_type
      AND owner.object_ref = assigned.object_ref
  );
COMMENT ON VIEW public.v_drift_assignment IS
  'Detectors low_confidence_assignment, conflicting_parentage, axis_assignment_missing '
  'and ui_visible_unapproved.';

CREATE VIEW public.v_drift_axis AS
SELECT DISTINCT
  'unregistered_axis'::text AS detector_code,
  'warning'::text AS severity,
  'axis'::text AS object_type,
  used.axis_code AS object_ref,
  used.axis_code,
  NULL::text AS value_code,
  'active rows of an axis that is not active'::text AS detail
FROM (
  SELECT axis_code FROM public.axis_assignment WHERE status = 'active'
  UNION
  SELECT axis_code FROM public.coverage_rule WHERE status = 'active'
  UNION
  SELECT axis_code FROM public.axis_object_ownership WHERE lifecycle_status = 'active'
) AS used
WHERE NOT EXISTS (
  SELECT
  FROM public.axis_registry AS axis
  WHERE axis.axis_code = used.axis_code
    AND axis.status = 'active'
)
UNION ALL
SELECT
  'coverage_rule_missing',
  'info',
  'axis',
  axis.axis_code,
  axis.axis_code,
  NULL,
  'active without an active rule'
FROM public.axis_registry AS axis
WHERE axis.status = 'active'
  AND NOT EXISTS (
    SELECT
    FROM public.coverage_rule AS rule
    WHERE rule.axis_code = axis.axis_code
      AND rule.status = 'active'
  )
UNION ALL
SELECT
  'stale_candidate',
  'info',
  'axis_value',
  value.value_code,
  value.axis_code,
  value.value_code,
  'candidate since ' || (value.provenance ->> 'proposed_at')
FROM public.axis_value AS value
WHERE value.status = 'candidate'
  AND COALESCE(
    (value.provenance ->> 'proposed_at')::timestamptz, value.created_at
  ) < COALESCE(
    NULLIF(current_setting('oneroof.axis_as_of', true), '')::timestamptz, now()
  ) - interval '30 days';
COMMENT ON VIEW public.v_drift_axis IS
  'Detectors unregistered_axis, coverage_rule_missing and stale_candidate.';

CREATE VIEW public.v_drift_finding AS
SELECT * FROM public.v_drift_label
UNION ALL
SELECT * FROM public.v_drift_projection
UNION ALL
SELECT * FROM public.v_drift_assignment
UNION ALL
SELECT * FROM public.v_drift_axis;
COMMENT ON VIEW public.v_drift_finding IS 'What every detector finds now.';

CREATE VIEW public.v_drift_summary AS
SELECT
  detector.detector_code,
  count(finding.detector_code) AS findings,
  count(*) FILTER (WHERE finding.severity = 'critical') AS critical,
  count(*) FILTER (WHERE finding.severity = 'warning') AS warning,
  count(*) FILTER (WHERE finding.severity = 'info') AS info
FROM public.v_drift_event_map AS detector
LEFT JOIN public.v_drift_finding AS finding
  ON finding.detector_code = detector.detector_code
GROUP BY detector.detector_code;
COMMENT ON VIEW public.v_drift_summary IS
  'Every detector with its findings by severity, those without any too.';

CREATE VIEW public.v_drift_issue_payload AS
SELECT
  finding.detector_code,
  kind.event_domain,
  kind.event_type,
  kind.event_stream,
  kind.delivery_lane,
  finding.object_type || ':' || finding.object_ref AS canonical_address,
  'gov:drift-scanner'::text AS actor_ref,
  jsonb_build_object(
    'detector', finding.detector_code,
    'severity', finding.severity,
    'axis', finding.axis_code,
    'value', finding.value_code,
    'detail', finding.detail
  ) AS safe_payload,
  kind.active AS emittable,
  CASE
    WHEN NOT kind.active THEN 'event_type_inactive (governance disabled)'
  END AS blocked_reason
FROM public.v_drift_finding AS finding
JOIN public.v_drift_event_map AS map
  ON map.detector_code = finding.detector_code
JOIN public.event_type_registry AS kind
  ON kind.event_domain = 'governance'
  AND kind.event_type = map.event_type;
COMMENT ON VIEW public.v_drift_issue_payload IS
  'Events that the findings would be, and why they are held back.';

COMMIT;
