-- The third state: one object gets an owner of its own in one scope; mutates.
--
-- Needs before: a guarded transaction on a clone. Placeholders, filled by Python:
--   object_type, object_ref, scope, owner_gov_code. Leaves: one ownership row, its id
--   returned; the object's other scopes still inherit. Undone by: the rollback. The id
--   is given, so that no sequence has to be put back.

INSERT INTO public.governance_object_ownership (
  id, object_type, object_ref, scope, owner_kind, owner_gov_code,
  is_inherited_anchor, lifecycle_status, created_by, source_design_ref
)
VALUES (
  (SELECT COALESCE(max(id), 0) + 1 FROM public.governance_object_ownership),
  %(object_type)s::text,
  %(object_ref)s::text,
  %(scope)s::text,
  'accountable',
  %(owner_gov_code)s::text,
  false,
  'active',
  'CLONE_TEST_OVERRIDE',
  'F6-anchor-ratified'
)
RETURNING id;
