-- E4, GET /coverage/by-object: a row for each governed object.
--
-- Needs before: the five governance views, and no relation of this name.
-- Leaves: view v_api_coverage_by_object. Undone by: the rollback, or drop_contract.sql.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE VIEW public.v_api_coverage_by_object WITH (security_invoker = true) AS
WITH scope AS (
  SELECT count(*) AS required
  FROM public.governance_responsibility_scope
  WHERE status = 'active'
),
gap AS (
  SELECT
    object_type,
    object_ref,
    count(*) AS cells
  FROM public.v_object_owner_gap
  GROUP BY
    object_type,
    object_ref
)
SELECT
  inventory.object_type,
  inventory.object_ref,
  scope.required AS scopes_required,
  scope.required - COALESCE(gap.cells, 0) AS scopes_covered,
  COALESCE(gap.cells, 0) AS scopes_gap
FROM public.v_governance_object_inventory AS inventory
CROSS JOIN scope
LEFT JOIN gap
  ON gap.object_type = inventory.object_type
  AND gap.object_ref = inventory.object_ref
ORDER BY
  inventory.object_type COLLATE "C",
  inventory.object_ref COLLATE "C";
COMMENT ON VIEW public.v_api_coverage_by_object IS
  'pytest-oneroof, read contract E4: GET /coverage/by-object; drop_contract.sql.';
