-- B2: required cells, effective owners and gap of the axis prototype.
--
-- Needs before: prototype/1_tables.sql in the same transaction. Leaves: three views.
-- Undone by: the rollback of that transaction.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

-- Axis, value and rule must each be active; per_assignment needs the assignment too.
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
  'Axis prototype of pytest-oneroof: cells that need an owner, by active rules.';

CREATE VIEW public.v_axis_effective_owner AS
SELECT
  'responsibility'::text AS axis_code,
  owner.scope AS value_code,
  owner.object_type,
  owner.object_ref,
  owner.owner_gov_code
FROM public.v_object_effective_owner AS owner
WHERE owner.owner_kind = 'accountable';
COMMENT ON VIEW public.v_axis_effective_owner IS
  'Axis prototype of pytest-oneroof: owners of cells, as the existing view has them.';

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
  'Axis prototype of pytest-oneroof: required cells without an owner.';
