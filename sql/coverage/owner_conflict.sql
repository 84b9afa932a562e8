-- R1.3: conflicts, and whether the index that forbids them stands; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- The index counts only while it is unique, valid, and on the very key and predicate
-- that make a cell: a weakened index of the same name is no guard.

SELECT
  (SELECT count(*) FROM public.v_object_owner_conflict) AS conflict,
  EXISTS (
    SELECT
    FROM pg_catalog.pg_index AS held
    WHERE held.indexrelid = to_regclass('public.uq_gov_obj_accountable')
      AND held.indrelid = 'public.governance_object_ownership'::regclass
      AND held.indisunique
      AND held.indisvalid
      AND held.indnkeyatts = 3
      AND pg_catalog.pg_get_indexdef(held.indexrelid, 1, true) = 'object_type'
      AND pg_catalog.pg_get_indexdef(held.indexrelid, 2, true) = 'object_ref'
      AND pg_catalog.pg_get_indexdef(held.indexrelid, 3, true) = 'scope'
      AND pg_catalog.pg_get_expr(held.indpred, held.indrelid) =
        '((owner_kind = ''accountable''::text)'
        ' AND (lifecycle_status = ''active''::text))'
  ) AS guarded;
