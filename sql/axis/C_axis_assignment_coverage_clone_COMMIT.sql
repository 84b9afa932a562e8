-- C: topic active, six assignments, four owners; commits.
--
-- Needs before: B. Leaves: axis topic and its four values active; six assignments, one
--   of them old and one in quarantine; owners of four: modules and the item in
--   quarantine stay open on purpose (topic required 6, gap 2; in all 216 and 2).
-- Undone by: Z_axis_substrate_drop_clone.sql.
--
-- What an agent proposed is activated only after its review: that is recorded first,
-- and every value must then meet the precondition.

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

INSERT INTO public.axis_assignment (
  object_type, object_ref, axis_code, value_code, zone, confidence, match_score,
  assigned_kind, provenance, assigned_at, created_by
)
SELECT
  'collection',
  assigned.object_ref,
  'topic',
  'ai-ops',
  assigned.zone,
  assigned.confidence,
  assigned.confidence,
  'agent',
  assigned.provenance::jsonb,
  COALESCE(
    NULLIF(current_setting('oneroof.axis_as_of', true), '')::timestamptz, now()
  ) - make_interval(days => assigned.age),
  'TEST_CLONE_AXIS_2026-06-03'
FROM (
  VALUES
    (
      'tasks', 'candidate', 0.80, 60,
      '{"assigned_by": "agent", "source": "rehearsal"}'
    ),
    ('iu_staging_record', 'quarantine', NULL, 0, NULL)
) AS assigned (object_ref, zone, confidence, age, provenance)
JOIN public.v_governance_object_inventory AS inventory
  ON inventory.object_type = 'collection'
  AND inventory.object_ref = assigned.object_ref
ORDER BY assigned.object_ref;

UPDATE public.axis_value
SET provenance = provenance || '{"reviewed_by": "GOV-COUNCIL"}'
WHERE axis_code = 'topic'
  AND provenance ->> 'designated_by' = 'agent';

UPDATE public.axis_registry
SET
  status = 'active',
  lifecycle_status = 'active'
WHERE axis_code = 'topic'
  AND status = 'candidate';

UPDATE public.axis_value
SET status = 'active'
WHERE axis_code = 'topic'
  AND status = 'candidate'
  AND (
    provenance ->> 'designated_by' = 'human'
    OR provenance ? 'reviewed_by'
  );

INSERT INTO public.axis_object_ownership (
  object_type, object_ref, axis_code, value_code, owner_gov_code, owner_kind,
  provenance, approval_ref, created_by
)
VALUES
  (
    'collection', 'agents', 'topic', 'ai-ops', 'GOV-DOT', 'accountable',
    '{"kind": "rehearsal"}', 'CLONE-TEST-NO-RATIFICATION',
    'TEST_CLONE_AXIS_2026-06-03'
  ),
  (
    'collection', 'governance_registry', 'topic', 'registry-kg', 'GOV-KG-SYS',
    'accountable', '{"kind": "rehearsal"}', 'CLONE-TEST-NO-RATIFICATION',
    'TEST_CLONE_AXIS_2026-06-03'
  ),
  (
    'collection', 'tasks', 'topic', 'ai-ops', 'GOV-DOT', 'accountable',
    '{"kind": "rehearsal"}', 'CLONE-TEST-NO-RATIFICATION',
    'TEST_CLONE_AXIS_2026-06-03'
  ),
  (
    'collection', 'workflows', 'topic', 'workflow', 'GOV-DOT', 'accountable',
    '{"kind": "rehearsal"}', 'CLONE-TEST-NO-RATIFICATION',
    'TEST_CLONE_AXIS_2026-06-03'
  );

DO $$
DECLARE
  assigned bigint := (
    SELECT count(*)
    FROM public.axis_assignment
    WHERE axis_code = 'topic'
      AND status = 'active'
  );
  required bigint := (
    SELECT count(*) FROM public.v_axis_required_cell WHERE axis_code = 'topic'
  );
  gap bigint := (
    SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'topic'
  );
  owned bigint := (
    SELECT count(*) FROM public.axis_object_ownership WHERE axis_code = 'topic'
  );
  canonical bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  generalized bigint := (
    SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'responsibility'
  );
BEGIN
  IF assigned <> 6 OR required <> assigned OR gap <> assigned - owned THEN
    RAISE EXCEPTION 'C: post-state assignments=% required=% gap=%, expected 6, 6 and %',
      assigned, required, gap, assigned - owned;
  END IF;
  IF generalized <> canonical THEN
    RAISE EXCEPTION 'C: responsibility gap=%, canonical %', generalized, canonical;
  END IF;
  RAISE NOTICE 'C: pre-commit ok (topic required=% gap=%)', required, gap;
END
$$;

COMMIT;
