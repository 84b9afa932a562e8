-- R6: the worker cursors; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  worker_name,
  source_name,
  last_watermark_id,
  last_watermark_ts,
  events_seen,
  attempts_written,
  dead_lettered
FROM public.gov_worker_cursor
ORDER BY
  worker_name COLLATE "C",
  source_name COLLATE "C";
