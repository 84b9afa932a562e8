-- The machine: revoke the direct owner of one cell; mutates.
--
-- Needs before: a guarded transaction on a clone. Placeholders, filled by Python:
--   object_ref, scope. Leaves: the row revoked, its id returned; or no row where the
--   cell has no direct owner. Undone by: the rollback.

UPDATE public.governance_object_ownership
SET lifecycle_status = 'revoked'
WHERE object_type = 'collection'
  AND object_ref = %(object_ref)s::text
  AND scope = %(scope)s::text
  AND owner_kind = 'accountable'
  AND lifecycle_status = 'active'
RETURNING id;
