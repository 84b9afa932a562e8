-- R8: delete the seed by its tag; mutates.
--
-- Needs before: a guarded transaction on a clone. Placeholder, filled by Python:
--   created_by. Leaves: no row of the tag, each deleted id returned.
-- Undone by: the rollback.

DELETE FROM public.governance_object_ownership
WHERE created_by = %(created_by)s::text
RETURNING id;
