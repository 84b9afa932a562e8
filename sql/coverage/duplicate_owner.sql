-- R7.1: try to give one owned cell a second accountable owner; mutates if not refused.
--
-- Needs before: a guarded transaction on a seeded clone, in a savepoint.
--   Placeholder, filled by Python: owner_gov_code, another than the cell's owner.
-- Leaves: an error of uq_gov_obj_accountable. No row at all means that no cell was
--   owned by somebody else, and is no proof. Undone by: the rollback.

INSERT INTO public.governance_object_ownership (
  object_type, object_ref, scope, owner_kind, owner_gov_code, is_inherited_anchor,
  lifecycle_status, created_by, source_design_ref
)
SELECT
  object_type,
  object_ref,
  scope,
  'accountable',
  %(owner_gov_code)s::text,
  is_inherited_anchor,
  'active',
  'CLONE_TEST_DUPLICATE',
  source_design_ref
FROM public.governance_object_ownership
WHERE owner_kind = 'accountable'
  AND lifecycle_status = 'active'
  AND owner_gov_code <> %(owner_gov_code)s::text
ORDER BY
  object_ref COLLATE "C",
  scope COLLATE "C"
LIMIT 1
RETURNING
  object_type,
  object_ref,
  scope;
