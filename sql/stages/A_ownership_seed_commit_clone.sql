-- Stage A: seed the ownership anchors, five groups in every active scope; commits.
--
-- Needs before: a clone without owners, every cell open. An existing seed is
--   refused. The twin of the production seed: only its ratification gate is left
--   out, all other guards are the same.
-- Leaves: one accountable anchor per group and scope (5 x 6 = 30), gap 0.
-- Undone by: F_rollback_clone.sql, or DELETE by created_by CLONE_TEST_F6_SEED.

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

-- Pre-state. The cells come from the views (35 x 6 = 210 in June 2026), so that a
-- further collection or scope needs no edit here; zero cells are refused, since
-- a gap of 0 over an empty inventory would prove nothing.
DO $$
DECLARE
  own bigint := (SELECT count(*) FROM public.governance_object_ownership);
  gap bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  conflict bigint := (SELECT count(*) FROM public.v_object_owner_conflict);
  objects bigint := (SELECT count(*) FROM public.v_governance_object_inventory);
  scopes bigint := (
    SELECT count(*)
    FROM public.governance_responsibility_scope
    WHERE status = 'active'
  );
BEGIN
  IF own <> 0 THEN
    RAISE EXCEPTION 'REFUSING: pre-state own=%, expected 0', own;
  END IF;
  IF objects * scopes = 0 OR gap <> objects * scopes THEN
    RAISE EXCEPTION 'REFUSING: pre-state gap=%, expected % objects x % scopes = %',
      gap, objects, scopes, objects * scopes;
  END IF;
  IF conflict <> 0 THEN
    RAISE EXCEPTION 'REFUSING: pre-state conflict=%, expected 0', conflict;
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
  RAISE NOTICE 'A: gate open on the clone (own=% gap=% conflict=%)', own, gap, conflict;
END
$$;

INSERT INTO public.governance_object_ownership (
  object_type, object_ref, scope, owner_kind, owner_gov_code, is_inherited_anchor,
  lifecycle_status, created_by, source_design_ref, approval_ref
)
SELECT
  'group',
  seed.group_code,
  scope.scope_code,
  'accountable',
  seed.owner_gov_code,
  true,
  'active',
  'CLONE_TEST_F6_SEED',
  'F6-anchor-ratified',
  'CLONE-TEST-NO-RATIFICATION'
FROM (
  VALUES
    ('GRP-GOVERNANCE', 'GOV-COUNCIL'),
    ('GRP-REGISTRY', 'GOV-KG-SYS'),
    ('GRP-AI', 'GOV-DOT'),
    ('GRP-BUSINESS', 'GOV-MOIT'),
    ('GRP-WORKFLOW', 'GOV-DOT')
) AS seed (group_code, owner_gov_code)
CROSS JOIN public.governance_responsibility_scope AS scope
WHERE scope.status = 'active'
ORDER BY
  seed.group_code,
  scope.scope_code;

DO $$
DECLARE
  added bigint := (
    SELECT count(*)
    FROM public.governance_object_ownership
    WHERE created_by = 'CLONE_TEST_F6_SEED'
      AND object_type = 'group'
      AND owner_kind = 'accountable'
      AND is_inherited_anchor
      AND lifecycle_status = 'active'
  );
  expected bigint := (
    SELECT count(DISTINCT parent_ref)
    FROM public.v_governance_object_containment
  ) * (
    SELECT count(*)
    FROM public.governance_responsibility_scope
    WHERE status = 'active'
  );
  gap bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  conflict bigint := (SELECT count(*) FROM public.v_object_owner_conflict);
  gov_emit bigint := (
    SELECT count(*) FROM public.event_outbox WHERE event_domain = 'governance'
  );
  issues bigint := (SELECT count(*) FROM public.system_issues);
BEGIN
  IF added <> expected THEN
    RAISE EXCEPTION 'A: post-state new=%, expected %', added, expected;
  END IF;
  IF gap <> 0 OR conflict <> 0 THEN
    RAISE EXCEPTION 'A: post-state gap=% conflict=%, expected 0 and 0', gap, conflict;
  END IF;
  IF gov_emit::text <> current_setting('oneroof.stage_gov_emit')
    OR issues::text <> current_setting('oneroof.stage_system_issues')
  THEN
    RAISE EXCEPTION 'A: side effect, gov_emit % -> %, system_issues % -> %',
      current_setting('oneroof.stage_gov_emit'), gov_emit,
      current_setting('oneroof.stage_system_issues'), issues;
  END IF;
  RAISE NOTICE 'A: pre-commit ok (new=% gap=% conflict=%)', added, gap, conflict;
END
$$;

COMMIT;
