-- R6: one call of a worker that wants to advance its cursor; mutates.
--
-- Needs before: a guarded transaction on a clone. Placeholders, filled by Python:
--   worker_name, source_name, watermark_id, watermark_ts, events_seen,
--   attempts_written (the last two are what this call adds).
-- Leaves: the cursor advanced, one row returned; or, for a watermark that is not
--   strictly newer, nothing at all and no row. Undone by: the rollback.

INSERT INTO public.gov_worker_cursor AS cursor (
  worker_name, source_name, last_watermark_id, last_watermark_ts, events_seen,
  attempts_written, last_run_at
)
VALUES (
  %(worker_name)s::text,
  %(source_name)s::text,
  %(watermark_id)s::text,
  %(watermark_ts)s::timestamptz,
  %(events_seen)s::bigint,
  %(attempts_written)s::bigint,
  %(watermark_ts)s::timestamptz
)
ON CONFLICT (worker_name, source_name) DO UPDATE
SET
  last_watermark_id = excluded.last_watermark_id,
  last_watermark_ts = excluded.last_watermark_ts,
  events_seen = cursor.events_seen + excluded.events_seen,
  attempts_written = cursor.attempts_written + excluded.attempts_written,
  last_run_at = excluded.last_run_at,
  updated_at = now()
WHERE excluded.last_watermark_ts > cursor.last_watermark_ts
RETURNING
  last_watermark_id,
  events_seen,
  attempts_written;
