-- E5, GET /coverage/gaps: a row for each cell without an accountable owner.
--
-- Needs before: the five governance views, and no relation of this name.
-- Leaves: view v_api_coverage_gaps. Undone by: the rollback, or drop_contract.sql.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE VIEW public.v_api_coverage_gaps WITH (security_invoker = true) AS
SELECT
  object_type,
  object_ref,
  scope
FROM public.v_object_owner_gap
ORDER BY
  object_type COLLATE "C",
  object_ref COLLATE "C",
  scope COLLATE "C";
COMMENT ON VIEW public.v_api_coverage_gaps IS
  'pytest-oneroof, read contract E5: GET /coverage/gaps; drop_contract.sql.';
