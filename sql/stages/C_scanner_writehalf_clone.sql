-- Stage C: the scanner's write half, run twice by the same natural keys; commits.
--
-- Needs before: stage A, snapshot 1, and no scan run of this ruleset.
-- Leaves: ruleset RS-CLONE-TEST-1 active; runs SCAN-CLONE-TEST-1 and -2 completed;
--   one state per group (5) and one object per governed collection (35), each seen
--   last by run 2. Only candidate_scan_run grows with further runs.
-- Undone by: F_rollback_clone.sql (objects, states, runs, ruleset in this order).
--
-- sql/coverage/scanner_write_half.sql is one run of it as one statement, for checks.
-- source_snapshot_ref 1 and the one reason for all objects are placeholders of the
-- rehearsal; production derives the reason per object.

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

DO $$
DECLARE
  objects bigint := (SELECT count(*) FROM public.v_governance_object_inventory);
  gap bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  runs bigint := (
    SELECT count(*)
    FROM public.candidate_scan_run
    WHERE ruleset_version = 'RS-CLONE-TEST-1'
  );
BEGIN
  IF objects = 0 OR gap <> 0 THEN
    RAISE EXCEPTION 'REFUSING: pre-state inventory=% gap=%, run stage A first',
      objects, gap;
  END IF;
  IF runs <> 0 THEN
    RAISE EXCEPTION 'REFUSING: pre-state runs of RS-CLONE-TEST-1=%, expected 0', runs;
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

PREPARE stage_c_open (text) AS
INSERT INTO public.candidate_scan_run (
  run_id, scan_mode, worker_name, source_name, source_snapshot_ref,
  ruleset_version, status, started_at
)
VALUES (
  $1, 'periodic_full', 'clone-test-worker', 'clone-test-source', 1,
  'RS-CLONE-TEST-1', 'running', now()
);

PREPARE stage_c_states (text) AS
INSERT INTO public.governance_candidate_state (
  group_key, ruleset_version, source_snapshot_ref, candidate_verdict,
  coverage_required, scan_time, last_run_id
)
SELECT
  parent_ref,
  'RS-CLONE-TEST-1',
  1,
  'relevant',
  true,
  now(),
  $1
FROM public.v_governance_object_containment
GROUP BY parent_ref
ORDER BY parent_ref
ON CONFLICT (group_key, ruleset_version) DO UPDATE
SET
  candidate_verdict = excluded.candidate_verdict,
  coverage_required = excluded.coverage_required,
  scan_time = excluded.scan_time,
  last_run_id = excluded.last_run_id,
  updated_at = now();

PREPARE stage_c_objects (text) AS
INSERT INTO public.governance_candidate_object (
  candidate_key, group_key, ruleset_version, materialization_reason,
  source_snapshot_ref, candidate_verdict, coverage_required, scan_time, last_run_id
)
SELECT
  inventory.object_type || ':' || inventory.object_ref,
  containment.parent_ref,
  'RS-CLONE-TEST-1',
  'indep_authoritative',
  1,
  'relevant',
  true,
  now(),
  $1
FROM public.v_governance_object_inventory AS inventory
JOIN public.v_governance_object_containment AS containment
  ON containment.object_type = inventory.object_type
  AND containment.object_ref = inventory.object_ref
ORDER BY inventory.object_ref
ON CONFLICT (candidate_key, ruleset_version) DO UPDATE
SET
  group_key = excluded.group_key,
  candidate_verdict = excluded.candidate_verdict,
  coverage_required = excluded.coverage_required,
  scan_time = excluded.scan_time,
  last_run_id = excluded.last_run_id,
  updated_at = now();

PREPARE stage_c_close (text) AS
UPDATE public.candidate_scan_run
SET
  status = 'completed',
  finished_at = now(),
  groups_scanned = (
    SELECT count(*)
    FROM public.governance_candidate_state
    WHERE last_run_id = $1
  ),
  objects_materialized = (
    SELECT count(*)
    FROM public.governance_candidate_object
    WHERE last_run_id = $1
  ),
  candidates_upserted = (
    SELECT count(*)
    FROM public.governance_candidate_object
    WHERE last_run_id = $1
  ),
  dirty_processed = 0
WHERE run_id = $1;

INSERT INTO public.governance_ruleset (
  ruleset_version, status, activated_at, activated_by
)
VALUES ('RS-CLONE-TEST-1', 'active', now(), 'CLONE_TEST_SCANNER')
ON CONFLICT (ruleset_version) DO NOTHING;

-- Run 1.
EXECUTE stage_c_open ('SCAN-CLONE-TEST-1');
EXECUTE stage_c_states ('SCAN-CLONE-TEST-1');
EXECUTE stage_c_objects ('SCAN-CLONE-TEST-1');
EXECUTE stage_c_close ('SCAN-CLONE-TEST-1');

-- Run 2: the same keys, so nothing grows but the ledger.
EXECUTE stage_c_open ('SCAN-CLONE-TEST-2');
EXECUTE stage_c_states ('SCAN-CLONE-TEST-2');
EXECUTE stage_c_objects ('SCAN-CLONE-TEST-2');
EXECUTE stage_c_close ('SCAN-CLONE-TEST-2');

DEALLOCATE stage_c_open;
DEALLOCATE stage_c_states;
DEALLOCATE stage_c_objects;
DEALLOCATE stage_c_close;

DO $$
DECLARE
  groups bigint := (
    SELECT count(DISTINCT parent_ref)
    FROM public.v_governance_object_containment
  );
  objects bigint := (SELECT count(*) FROM public.v_governance_object_inventory);
  states bigint := (
    SELECT count(*)
    FROM public.governance_candidate_state
    WHERE ruleset_version = 'RS-CLONE-TEST-1'
      AND last_run_id = 'SCAN-CLONE-TEST-2'
  );
  candidates bigint := (
    SELECT count(*)
    FROM public.governance_candidate_object
    WHERE ruleset_version = 'RS-CLONE-TEST-1'
      AND last_run_id = 'SCAN-CLONE-TEST-2'
  );
  all_states bigint := (SELECT count(*) FROM public.governance_candidate_state);
  all_candidates bigint := (SELECT count(*) FROM public.governance_candidate_object);
  runs bigint := (
    SELECT count(*)
    FROM public.candidate_scan_run
    WHERE ruleset_version = 'RS-CLONE-TEST-1'
      AND status = 'completed'
      AND groups_scanned = groups
      AND objects_materialized = objects
      AND candidates_upserted = objects
  );
  gov_emit bigint := (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  );
  issues bigint := (SELECT count(*) FROM public.system_issues);
BEGIN
  IF states <> groups OR all_states <> groups THEN
    RAISE EXCEPTION 'C: post-state state=% of %, expected %',
      states, all_states, groups;
  END IF;
  IF candidates <> objects OR all_candidates <> objects THEN
    RAISE EXCEPTION 'C: post-state obj=% of %, expected %',
      candidates, all_candidates, objects;
  END IF;
  IF runs <> 2 THEN
    RAISE EXCEPTION 'C: post-state runs=%, expected 2 completed and complete', runs;
  END IF;
  IF gov_emit <> 0
    OR gov_emit::text <> current_setting('oneroof.stage_gov_emit')
    OR issues::text <> current_setting('oneroof.stage_system_issues')
  THEN
    RAISE EXCEPTION 'C: side effect, gov_emit % -> %, system_issues % -> %',
      current_setting('oneroof.stage_gov_emit'), gov_emit,
      current_setting('oneroof.stage_system_issues'), issues;
  END IF;
  RAISE NOTICE 'C: pre-commit ok (state=% obj=% runs=% gov_emit=%)',
    states, candidates, runs, gov_emit;
END
$$;

COMMIT;
