-- F4: how far labels lag behind what is governed; the eleventh detector; commits.
--
-- Needs before: P4. Leaves: v_projection_lag_timing; v_drift_projection and
--   v_drift_event_map with detector projection_lag_timing besides what they had.
-- Undone by: Z_rollback_finalization.sql.

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

-- Dates are compared in UTC, so that no session's time zone moves a day. Without a rule
-- nothing can be projected: that is detector projection_lag's to tell.
CREATE VIEW public.v_projection_lag_timing AS
SELECT
  timed.object_type,
  timed.object_ref,
  timed.axis_code,
  timed.value_code,
  timed.gov_at,
  timed.proj_at,
  timed.lag_flag,
  CASE
    WHEN timed.lag_flag = 'lagging'
      THEN (timed.gov_at AT TIME ZONE 'UTC')::date
        - (timed.proj_at AT TIME ZONE 'UTC')::date
  END AS lag_days
FROM (
  SELECT
    assigned.object_type,
    assigned.object_ref,
    assigned.axis_code,
    assigned.value_code,
    assigned.assigned_at AS gov_at,
    projected.at AS proj_at,
    CASE
      WHEN projected.at IS NULL THEN 'never_projected'
      WHEN assigned.assigned_at > projected.at THEN 'lagging'
      ELSE 'fresh'
    END AS lag_flag
  FROM public.axis_assignment AS assigned
  CROSS JOIN LATERAL (
    SELECT
      count(DISTINCT rule.id) AS rules,
      max(carried.assigned_at) AS at
    FROM public.label_rules AS rule
    LEFT JOIN public.entity_labels AS carried
      ON carried.rule_id = rule.id
      AND carried.assigned_by = 'rule'
    WHERE rule.rule_type = 'collection'
      AND rule.status = 'active'
      AND rule.condition ->> 'collection' = assigned.object_ref
  ) AS projected
  WHERE assigned.axis_code = 'topic'
    AND assigned.object_type = 'collection'
    AND assigned.status = 'active'
    AND projected.rules > 0
) AS timed;
COMMENT ON VIEW public.v_projection_lag_timing IS
  'When a topic was governed and when labels by rule were last projected.';

CREATE OR REPLACE VIEW public.v_drift_event_map AS
SELECT
  mapped.detector_code,
  mapped.event_type
FROM (
  VALUES
    ('label_orphan'::text, 'coverage.scan_completed'::text),
    ('topic_without_label', 'coverage.scan_completed'),
    ('projection_lag', 'coverage.scan_completed'),
    ('projection_lag_timing', 'coverage.scan_completed'),
    ('low_confidence_assignment', 'input.untrusted_source'),
    ('stale_candidate', 'candidate.scan_completed'),
    ('conflicting_parentage', 'coverage.scan_completed'),
    ('unregistered_axis', 'coverage.scan_completed'),
    ('axis_assignment_missing', 'coverage.scan_completed'),
    ('ui_visible_unapproved', 'input.untrusted_source'),
    ('coverage_rule_missing', 'coverage.scan_completed')
) AS mapped (detector_code, event_type);

CREATE OR REPLACE VIEW public.v_drift_projection AS
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
FROM public.v_reconcile_topic_projection_gap AS gap
UNION ALL
SELECT
  'projection_lag_timing',
  CASE
    WHEN timing.lag_flag = 'never_projected' OR timing.lag_days > 30 THEN 'warning'
    ELSE 'info'
  END,
  timing.object_type,
  timing.object_ref,
  timing.axis_code,
  timing.value_code,
  timing.lag_flag || COALESCE(': ' || timing.lag_days || ' days', '')
FROM public.v_projection_lag_timing AS timing
WHERE timing.lag_flag <> 'fresh';
COMMENT ON VIEW public.v_drift_projection IS
  'Detectors projection_lag and projection_lag_timing.';

COMMIT;
