-- Stage E: a worker's cursor in four explicit calls, no loop; commits.
--
-- Needs before: a clone without a cursor of clone-test-worker.
-- Leaves: one cursor, watermark wm-2, events_seen 20, dead_lettered 0.
-- Undone by: F_rollback_clone.sql.
--
-- The cursor moves only to a strictly newer time; a retry and a stale watermark
-- write no row. sql/coverage/cursor_advance.sql is the same statement for checks.

BEGIN;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
  IF EXISTS (
    SELECT
    FROM public.gov_worker_cursor
    WHERE worker_name = 'clone-test-worker'
  ) THEN
    RAISE EXCEPTION 'REFUSING: pre-state has a cursor of clone-test-worker';
  END IF;
  PERFORM set_config(
    'oneroof.stage_gov_emit',
    (
      SELECT count(*)::text
      FROM public.event_outbox
      WHERE event_domain = 'governance'
    ),
    true
  );
  PERFORM set_config(
    'oneroof.stage_system_issues',
    (SELECT count(*)::text FROM public.system_issues),
    true
  );
END
$$;

PREPARE stage_e_advance (text, timestamptz, bigint, bigint) AS
INSERT INTO public.gov_worker_cursor AS cursor (
  worker_name, source_name, last_watermark_id, last_watermark_ts, events_seen,
  attempts_written, last_run_at
)
VALUES ('clone-test-worker', 'clone-test-source', $1, $2, $3, $4, $2)
ON CONFLICT (worker_name, source_name) DO UPDATE
SET
  last_watermark_id = excluded.last_watermark_id,
  last_watermark_ts = excluded.last_watermark_ts,
  events_seen = cursor.events_seen + excluded.events_seen,
  attempts_written = cursor.attempts_written + excluded.attempts_written,
  last_run_at = excluded.last_run_at,
  updated_at = now()
WHERE excluded.last_watermark_ts > cursor.last_watermark_ts;

-- A: the first call creates the cursor; INSERT 0 1.
EXECUTE stage_e_advance ('wm-1', '2026-06-02 10:00:00+00', 10, 1);
-- B: an hour newer, it advances; INSERT 0 1.
EXECUTE stage_e_advance ('wm-2', '2026-06-02 11:00:00+00', 10, 1);
-- C: the same again, a retry; INSERT 0 0.
EXECUTE stage_e_advance ('wm-2', '2026-06-02 11:00:00+00', 10, 1);
-- D: an older one, stale; INSERT 0 0.
EXECUTE stage_e_advance ('wm-0', '2026-06-02 09:00:00+00', 10, 1);

DEALLOCATE stage_e_advance;

DO $$
DECLARE
  moved public.gov_worker_cursor%ROWTYPE;
  cursors bigint := (SELECT count(*) FROM public.gov_worker_cursor);
  gov_emit bigint := (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  );
  issues bigint := (SELECT count(*) FROM public.system_issues);
BEGIN
  SELECT *
  INTO moved
  FROM public.gov_worker_cursor
  WHERE worker_name = 'clone-test-worker';
  IF cursors <> 1
    OR moved.last_watermark_id <> 'wm-2'
    OR moved.events_seen <> 20
    OR moved.attempts_written <> 2
    OR moved.dead_lettered <> 0
  THEN
    RAISE EXCEPTION
      'E: post-state cursors=% watermark=% events_seen=% attempts=% dead_lettered=%',
      cursors, moved.last_watermark_id, moved.events_seen,
      moved.attempts_written, moved.dead_lettered;
  END IF;
  IF gov_emit::text <> current_setting('oneroof.stage_gov_emit')
    OR issues::text <> current_setting('oneroof.stage_system_issues')
  THEN
    RAISE EXCEPTION 'E: side effect, gov_emit % -> %, system_issues % -> %',
      current_setting('oneroof.stage_gov_emit'), gov_emit,
      current_setting('oneroof.stage_system_issues'), issues;
  END IF;
  RAISE NOTICE 'E: pre-commit ok (watermark=% events_seen=%)',
    moved.last_watermark_id, moved.events_seen;
END
$$;

COMMIT;
