-- E2, GET /coverage/by-scope: a row for each active scope, in the order of its code.
--
-- Needs before: the five governance views, and no relation of this name.
-- Leaves: view v_api_coverage_by_scope. Undone by: the rollback, or drop_contract.sql.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE VIEW public.v_api_coverage_by_scope WITH (security_invoker = true) AS
WITH object AS (
  SELECT count(*) AS objects FROM public.v_governance_object_inventory
),
gap AS (
  SELECT
    scope,
    count(*) AS cells
  FROM public.v_object_owner_gap
  GROUP BY scope
)
SELECT
  scope.scope_code AS scope,
  scope.description,
  object.objects,
  object.objects - COALESCE(gap.cells, 0) AS covered,
  COALESCE(gap.cells, 0) AS gap
FROM public.governance_responsibility_scope AS scope
CROSS JOIN object
LEFT JOIN gap
  ON gap.scope = scope.scope_code
WHERE scope.status = 'active'
ORDER BY scope.scope_code COLLATE "C";
COMMENT ON VIEW public.v_api_coverage_by_scope IS
  'pytest-oneroof, read contract E2: GET /coverage/by-scope; drop_contract.sql.';
