-- F3: containment is covered: a rule, an assignment and an owner per object; commits.
--
-- Needs before: P2, the ownership seed. Leaves: rule CR-CONTAIN-ASSIGNED; every
--   governed object assigned to its group (35), owned by who answers for that (35).
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

INSERT INTO public.coverage_rule (
  rule_code, axis_code, applies_to, coverage_mode, confidence_threshold,
  staleness_days, required_owner_kind, status, created_by
)
VALUES (
  'CR-CONTAIN-ASSIGNED', 'containment', 'collection', 'per_assignment', 0.5, 0,
  'accountable', 'active', 'TEST_CLONE_finalization_2026-06-03'
);

INSERT INTO public.axis_assignment (
  object_type, object_ref, axis_code, value_code, zone, confidence, match_score,
  assigned_kind, provenance, assigned_at, created_by
)
SELECT
  containment.object_type,
  containment.object_ref,
  'containment',
  containment.parent_ref,
  'approved',
  1.0,
  1.0,
  'rule',
  jsonb_build_object('kind', 'rule', 'source', 'collection_registry.group'),
  COALESCE(
    NULLIF(current_setting('oneroof.axis_as_of', true), '')::timestamptz, now()
  ),
  'TEST_CLONE_finalization_2026-06-03'
FROM public.v_governance_object_containment AS containment
ORDER BY containment.object_ref;

-- One owner per object: the group's, of the first scope where scopes differ.
INSERT INTO public.axis_object_ownership (
  object_type, object_ref, axis_code, value_code, owner_gov_code, owner_kind,
  provenance, approval_ref, created_by
)
SELECT DISTINCT ON (assigned.object_type, assigned.object_ref)
  assigned.object_type,
  assigned.object_ref,
  'containment',
  assigned.value_code,
  owner.owner_gov_code,
  'accountable',
  jsonb_build_object('kind', 'inherited', 'anchor', assigned.value_code),
  'CLONE-TEST-NO-RATIFICATION',
  'TEST_CLONE_finalization_2026-06-03'
FROM public.axis_assignment AS assigned
JOIN public.v_object_effective_owner AS owner
  ON owner.object_type = 'group'
  AND owner.object_ref = assigned.value_code
WHERE assigned.axis_code = 'containment'
  AND assigned.status = 'active'
ORDER BY
  assigned.object_type,
  assigned.object_ref,
  owner.scope;

DO $$
DECLARE
  objects bigint := (SELECT count(*) FROM public.v_governance_object_inventory);
  required bigint := (
    SELECT count(*) FROM public.v_axis_required_cell WHERE axis_code = 'containment'
  );
  gap bigint := (
    SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'containment'
  );
  missing bigint := (
    SELECT count(*)
    FROM public.v_axis_missing_assignment
    WHERE axis_code = 'containment'
  );
  ruleless bigint := (
    SELECT count(*)
    FROM public.v_drift_finding
    WHERE detector_code = 'coverage_rule_missing'
  );
  island bigint := (
    SELECT count(*)
    FROM public.v_governance_object_inventory AS inventory
    WHERE NOT EXISTS (
      SELECT
      FROM public.v_governance_object_containment AS containment
      WHERE containment.object_type = inventory.object_type
        AND containment.object_ref = inventory.object_ref
    )
  );
BEGIN
  IF objects = 0 OR required <> objects OR gap <> 0 OR missing <> 0 THEN
    RAISE EXCEPTION 'F: containment required=% gap=% missing=%, expected %, 0 and 0',
      required, gap, missing, objects;
  END IF;
  IF ruleless <> 0 OR island <> 0 THEN
    RAISE EXCEPTION 'F: coverage_rule_missing=% island=%, expected 0 and 0',
      ruleless, island;
  END IF;
  RAISE NOTICE 'F: containment required=% gap=%', required, gap;
END
$$;

COMMIT;
