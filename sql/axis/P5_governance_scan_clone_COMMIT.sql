-- P5: the function of the drift scan; commits.
--
-- Needs before: P1, P4. Leaves: fn_governance_scan(text, text).
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

CREATE FUNCTION public.fn_governance_scan(actor text, mode text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, public
AS $$
DECLARE
  this_scan bigint;
  found_now bigint;
  new_now bigint;
  resolved_now bigint;
BEGIN
  INSERT INTO public.governance_scan_run (actor, mode, created_by)
  VALUES (fn_governance_scan.actor, fn_governance_scan.mode, fn_governance_scan.actor)
  RETURNING scan_id INTO this_scan;

  -- DISTINCT by the key of the state, or one statement would touch a row twice.
  INSERT INTO public.governance_drift_state AS known (
    detector_code, severity, object_type, object_ref, axis_code, value_code, detail,
    first_scan_id, last_scan_id, created_by
  )
  SELECT DISTINCT ON (
    finding.detector_code,
    COALESCE(finding.axis_code, '∅'),
    finding.object_type,
    finding.object_ref,
    COALESCE(finding.value_code, '∅')
  )
    finding.detector_code,
    finding.severity,
    finding.object_type,
    finding.object_ref,
    finding.axis_code,
    finding.value_code,
    finding.detail,
    this_scan,
    this_scan,
    fn_governance_scan.actor
  FROM public.v_drift_finding AS finding
  ORDER BY
    finding.detector_code,
    COALESCE(finding.axis_code, '∅'),
    finding.object_type,
    finding.object_ref,
    COALESCE(finding.value_code, '∅'),
    finding.detail
  ON CONFLICT (
    detector_code,
    (COALESCE(axis_code, '∅')),
    object_type,
    object_ref,
    (COALESCE(value_code, '∅'))
  )
  DO UPDATE SET
    severity = excluded.severity,
    detail = excluded.detail,
    status = 'open',
    resolved_at = NULL,
    scan_count = known.scan_count + 1,
    last_scan_id = excluded.last_scan_id,
    last_seen = now();
  GET DIAGNOSTICS found_now = ROW_COUNT;

  SELECT count(*)
  INTO new_now
  FROM public.governance_drift_state
  WHERE first_scan_id = this_scan;

  UPDATE public.governance_drift_state
  SET
    status = 'resolved',
    resolved_at = now()
  WHERE status = 'open'
    AND last_scan_id <> this_scan;
  GET DIAGNOSTICS resolved_now = ROW_COUNT;

  UPDATE public.governance_scan_run
  SET
    finding_count = found_now,
    new_count = new_now,
    resolved_count = resolved_now,
    summary = (
      SELECT jsonb_build_object(
        'open', count(*),
        'critical', count(*) FILTER (WHERE severity = 'critical'),
        'warning', count(*) FILTER (WHERE severity = 'warning'),
        'info', count(*) FILTER (WHERE severity = 'info'),
        'max_scan_count', max(scan_count)
      )
      FROM public.governance_drift_state
      WHERE status = 'open'
    )
  WHERE scan_id = this_scan;
  RETURN this_scan;
END
$$;
COMMENT ON FUNCTION public.fn_governance_scan(text, text) IS
  'One scan of all drift detectors into governance_drift_state; emits nothing. Dropped '
  'by Z_rollback_finalization.sql.';

COMMIT;
