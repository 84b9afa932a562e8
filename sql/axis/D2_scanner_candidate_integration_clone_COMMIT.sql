-- D2: two passes of the axis scan, by a function of this session; commits.
--
-- Needs before: C, D1, no finding. Leaves: the findings (34), each seen twice: a second
--   pass adds none. The function goes with the session; there is no daemon.
-- Undone by: Z_axis_substrate_drop_clone.sql.

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

CREATE OR REPLACE FUNCTION pg_temp.run_axis_scan() RETURNS bigint
LANGUAGE sql
AS $$
  WITH found AS (
    SELECT
      'missing_owner' AS finding_type,
      'warning' AS severity,
      object_type,
      object_ref,
      axis_code,
      value_code
    FROM public.v_axis_coverage_gap
    UNION ALL
    SELECT
      CASE quality_flag
        WHEN 'stale' THEN 'stale_topic'
        WHEN 'missing_provenance' THEN 'quarantine'
        ELSE quality_flag
      END,
      'warning',
      object_type,
      object_ref,
      axis_code,
      value_code
    FROM public.v_axis_assignment_quality
    WHERE quality_flag <> 'ok'
    UNION ALL
    SELECT
      'missing_assignment',
      'info',
      object_type,
      object_ref,
      axis_code,
      '∅'
    FROM public.v_axis_missing_assignment
  ),
  written AS (
    INSERT INTO public.axis_candidate_finding AS known (
      finding_type, severity, object_type, object_ref, axis_code, value_code,
      created_by
    )
    SELECT
      finding_type,
      severity,
      object_type,
      object_ref,
      axis_code,
      value_code,
      'TEST_CLONE_AXIS_2026-06-03'
    FROM found
    ORDER BY
      finding_type,
      object_type,
      object_ref,
      axis_code,
      value_code
    ON CONFLICT (finding_type, object_type, object_ref, axis_code, value_code)
    DO UPDATE SET
      severity = excluded.severity,
      scan_count = known.scan_count + 1,
      last_seen = excluded.last_seen
    RETURNING 1
  )
  SELECT count(*) FROM written
$$;

SELECT set_config('oneroof.axis_first_pass', pg_temp.run_axis_scan()::text, true);

SELECT set_config('oneroof.axis_second_pass', pg_temp.run_axis_scan()::text, true);

DO $$
DECLARE
  findings bigint := (SELECT count(*) FROM public.axis_candidate_finding);
  most_often integer := (SELECT max(scan_count) FROM public.axis_candidate_finding);
  bound bigint := (SELECT count(*) FROM public.v_governance_object_inventory) * 5;
BEGIN
  IF findings::text <> current_setting('oneroof.axis_first_pass')
    OR findings::text <> current_setting('oneroof.axis_second_pass')
    OR most_often <> 2
  THEN
    RAISE EXCEPTION 'D: % findings after passes of % and %, seen at most % times',
      findings, current_setting('oneroof.axis_first_pass'),
      current_setting('oneroof.axis_second_pass'), most_often;
  END IF;
  -- Responsibility is owner-based: its open cells are bounded by the cells.
  IF findings > bound + (SELECT count(*) FROM public.v_object_owner_gap) THEN
    RAISE EXCEPTION 'D: % findings, bound %', findings, bound;
  END IF;
  RAISE NOTICE 'D: pre-commit ok (findings=% passes=2)', findings;
END
$$;

COMMIT;
