-- P2: containment and topics promoted, one split, one merged, one owned; commits.
--
-- Needs before: P1. Leaves: axis containment active, without a rule; topic values
--   active 7, candidate 1 (kg-domain-x, provisional), deprecated 1 (gov-legacy, merged
--   into governance); six rows of the crosswalk; GOV-DOT accountable for modules in
--   topic workflow, so that the topic gap falls by exactly one. What is in quarantine
--   stays open: it must be cleared before it may be owned.
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
  'oneroof.axis_topic_gap',
  (
    SELECT count(*)::text FROM public.v_axis_coverage_gap WHERE axis_code = 'topic'
  ),
  true
);

UPDATE public.axis_registry
SET
  status = 'active',
  lifecycle_status = 'active'
WHERE axis_code = 'containment'
  AND status = 'candidate';

UPDATE public.axis_value
SET status = 'active'
WHERE axis_code = 'containment'
  AND status = 'candidate';

INSERT INTO public.axis_value (
  axis_code, value_code, parent_value_code, status, provenance, created_by
)
SELECT
  'topic',
  proposed.value_code,
  proposed.parent_value_code,
  'candidate',
  proposed.provenance::jsonb || jsonb_build_object(
    'proposed_at',
    COALESCE(
      NULLIF(current_setting('oneroof.axis_as_of', true), '')::timestamptz, now()
    ) - make_interval(days => proposed.age)
  ),
  'TEST_CLONE_topic_promo_2026-06-03'
FROM (
  VALUES
    (
      'observability', 'governance', 5,
      '{"kind": "ai_proposed", "designated_by": "agent", "reviewed_by": "GOV-SIV"}'
    ),
    (
      'data-platform', NULL, 5,
      '{"kind": "human_designated", "designated_by": "human"}'
    ),
    (
      'kg-domain-x', NULL, 45,
      '{"kind": "kg_provisional", "designated_by": "agent"}'
    ),
    (
      'workflow-exec', 'workflow', 5,
      '{"kind": "human_designated", "designated_by": "human", "split_from": "workflow"}'
    ),
    (
      'gov-legacy', NULL, 5,
      '{"kind": "human_designated", "designated_by": "human"}'
    )
) AS proposed (value_code, parent_value_code, age, provenance)
ORDER BY proposed.value_code;

-- By lane: a person's designation qualifies, an agent's proposal needs its review, a
-- provisional value of the knowledge graph is held.
UPDATE public.axis_value
SET status = 'active'
WHERE axis_code = 'topic'
  AND status = 'candidate'
  AND value_code <> 'gov-legacy'
  AND (
    provenance ->> 'kind' = 'human_designated'
    OR (provenance ->> 'kind' = 'ai_proposed' AND provenance ? 'reviewed_by')
  );

UPDATE public.axis_value
SET
  status = 'deprecated',
  provenance = provenance || '{"merged_into": "governance"}'
WHERE axis_code = 'topic'
  AND value_code = 'gov-legacy';

INSERT INTO public.axis_object_ownership (
  object_type, object_ref, axis_code, value_code, owner_gov_code, owner_kind,
  provenance, approval_ref, created_by
)
VALUES (
  'collection', 'modules', 'topic', 'workflow', 'GOV-DOT', 'accountable',
  '{"kind": "human_ratified"}', 'CLONE-TEST-NO-RATIFICATION',
  'TEST_CLONE_topic_promo_2026-06-03'
);

-- governance and workflow-exec stay unmapped on purpose.
INSERT INTO public.topic_taxonomy_map (value_code, label_code, map_kind, created_by)
VALUES
  ('ai-ops', 'LBL-006', 'related', 'TEST_CLONE_topic_promo_2026-06-03'),
  ('ai-ops', 'LBL-061', 'exact', 'TEST_CLONE_topic_promo_2026-06-03'),
  ('data-platform', 'LBL-002', 'exact', 'TEST_CLONE_topic_promo_2026-06-03'),
  ('observability', 'LBL-014', 'exact', 'TEST_CLONE_topic_promo_2026-06-03'),
  ('registry-kg', 'LBL-101', 'related', 'TEST_CLONE_topic_promo_2026-06-03'),
  ('workflow', 'LBL-004', 'exact', 'TEST_CLONE_topic_promo_2026-06-03');

DO $$
DECLARE
  gap bigint := (
    SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'topic'
  );
  was bigint := current_setting('oneroof.axis_topic_gap')::bigint;
  canonical bigint := (SELECT count(*) FROM public.v_object_owner_gap);
  generalized bigint := (
    SELECT count(*) FROM public.v_axis_coverage_gap WHERE axis_code = 'responsibility'
  );
BEGIN
  IF gap <> was - 1 THEN
    RAISE EXCEPTION 'P: topic gap % -> %, expected exactly one less', was, gap;
  END IF;
  IF generalized <> canonical THEN
    RAISE EXCEPTION 'P: responsibility gap=%, canonical %', generalized, canonical;
  END IF;
  RAISE NOTICE 'P: pre-commit ok (topic gap % -> %)', was, gap;
END
$$;

COMMIT;
