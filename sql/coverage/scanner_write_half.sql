-- R4: one run of the scanner's write half, as one statement; mutates.
--
-- Needs before: a guarded transaction on a clone, the ruleset, the snapshot.
--   Placeholders, filled by Python: run_id, ruleset_version, source_snapshot_ref.
-- Leaves: one more run in the ledger; states and objects by their natural keys, so
--   their number does not grow; returns how many of each it wrote.
-- Undone by: the rollback of the guarded transaction.
--
-- Foreign keys are checked at the end of the statement, so that the parts may stand
-- in one WITH; the order of writing is the one of stage C.

WITH states AS (
  INSERT INTO public.governance_candidate_state (
    group_key, ruleset_version, source_snapshot_ref, candidate_verdict,
    coverage_required, scan_time, last_run_id
  )
  SELECT
    parent_ref,
    %(ruleset_version)s::text,
    %(source_snapshot_ref)s::integer,
    'relevant',
    true,
    now(),
    %(run_id)s::text
  FROM public.v_governance_object_containment
  GROUP BY parent_ref
  ON CONFLICT (group_key, ruleset_version) DO UPDATE
  SET
    candidate_verdict = excluded.candidate_verdict,
    coverage_required = excluded.coverage_required,
    scan_time = excluded.scan_time,
    last_run_id = excluded.last_run_id,
    updated_at = now()
  RETURNING group_key
),
objects AS (
  INSERT INTO public.governance_candidate_object (
    candidate_key, group_key, ruleset_version, materialization_reason,
    source_snapshot_ref, candidate_verdict, coverage_required, scan_time, last_run_id
  )
  SELECT
    inventory.object_type || ':' || inventory.object_ref,
    containment.parent_ref,
    %(ruleset_version)s::text,
    'indep_authoritative',
    %(source_snapshot_ref)s::integer,
    'relevant',
    true,
    now(),
    %(run_id)s::text
  FROM public.v_governance_object_inventory AS inventory
  JOIN public.v_governance_object_containment AS containment
    ON containment.object_type = inventory.object_type
    AND containment.object_ref = inventory.object_ref
  ON CONFLICT (candidate_key, ruleset_version) DO UPDATE
  SET
    group_key = excluded.group_key,
    candidate_verdict = excluded.candidate_verdict,
    coverage_required = excluded.coverage_required,
    scan_time = excluded.scan_time,
    last_run_id = excluded.last_run_id,
    updated_at = now()
  RETURNING candidate_key
),
counted AS (
  SELECT
    (SELECT count(*) FROM states) AS groups_scanned,
    (SELECT count(*) FROM objects) AS objects_materialized
)
INSERT INTO public.candidate_scan_run (
  run_id, scan_mode, worker_name, source_name, source_snapshot_ref, ruleset_version,
  status, started_at, finished_at, groups_scanned, objects_materialized,
  candidates_upserted, dirty_processed
)
SELECT
  %(run_id)s::text,
  'periodic_full',
  'clone-test-worker',
  'clone-test-source',
  %(source_snapshot_ref)s::integer,
  %(ruleset_version)s::text,
  'completed',
  now(),
  now(),
  groups_scanned,
  objects_materialized,
  objects_materialized,
  0
FROM counted
RETURNING
  groups_scanned,
  objects_materialized;
