-- Stage F: take back what stages A, C and E committed, in place; commits.
--
-- Needs before: a clone; the stages may have run or not, so it can be run again.
-- Leaves: no candidate object, state, scan run, cursor or ruleset of the stages and
--   none of their anchors; own 0, every cell open (gap 210). Rows of anybody else
--   make it refuse: nothing of the file stays then.
-- Undone by: stages A, C and E again. Sequences stay where they are.

BEGIN;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
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

DELETE FROM public.governance_candidate_object
WHERE ruleset_version = 'RS-CLONE-TEST-1';

DELETE FROM public.governance_candidate_state
WHERE ruleset_version = 'RS-CLONE-TEST-1';

DELETE FROM public.candidate_scan_run
WHERE ruleset_version = 'RS-CLONE-TEST-1';

DELETE FROM public.gov_worker_cursor
WHERE worker_name = 'clone-test-worker'
  AND source_name = 'clone-test-source';

DELETE FROM public.governance_ruleset
WHERE ruleset_version = 'RS-CLONE-TEST-1';

DELETE FROM public.governance_object_ownership
WHERE created_by = 'CLONE_TEST_F6_SEED';

DO $$
DECLARE
  own bigint := (SELECT count(*) FROM public.governance_object_ownership);
  gap bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  cells bigint := (SELECT count(*) FROM public.v_governance_object_inventory) * (
    SELECT count(*)
    FROM public.governance_responsibility_scope
    WHERE status = 'active'
  );
  scanned bigint := (SELECT count(*) FROM public.governance_candidate_object)
    + (SELECT count(*) FROM public.governance_candidate_state)
    + (SELECT count(*) FROM public.candidate_scan_run)
    + (SELECT count(*) FROM public.gov_worker_cursor)
    + (SELECT count(*) FROM public.governance_ruleset);
  gov_emit bigint := (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  );
  issues bigint := (SELECT count(*) FROM public.system_issues);
BEGIN
  IF own <> 0 OR cells = 0 OR gap <> cells THEN
    RAISE EXCEPTION 'F: post-state own=% gap=%, expected 0 and %', own, gap, cells;
  END IF;
  IF scanned <> 0 THEN
    RAISE EXCEPTION 'F: post-state has % scanner rows that no stage wrote', scanned;
  END IF;
  IF gov_emit::text <> current_setting('oneroof.stage_gov_emit')
    OR issues::text <> current_setting('oneroof.stage_system_issues')
  THEN
    RAISE EXCEPTION 'F: side effect, gov_emit % -> %, system_issues % -> %',
      current_setting('oneroof.stage_gov_emit'), gov_emit,
      current_setting('oneroof.stage_system_issues'), issues;
  END IF;
  RAISE NOTICE 'F: pre-commit ok (own=% gap=%)', own, gap;
END
$$;

COMMIT;
