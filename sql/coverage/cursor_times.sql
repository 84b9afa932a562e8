-- R6: the one cursor with a time before and a time after its watermark; one read.
--
-- Needs before: one cursor with a watermark. Leaves: nothing. Undone by: nothing.

SELECT
  worker_name,
  source_name,
  last_watermark_ts - interval '2 hours' AS stale,
  last_watermark_ts AS replayed,
  last_watermark_ts + interval '1 hour' AS newer
FROM public.gov_worker_cursor
ORDER BY
  worker_name COLLATE "C",
  source_name COLLATE "C";
