-- F5: three further drift scans, after the finalization; commits.
--
-- Needs before: F1 to F4. Leaves: three runs: the first resolves what was decided and
--   opens what the new detector finds (7 and 4), the others change nothing; 38 open,
--   none critical. event_outbox is not written.
-- Undone by: Z_rollback_finalization.sql.

BEGIN;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
END
$$;

SELECT public.fn_governance_scan('TEST_CLONE_finalization_2026-06-03', 'rehearsal');

SELECT public.fn_governance_scan('TEST_CLONE_finalization_2026-06-03', 'rehearsal');

SELECT public.fn_governance_scan('TEST_CLONE_finalization_2026-06-03', 'rehearsal');

DO $$
DECLARE
  findings bigint := (SELECT count(*) FROM public.v_drift_finding);
  states bigint := (
    SELECT count(*) FROM public.governance_drift_state WHERE status = 'open'
  );
  moved bigint := (
    SELECT sum(new_count + resolved_count)
    FROM (
      SELECT new_count, resolved_count
      FROM public.governance_scan_run
      WHERE actor = 'TEST_CLONE_finalization_2026-06-03'
      ORDER BY scan_id DESC
      LIMIT 2
    ) AS repeated
  );
  critical bigint := (
    SELECT count(*) FROM public.v_drift_finding WHERE severity = 'critical'
  );
  emittable bigint := (
    SELECT count(*) FROM public.v_drift_issue_payload WHERE emittable
  );
BEGIN
  IF states <> findings OR moved <> 0 THEN
    RAISE EXCEPTION 'F: % open states of % findings, repeated scans moved %',
      states, findings, moved;
  END IF;
  IF critical <> 0 OR emittable <> 0 THEN
    RAISE EXCEPTION 'F: critical=% emittable=%, expected 0 and 0',
      critical, emittable;
  END IF;
  RAISE NOTICE 'F: pre-commit ok (open=%)', states;
END
$$;

COMMIT;
