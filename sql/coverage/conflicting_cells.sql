-- R7.1: the cells that the view of conflicts tells, with the number of their owners.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  object_type,
  object_ref,
  scope,
  owners
FROM public.v_object_owner_conflict
ORDER BY
  object_type COLLATE "C",
  object_ref COLLATE "C",
  scope COLLATE "C";
