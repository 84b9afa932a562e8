-- A2: the five core views of the axis substrate; commits.
--
-- Needs before: A1. Leaves: v_axis_required_cell, v_axis_effective_owner,
--   v_axis_coverage_gap, v_axis_assignment_quality, v_axis_registry_coverage.
-- Undone by: Z_axis_substrate_drop_clone.sql.
--
-- Staleness is measured against now(), or against the setting oneroof.axis_as_of, by
-- which a rehearsal repeats a past day.

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

-- Axis, value and rule must each be active; per_assignment needs the assignment too,
-- whatever its zone: an item in quarantine is a cell that is open on purpose.
CREATE VIEW public.v_axis_required_cell AS
SELECT
  rule.axis_code,
  value.value_code,
  inventory.object_type,
  inventory.object_ref
FROM public.coverage_rule AS rule
JOIN public.axis_registry AS axis
  ON axis.axis_code = rule.axis_code
JOIN public.axis_value AS value
  ON value.axis_code = rule.axis_code
JOIN public.v_governance_object_inventory AS inventory
  ON inventory.object_type = rule.applies_to
WHERE rule.coverage_mode = 'cross_product'
  AND rule.status = 'active'
  AND axis.status = 'active'
  AND value.status = 'active'
  AND inventory.requires_owner
  AND inventory.born
UNION
SELECT
  rule.axis_code,
  value.value_code,
  assignment.object_type,
  assignment.object_ref
FROM public.coverage_rule AS rule
JOIN public.axis_registry AS axis
  ON axis.axis_code = rule.axis_code
JOIN public.axis_value AS value
  ON value.axis_code = rule.axis_code
JOIN public.axis_assignment AS assignment
  ON assignment.axis_code = value.axis_code
  AND assignment.value_code = value.value_code
  AND assignment.object_type = rule.applies_to
WHERE rule.coverage_mode = 'per_assignment'
  AND rule.status = 'active'
  AND axis.status = 'active'
  AND value.status = 'active'
  AND assignment.status = 'active';
COMMENT ON VIEW public.v_axis_required_cell IS
  'Cells that need an owner, by the active rules of active axes.';

-- Responsibility keeps its own path, so that its cells stay as they are. An owner
-- given to an item in quarantine does not count: it must be cleared first.
CREATE VIEW public.v_axis_effective_owner AS
SELECT
  'responsibility'::text AS axis_code,
  owner.scope AS value_code,
  owner.object_type,
  owner.object_ref,
  owner.owner_gov_code,
  owner.owner_kind,
  owner.resolution,
  owner.depth
FROM public.v_object_effective_owner AS owner
WHERE owner.owner_kind = 'accountable'
UNION ALL
SELECT
  owned.axis_code,
  owned.value_code,
  owned.object_type,
  owned.object_ref,
  owned.owner_gov_code,
  owned.owner_kind,
  'direct',
  0
FROM public.axis_object_ownership AS owned
WHERE owned.axis_code <> 'responsibility'
  AND owned.owner_kind = 'accountable'
  AND owned.lifecycle_status = 'active'
  AND NOT EXISTS (
    SELECT
    FROM public.axis_assignment AS held
    WHERE held.object_type = owned.object_type
      AND held.object_ref = owned.object_ref
      AND held.axis_code = owned.axis_code
      AND held.value_code = owned.value_code
      AND held.status = 'active'
      AND held.zone = 'quarantine'
  );
COMMENT ON VIEW public.v_axis_effective_owner IS
  'Accountable owners of cells: responsibility by its existing view, others by row.';

CREATE VIEW public.v_axis_coverage_gap AS
SELECT
  required.axis_code,
  required.value_code,
  required.object_type,
  required.object_ref
FROM public.v_axis_required_cell AS required
LEFT JOIN public.v_axis_effective_owner AS owner
  ON owner.axis_code = required.axis_code
  AND owner.value_code = required.value_code
  AND owner.object_type = required.object_type
  AND owner.object_ref = required.object_ref
WHERE owner.owner_gov_code IS NULL;
COMMENT ON VIEW public.v_axis_coverage_gap IS
  'Required cells without an accountable owner.';

CREATE VIEW public.v_axis_assignment_quality AS
SELECT
  assignment.axis_code,
  assignment.value_code,
  assignment.object_type,
  assignment.object_ref,
  assignment.zone,
  assignment.confidence,
  assignment.assigned_kind,
  assignment.assigned_at,
  rule.rule_code,
  CASE
    WHEN assignment.zone = 'quarantine' THEN 'quarantine'
    WHEN assignment.provenance IS NULL THEN 'missing_provenance'
    WHEN COALESCE(assignment.confidence, 0) < rule.confidence_threshold
      THEN 'low_confidence'
    WHEN rule.staleness_days > 0
      AND assignment.assigned_at < COALESCE(
        NULLIF(current_setting('oneroof.axis_as_of', true), '')::timestamptz, now()
      ) - make_interval(days => rule.staleness_days)
      THEN 'stale'
    ELSE 'ok'
  END AS quality_flag
FROM public.axis_assignment AS assignment
JOIN public.coverage_rule AS rule
  ON rule.axis_code = assignment.axis_code
  AND rule.applies_to = assignment.object_type
  AND rule.status = 'active'
WHERE assignment.status = 'active';
COMMENT ON VIEW public.v_axis_assignment_quality IS
  'One flag per active assignment, by the rule of its axis; the worst wins.';

CREATE VIEW public.v_axis_registry_coverage AS
SELECT
  axis.axis_code,
  axis.axis_name,
  axis.axis_family,
  axis.axis_kind,
  axis.status,
  axis.lifecycle_status,
  (
    SELECT count(*)
    FROM public.axis_value AS value
    WHERE value.axis_code = axis.axis_code
  ) AS value_count,
  (
    SELECT count(*)
    FROM public.coverage_rule AS rule
    WHERE rule.axis_code = axis.axis_code
      AND rule.status = 'active'
  ) AS active_rules,
  (
    SELECT count(*)
    FROM public.v_axis_required_cell AS required
    WHERE required.axis_code = axis.axis_code
  ) AS required_cells,
  (
    SELECT count(*)
    FROM public.v_axis_coverage_gap AS gap
    WHERE gap.axis_code = axis.axis_code
  ) AS gap_cells
FROM public.axis_registry AS axis;
COMMENT ON VIEW public.v_axis_registry_coverage IS
  'Every axis with its values, active rules, required and open cells.';

COMMIT;
