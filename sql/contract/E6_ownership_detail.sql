-- E6, GET /coverage/ownership-detail?object=…: a row for each scope of one object.
--
-- Needs before: the five governance views, and no function of this signature.
-- Leaves: function fn_api_coverage_ownership_detail(text). Undone by: the rollback, or
--   drop_contract.sql.
--
-- A scope without an owner is no row; GET /coverage/gaps tells those. SQL, stable and
-- with the caller's rights: it can read what its caller can, and write nothing.

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

CREATE FUNCTION public.fn_api_coverage_ownership_detail(object text)
RETURNS TABLE (
  scope text,
  owner_gov_code text,
  owner_kind text,
  resolution text,
  source_anchor_type text,
  source_anchor_ref text,
  depth integer
)
LANGUAGE sql
STABLE
PARALLEL SAFE
AS $$
  SELECT
    effective.scope,
    effective.owner_gov_code::text,
    effective.owner_kind::text,
    effective.resolution,
    effective.source_anchor_type,
    effective.source_anchor_ref,
    effective.depth
  FROM public.v_object_effective_owner AS effective
  JOIN public.v_governance_object_inventory AS inventory
    ON inventory.object_type = effective.object_type
    AND inventory.object_ref = effective.object_ref
  WHERE effective.object_ref = fn_api_coverage_ownership_detail.object
  ORDER BY effective.scope COLLATE "C"
$$;
COMMENT ON FUNCTION public.fn_api_coverage_ownership_detail(text) IS
  'pytest-oneroof, read contract E6: /coverage/ownership-detail; drop_contract.sql.';
