-- E: what would be emitted of the findings, and topics that contradict; commits.
--
-- Needs before: D2. Leaves: v_axis_issue_payload, v_axis_topic_parentage_conflict.
--   Nothing is emitted: the governance types are inactive, and no row is written.
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

CREATE VIEW public.v_axis_issue_payload AS
SELECT
  kind.event_domain,
  kind.event_type,
  kind.event_stream,
  kind.delivery_lane,
  kind.default_severity,
  finding.object_type || ':' || finding.object_ref AS canonical_address,
  'gov:axis-scanner'::text AS actor_ref,
  'axis_substrate_clone'::text AS source_system,
  jsonb_build_object(
    'finding_type', finding.finding_type,
    'severity', finding.severity,
    'axis', finding.axis_code,
    'value', finding.value_code,
    'scan_count', finding.scan_count
  ) AS safe_payload,
  kind.active AS type_active
FROM public.axis_candidate_finding AS finding
JOIN public.event_type_registry AS kind
  ON kind.event_domain = 'governance'
  AND kind.event_type = CASE
    WHEN finding.finding_type IN ('missing_owner', 'missing_assignment')
      THEN 'coverage.scan_completed'
    WHEN finding.finding_type IN ('low_confidence', 'quarantine')
      THEN 'input.untrusted_source'
    WHEN finding.finding_type = 'stale_topic' THEN 'candidate.scan_completed'
  END;
COMMENT ON VIEW public.v_axis_issue_payload IS
  'Events that the findings would be, with whether their type is active.';

CREATE VIEW public.v_axis_topic_parentage_conflict AS
SELECT
  assignment.object_type,
  assignment.object_ref,
  count(DISTINCT COALESCE(value.parent_value_code, value.value_code)) AS roots,
  string_agg(
    DISTINCT COALESCE(value.parent_value_code, value.value_code), ', '
  ) AS root_values
FROM public.axis_assignment AS assignment
JOIN public.axis_value AS value
  ON value.axis_code = assignment.axis_code
  AND value.value_code = assignment.value_code
WHERE assignment.axis_code = 'topic'
  AND assignment.status = 'active'
GROUP BY
  assignment.object_type,
  assignment.object_ref
HAVING count(DISTINCT COALESCE(value.parent_value_code, value.value_code)) > 1;
COMMENT ON VIEW public.v_axis_topic_parentage_conflict IS
  'Objects assigned under more than one root domain of the topic axis.';

DO $$
DECLARE
  findings bigint := (SELECT count(*) FROM public.axis_candidate_finding);
  payloads bigint := (SELECT count(*) FROM public.v_axis_issue_payload);
  emittable bigint := (
    SELECT count(*) FROM public.v_axis_issue_payload WHERE type_active
  );
BEGIN
  IF payloads <> findings OR emittable <> 0 THEN
    RAISE EXCEPTION 'E: % payloads of % findings, % emittable, expected 0',
      payloads, findings, emittable;
  END IF;
  RAISE NOTICE 'E: pre-commit ok (payloads=% emittable=%)', payloads, emittable;
END
$$;

COMMIT;
