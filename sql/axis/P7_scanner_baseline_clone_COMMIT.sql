-- P7: three drift scans, and what they would emit, held back; commits.
--
-- Needs before: P2, P5. Leaves: three runs, the first with every finding new and the
--   others with none; one state per finding (41), seen three times; as many rows of
--   governance_event_log, none emitted. event_outbox is not written.
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

SELECT set_config(
  'oneroof.axis_gov_emit',
  (
    SELECT count(*)::text
    FROM public.event_outbox
    WHERE event_domain = 'governance'
  ),
  true
);

SELECT public.fn_governance_scan('TEST_CLONE_topic_promo_2026-06-03', 'rehearsal');

SELECT public.fn_governance_scan('TEST_CLONE_topic_promo_2026-06-03', 'rehearsal');

SELECT public.fn_governance_scan('TEST_CLONE_topic_promo_2026-06-03', 'rehearsal');

INSERT INTO public.governance_event_log (
  scan_id, event_domain, event_type, canonical_address, safe_payload, emitted,
  blocked_reason, created_by
)
SELECT
  (SELECT max(scan_id) FROM public.governance_scan_run),
  payload.event_domain,
  payload.event_type,
  payload.canonical_address,
  payload.safe_payload,
  false,
  payload.blocked_reason,
  'TEST_CLONE_topic_promo_2026-06-03'
FROM public.v_drift_issue_payload AS payload
ORDER BY
  payload.detector_code,
  payload.canonical_address,
  payload.safe_payload ->> 'detail';

DO $$
DECLARE
  findings bigint := (SELECT count(*) FROM public.v_drift_finding);
  states bigint := (
    SELECT count(*) FROM public.governance_drift_state WHERE status = 'open'
  );
  repeated bigint := (
    SELECT count(*)
    FROM public.governance_scan_run
    WHERE finding_count = findings
      AND resolved_count = 0
      AND new_count = CASE
        WHEN scan_id = (SELECT min(scan_id) FROM public.governance_scan_run)
          THEN findings
        ELSE 0
      END
  );
  critical bigint := (
    SELECT count(*) FROM public.v_drift_finding WHERE severity = 'critical'
  );
  emitted bigint := (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  );
BEGIN
  IF states <> findings OR repeated <> 3 THEN
    RAISE EXCEPTION 'P: % open states of % findings, % of 3 scans alike',
      states, findings, repeated;
  END IF;
  IF critical <> 0 THEN
    RAISE EXCEPTION 'P: % critical findings, expected 0', critical;
  END IF;
  IF emitted::text <> current_setting('oneroof.axis_gov_emit') THEN
    RAISE EXCEPTION 'P: side effect, gov_emit % -> %',
      current_setting('oneroof.axis_gov_emit'), emitted;
  END IF;
  RAISE NOTICE 'P: pre-commit ok (findings=% scans=3)', findings;
END
$$;

COMMIT;
