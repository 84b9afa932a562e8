-- E3, GET /coverage/by-owner: a row for each accountable owner, most cells first.
--
-- Needs before: the five governance views, and no relation of this name.
-- Leaves: view v_api_coverage_by_owner. Undone by: the rollback, or drop_contract.sql.
--
-- Counts the rows of the effective-owner view, group nodes included: 240 = 30 + 210
-- where all is seeded and nothing overridden.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE VIEW public.v_api_coverage_by_owner WITH (security_invoker = true) AS
SELECT
  effective.owner_gov_code AS owner,
  registry.name AS owner_name,
  count(*) AS accountable_cells,
  count(*) FILTER (WHERE effective.resolution = 'direct') AS direct,
  count(*) FILTER (WHERE effective.resolution = 'inherited') AS inherited
FROM public.v_object_effective_owner AS effective
JOIN public.governance_registry AS registry
  ON registry.code = effective.owner_gov_code
GROUP BY
  effective.owner_gov_code,
  registry.name
ORDER BY
  count(*) DESC,
  effective.owner_gov_code COLLATE "C";
COMMENT ON VIEW public.v_api_coverage_by_owner IS
  'pytest-oneroof, read contract E3: GET /coverage/by-owner; drop_contract.sql.';
