-- Stage D: what would be emitted, and that nothing can be; rolls back.
--
-- Needs before: stages A and C. Leaves: nothing. Undone by: its own ROLLBACK.
--
-- (1) payloads are shaped by reading; (2) an inactive and an unknown governance type
-- are refused by fn_event_type_validate; (3) system_issues is not written.

BEGIN;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';

DO $$
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
  PERFORM set_config(
    'oneroof.stage_system_issues',
    (SELECT count(*)::text FROM public.system_issues),
    true
  );
END
$$;

-- 1. Payloads: coverage.scan_completed, candidate.scan_completed, gap issues.
WITH cell AS (
  SELECT
    (SELECT count(*) FROM public.v_governance_object_inventory) * (
      SELECT count(*)
      FROM public.governance_responsibility_scope
      WHERE status = 'active'
    ) AS total_cells,
    (SELECT count(*) FROM public.v_object_owner_gap) AS gap_cells
)
SELECT jsonb_build_object(
  'total_cells', total_cells,
  'gap_cells', gap_cells,
  'covered_cells', total_cells - gap_cells,
  'coverage_pct',
  round(100.0 * (total_cells - gap_cells) / NULLIF(total_cells, 0), 1),
  'conflicts', (SELECT count(*) FROM public.v_object_owner_conflict),
  'ruleset_version', 'RS-CLONE-TEST-1'
) AS coverage_scan_completed
FROM cell;

SELECT jsonb_build_object(
  'groups_scanned', groups_scanned,
  'objects_materialized', objects_materialized,
  'last_run', run_id
) AS candidate_scan_completed
FROM public.candidate_scan_run
WHERE ruleset_version = 'RS-CLONE-TEST-1'
ORDER BY run_id DESC
LIMIT 1;

SELECT
  'GAP-' || object_ref || '-' || scope AS code,
  'governance_coverage_gap' AS issue_type,
  'ownership' AS issue_class,
  'warning' AS severity,
  object_type AS entity_type,
  'gov_coverage_scanner' AS source,
  'phase1_coverage' AS source_system,
  'gap:' || object_type || ':' || object_ref || ':' || scope AS coalesce_key,
  jsonb_build_object(
    'object', object_ref,
    'scope', scope,
    'missing', 'accountable_owner'
  ) AS evidence_snapshot
FROM public.v_object_owner_gap
ORDER BY
  object_ref COLLATE "C",
  scope COLLATE "C";

-- 2. N1: a registered type that is inactive. The handler is a savepoint: what it
-- undoes is the INSERT, and any other refusal than the expected one ends the file.
DO $$
BEGIN
  INSERT INTO public.event_outbox (
    event_domain, event_type, event_stream, delivery_lane, event_severity,
    event_subject_table, event_subject_ref, canonical_address, actor_ref,
    source_system
  )
  SELECT
    event_domain,
    event_type,
    event_stream,
    delivery_lane,
    'info',
    'v_object_owner_gap',
    'all',
    'view:v_object_owner_gap',
    'gov:clone-test',
    'clone_test'
  FROM public.event_type_registry
  WHERE event_domain = 'governance'
    AND event_type = 'coverage.scan_completed';
  RAISE EXCEPTION 'N1: governance/coverage.scan_completed was accepted';
EXCEPTION
  WHEN raise_exception THEN
    IF SQLERRM NOT LIKE '%is inactive%' THEN
      RAISE;
    END IF;
    RAISE NOTICE 'N1: refused, %', SQLERRM;
END
$$;

-- N2: a type that nobody registered.
DO $$
BEGIN
  INSERT INTO public.event_outbox (
    event_domain, event_type, event_stream, delivery_lane, event_severity,
    event_subject_table, event_subject_ref, canonical_address, actor_ref,
    source_system
  )
  VALUES (
    'governance', 'totally.made_up', 'health', 'delayed', 'info',
    'v_object_owner_gap', 'all', 'view:v_object_owner_gap', 'gov:clone-test',
    'clone_test'
  );
  RAISE EXCEPTION 'N2: governance/totally.made_up was accepted';
EXCEPTION
  WHEN raise_exception THEN
    IF SQLERRM NOT LIKE '%unknown (domain, type)%' THEN
      RAISE;
    END IF;
    RAISE NOTICE 'N2: refused, %', SQLERRM;
END
$$;

-- 3. Neither an event nor an issue was written.
DO $$
DECLARE
  gov_emit bigint := (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  );
  issues bigint := (SELECT count(*) FROM public.system_issues);
BEGIN
  IF gov_emit <> 0 THEN
    RAISE EXCEPTION 'D: gov_emit=%, expected 0', gov_emit;
  END IF;
  IF issues::text <> current_setting('oneroof.stage_system_issues') THEN
    RAISE EXCEPTION 'D: system_issues % -> %',
      current_setting('oneroof.stage_system_issues'), issues;
  END IF;
  RAISE NOTICE 'D: ok (gov_emit=% system_issues=%)', gov_emit, issues;
END
$$;

ROLLBACK;
