-- B: axes topic and containment as candidates, with values, a rule, assignments.
--
-- Needs before: A3. Leaves: two candidate axes; four topic values, two designated by
--   a person and two proposed by an agent; a containment value per group (5); rule
--   CR-TOPIC-ASSIGNED; four assignments. Required cells and gap stay as they were:
--   a candidate axis requires nothing.
-- Undone by: Z_axis_substrate_drop_clone.sql. Commits.

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
  'oneroof.axis_required',
  (SELECT count(*)::text FROM public.v_axis_required_cell),
  true
);

INSERT INTO public.axis_registry (
  axis_code, axis_name, axis_family, axis_kind, value_domain, owner_scope_ref,
  status, lifecycle_status, created_by
)
VALUES
  (
    'topic', 'Topic', 'label', 'uncertain', 'topic', 'global',
    'candidate', 'register', 'TEST_CLONE_AXIS_2026-06-03'
  ),
  (
    'containment', 'Containment', 'structural', 'deterministic', 'containment',
    'global', 'candidate', 'register', 'TEST_CLONE_AXIS_2026-06-03'
  );

INSERT INTO public.axis_value (
  axis_code, value_code, parent_value_code, status, provenance, created_by
)
VALUES
  (
    'topic', 'governance', NULL, 'candidate',
    '{"kind": "human_designated", "designated_by": "human"}',
    'TEST_CLONE_AXIS_2026-06-03'
  ),
  (
    'topic', 'workflow', NULL, 'candidate',
    '{"kind": "human_designated", "designated_by": "human"}',
    'TEST_CLONE_AXIS_2026-06-03'
  ),
  (
    'topic', 'ai-ops', 'governance', 'candidate',
    '{"kind": "ai_proposed", "designated_by": "agent"}',
    'TEST_CLONE_AXIS_2026-06-03'
  ),
  (
    'topic', 'registry-kg', 'governance', 'candidate',
    '{"kind": "ai_proposed", "designated_by": "agent"}',
    'TEST_CLONE_AXIS_2026-06-03'
  );

INSERT INTO public.axis_value (
  axis_code, value_code, status, provenance, created_by
)
SELECT
  'containment',
  containment.parent_ref,
  'candidate',
  jsonb_build_object('kind', 'rule', 'source', 'collection_registry.group'),
  'TEST_CLONE_AXIS_2026-06-03'
FROM public.v_governance_object_containment AS containment
GROUP BY containment.parent_ref
ORDER BY containment.parent_ref;

INSERT INTO public.coverage_rule (
  rule_code, axis_code, applies_to, coverage_mode, confidence_threshold,
  staleness_days, required_owner_kind, status, created_by
)
VALUES (
  'CR-TOPIC-ASSIGNED', 'topic', 'collection', 'per_assignment', 0.70, 30,
  'accountable', 'active', 'TEST_CLONE_AXIS_2026-06-03'
);

INSERT INTO public.axis_assignment (
  object_type, object_ref, axis_code, value_code, zone, confidence, match_score,
  assigned_kind, provenance, assigned_at, created_by
)
SELECT
  'collection',
  assigned.object_ref,
  'topic',
  assigned.value_code,
  'candidate',
  assigned.confidence,
  assigned.confidence,
  assigned.assigned_kind,
  jsonb_build_object('assigned_by', assigned.assigned_kind, 'source', 'rehearsal'),
  COALESCE(
    NULLIF(current_setting('oneroof.axis_as_of', true), '')::timestamptz, now()
  ),
  'TEST_CLONE_AXIS_2026-06-03'
FROM (
  VALUES
    ('agents', 'ai-ops', 0.92, 'human'),
    ('governance_registry', 'registry-kg', 0.85, 'agent'),
    ('workflows', 'workflow', 0.96, 'human'),
    ('modules', 'workflow', 0.55, 'agent')
) AS assigned (object_ref, value_code, confidence, assigned_kind)
JOIN public.v_governance_object_inventory AS inventory
  ON inventory.object_type = 'collection'
  AND inventory.object_ref = assigned.object_ref
ORDER BY assigned.object_ref;

DO $$
DECLARE
  required bigint := (SELECT count(*) FROM public.v_axis_required_cell);
  assigned bigint := (
    SELECT count(*) FROM public.axis_assignment WHERE axis_code = 'topic'
  );
BEGIN
  IF required::text <> current_setting('oneroof.axis_required') THEN
    RAISE EXCEPTION 'B: candidates moved required from % to %',
      current_setting('oneroof.axis_required'), required;
  END IF;
  IF assigned <> 4 THEN
    RAISE EXCEPTION 'B: post-state assignments=%, expected 4: not all are governed',
      assigned;
  END IF;
  RAISE NOTICE 'B: pre-commit ok (required=% assignments=%)', required, assigned;
END
$$;

COMMIT;
