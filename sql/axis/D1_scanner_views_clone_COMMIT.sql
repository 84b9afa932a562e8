-- D1: the two views of the axis scanner; commits.
--
-- Needs before: A2. Leaves: v_axis_coverage_summary, v_axis_missing_assignment.
-- Undone by: Z_axis_substrate_drop_clone.sql.

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

CREATE VIEW public.v_axis_coverage_summary AS
SELECT
  axis.axis_code,
  axis.axis_kind,
  axis.status,
  (
    SELECT count(*)
    FROM public.v_axis_required_cell AS required
    WHERE required.axis_code = axis.axis_code
  ) AS required_cells,
  (
    SELECT count(*)
    FROM public.v_axis_coverage_gap AS gap
    WHERE gap.axis_code = axis.axis_code
  ) AS gap_cells,
  count(quality.quality_flag) FILTER (WHERE quality.quality_flag = 'ok')
    AS ok_assignments,
  count(quality.quality_flag) FILTER (WHERE quality.quality_flag = 'low_confidence')
    AS low_conf,
  count(quality.quality_flag) FILTER (WHERE quality.quality_flag = 'stale')
    AS stale,
  count(quality.quality_flag) FILTER (
    WHERE quality.quality_flag IN ('quarantine', 'missing_provenance')
  ) AS quarantine
FROM public.axis_registry AS axis
LEFT JOIN public.v_axis_assignment_quality AS quality
  ON quality.axis_code = axis.axis_code
WHERE axis.status = 'active'
GROUP BY
  axis.axis_code,
  axis.axis_kind,
  axis.status;
COMMENT ON VIEW public.v_axis_coverage_summary IS
  'One row per active axis: required and open cells, assignments by quality.';

CREATE VIEW public.v_axis_missing_assignment AS
SELECT
  rule.axis_code,
  inventory.object_type,
  inventory.object_ref
FROM public.coverage_rule AS rule
JOIN public.axis_registry AS axis
  ON axis.axis_code = rule.axis_code
JOIN public.v_governance_object_inventory AS inventory
  ON inventory.object_type = rule.applies_to
WHERE rule.coverage_mode = 'per_assignment'
  AND rule.status = 'active'
  AND axis.status = 'active'
  AND NOT EXISTS (
    SELECT
    FROM public.axis_assignment AS assignment
    WHERE assignment.axis_code = rule.axis_code
      AND assignment.object_type = inventory.object_type
      AND assignment.object_ref = inventory.object_ref
      AND assignment.status = 'active'
  );
COMMENT ON VIEW public.v_axis_missing_assignment IS
  'Governed objects without any value of an axis that is covered by assignment.';

COMMIT;
