-- Told when R1.2 fails: the first open cells, by name; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT object_type || ':' || object_ref || '/' || scope AS cell
FROM public.v_object_owner_gap
ORDER BY cell
LIMIT 10;
