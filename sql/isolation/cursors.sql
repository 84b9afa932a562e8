-- K4: worker cursors, and the events they could not place; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  count(*) AS cursors,
  COALESCE(sum(dead_lettered), 0) AS dead_lettered
FROM public.gov_worker_cursor;
