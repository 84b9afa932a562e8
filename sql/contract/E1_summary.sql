-- E1, GET /coverage/summary: one row, how much of the grid has an accountable owner.
--
-- Needs before: the five governance views, and no relation of this name.
-- Leaves: view v_api_coverage_summary. Undone by: the rollback, or drop_contract.sql.
--
-- A direct override on an object is an owner, but no anchor: anchors are what objects
-- inherit from. Without any cell there is no percentage: NULL, not 100.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE VIEW public.v_api_coverage_summary WITH (security_invoker = true) AS
WITH figure AS (
  SELECT
    (SELECT count(*) FROM public.v_governance_object_inventory) AS objects,
    (
      SELECT count(*)
      FROM public.governance_responsibility_scope
      WHERE status = 'active'
    ) AS scopes,
    (SELECT count(*) FROM public.v_object_owner_gap) AS gap_cells,
    (SELECT count(*) FROM public.v_object_owner_conflict) AS conflicts,
    (
      SELECT count(*)
      FROM public.governance_object_ownership
      WHERE owner_kind = 'accountable'
        AND lifecycle_status = 'active'
        AND is_inherited_anchor
        AND (effective_from IS NULL OR effective_from <= now())
        AND (effective_to IS NULL OR effective_to > now())
        AND owner_gov_code IN (
          SELECT code FROM public.governance_registry WHERE status IN ('active', 'draft')
        )
    ) AS ownership_anchors
)
SELECT
  objects * scopes AS total_cells,
  objects * scopes - gap_cells AS covered_cells,
  gap_cells,
  round(
    100.0 * (objects * scopes - gap_cells) / NULLIF(objects * scopes, 0), 2
  ) AS coverage_pct,
  conflicts,
  objects,
  scopes,
  ownership_anchors
FROM figure;
COMMENT ON VIEW public.v_api_coverage_summary IS
  'pytest-oneroof, read contract E1: GET /coverage/summary; drop_contract.sql.';
