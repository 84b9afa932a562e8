-- A3: axis responsibility, its values, its rule; the generalized gap is the canonical.
--
-- Needs before: A1, A2, no row in axis_registry. Leaves: one active axis, a value per
--   active scope (6), rule CR-RESP-ALL; required 210, gap as v_object_owner_gap has it.
-- Undone by: Z_axis_substrate_drop_clone.sql. Commits.

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

INSERT INTO public.axis_registry (
  axis_code, axis_name, axis_family, axis_kind, value_domain, owner_scope_ref,
  status, lifecycle_status, created_by
)
VALUES (
  'responsibility', 'Responsibility', 'system', 'system',
  'governance_responsibility_scope', 'global', 'active', 'active',
  'TEST_CLONE_AXIS_2026-06-03'
);

INSERT INTO public.axis_value (
  axis_code, value_code, status, provenance, created_by
)
SELECT
  'responsibility',
  scope_code,
  'active',
  jsonb_build_object('kind', 'system', 'source', 'governance_responsibility_scope'),
  'TEST_CLONE_AXIS_2026-06-03'
FROM public.governance_responsibility_scope
WHERE status = 'active'
ORDER BY scope_code;

INSERT INTO public.coverage_rule (
  rule_code, axis_code, applies_to, coverage_mode, required_owner_kind, status,
  created_by
)
VALUES (
  'CR-RESP-ALL', 'responsibility', 'collection', 'cross_product', 'accountable',
  'active', 'TEST_CLONE_AXIS_2026-06-03'
);

-- Zero drift, row by row; over no cell at all it would prove nothing.
DO $$
DECLARE
  required bigint := (SELECT count(*) FROM public.v_axis_required_cell);
  cells bigint := (SELECT count(*) FROM public.v_governance_object_inventory) * (
    SELECT count(*)
    FROM public.governance_responsibility_scope
    WHERE status = 'active'
  );
  differing bigint := (
    SELECT count(*)
    FROM (
      SELECT object_type, object_ref, value_code
      FROM public.v_axis_coverage_gap
    ) AS generalized
    FULL JOIN public.v_object_owner_gap AS canonical
      ON canonical.object_type = generalized.object_type
      AND canonical.object_ref = generalized.object_ref
      AND canonical.scope = generalized.value_code
    WHERE canonical.scope IS NULL
      OR generalized.value_code IS NULL
  );
BEGIN
  IF cells = 0 OR required <> cells THEN
    RAISE EXCEPTION 'A: post-state required=%, expected %', required, cells;
  END IF;
  IF differing <> 0 THEN
    RAISE EXCEPTION 'A: generalized and canonical gap differ in % cells', differing;
  END IF;
  RAISE NOTICE 'A: pre-commit ok (required=% drift=%)', required, differing;
END
$$;

COMMIT;
