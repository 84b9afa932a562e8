-- P6: the seven views that a user interface reads; commits.
--
-- Needs before: P4. Leaves: v_ui_topic_tree, _object_topic, _axis_browser, _lane,
--   _detector_findings, _review_queue, _coverage_dashboard.
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

CREATE VIEW public.v_ui_topic_tree AS
WITH RECURSIVE tree AS (
  SELECT
    value_code,
    parent_value_code,
    status,
    provenance ->> 'kind' AS provenance_kind,
    0 AS depth,
    value_code AS path
  FROM public.axis_value
  WHERE axis_code = 'topic'
    AND parent_value_code IS NULL
  UNION ALL
  SELECT
    child.value_code,
    child.parent_value_code,
    child.status,
    child.provenance ->> 'kind',
    tree.depth + 1,
    tree.path || ' / ' || child.value_code
  FROM tree
  JOIN public.axis_value AS child
    ON child.axis_code = 'topic'
    AND child.parent_value_code = tree.value_code
  WHERE tree.depth < 64
)
SELECT
  value_code AS topic,
  parent_value_code AS parent,
  status,
  provenance_kind,
  depth,
  path
FROM tree;
COMMENT ON VIEW public.v_ui_topic_tree IS 'Topics as a tree, each with its path.';

CREATE VIEW public.v_ui_object_topic AS
SELECT
  quality.object_type,
  quality.object_ref,
  quality.value_code AS topic,
  quality.zone,
  quality.confidence,
  quality.quality_flag,
  owner.owner_gov_code,
  CASE WHEN owner.owner_gov_code IS NULL THEN 'candidate' ELSE 'official' END AS lane
FROM public.v_axis_assignment_quality AS quality
LEFT JOIN public.v_axis_effective_owner AS owner
  ON owner.axis_code = quality.axis_code
  AND owner.value_code = quality.value_code
  AND owner.object_type = quality.object_type
  AND owner.object_ref = quality.object_ref
WHERE quality.axis_code = 'topic';
COMMENT ON VIEW public.v_ui_object_topic IS
  'Objects with their topic; official where an owner answers for it, else candidate.';

CREATE VIEW public.v_ui_axis_browser AS
SELECT
  coverage.axis_code AS axis,
  coverage.axis_name,
  coverage.axis_family,
  coverage.axis_kind,
  coverage.status,
  coverage.lifecycle_status,
  coverage.value_count,
  coverage.active_rules,
  coverage.required_cells,
  coverage.gap_cells
FROM public.v_axis_registry_coverage AS coverage;
COMMENT ON VIEW public.v_ui_axis_browser IS 'Every axis with its coverage.';

CREATE VIEW public.v_ui_lane AS
SELECT
  lane,
  count(*) AS objects
FROM public.v_ui_object_topic
GROUP BY lane;
COMMENT ON VIEW public.v_ui_lane IS
  'How many objects are official, how many candidate.';

CREATE VIEW public.v_ui_detector_findings AS
SELECT
  detector_code AS detector,
  severity,
  object_type,
  object_ref,
  axis_code AS axis,
  value_code AS value,
  detail,
  scan_count,
  first_seen,
  last_seen
FROM public.governance_drift_state
WHERE status = 'open';
COMMENT ON VIEW public.v_ui_detector_findings IS
  'Open drift, as the last scan left it.';

CREATE VIEW public.v_ui_review_queue AS
SELECT
  topic.object_type,
  topic.object_ref,
  topic.topic,
  topic.zone,
  topic.confidence,
  topic.quality_flag,
  topic.lane
FROM public.v_ui_object_topic AS topic
WHERE topic.zone <> 'approved';
COMMENT ON VIEW public.v_ui_review_queue IS
  'Topic assignments that nobody has approved.';

CREATE VIEW public.v_ui_coverage_dashboard AS
SELECT jsonb_build_object(
  'ownership_gap', (SELECT count(*) FROM public.v_object_owner_gap),
  'topic_gap',
  (SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'topic'),
  'active_axes',
  (SELECT count(*) FROM public.axis_registry WHERE status = 'active'),
  'open_drift',
  (SELECT count(*) FROM public.governance_drift_state WHERE status = 'open'),
  'critical_drift',
  (
    SELECT count(*)
    FROM public.governance_drift_state
    WHERE status = 'open'
      AND severity = 'critical'
  ),
  'review_queue_size', (SELECT count(*) FROM public.v_ui_review_queue),
  'reconcile',
  (
    SELECT jsonb_build_object(
      'label_orphans', sum(findings) FILTER (WHERE difference = 'label_orphan'),
      'topics_without_label',
      sum(findings) FILTER (WHERE difference = 'topic_without_label'),
      'labels_without_topic',
      sum(findings) FILTER (WHERE difference = 'label_without_topic'),
      'divergent_collections',
      sum(findings) FILTER (WHERE difference = 'divergent'),
      'projection_gaps', sum(findings) FILTER (WHERE difference = 'projection_gap')
    )
    FROM public.v_reconcile_summary
  )
) AS dashboard;
COMMENT ON VIEW public.v_ui_coverage_dashboard IS 'One row, one JSON object.';

COMMIT;
