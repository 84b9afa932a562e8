-- The machine: the most active accountable owners that any one cell has; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- Counted from the rows, not from v_object_owner_conflict, which is told beside it.

SELECT
  COALESCE(max(owners), 0) AS most_owners,
  (SELECT count(*) FROM public.v_object_owner_conflict) AS conflicts
FROM (
  SELECT count(*) AS owners
  FROM public.governance_object_ownership
  WHERE owner_kind = 'accountable'
    AND lifecycle_status = 'active'
  GROUP BY
    object_type,
    object_ref,
    scope
) AS cell;
