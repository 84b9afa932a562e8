-- F1: every difference between topics and labels is decided; commits.
--
-- Needs before: P7. Leaves: a decision for each difference (6): another facet is
--   accepted (4), a projection that is still to come (1), a quarantine that is held
--   (1). No label rule is edited: divergent 4 -> 0, projection gap 1 -> 0.
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

INSERT INTO public.topic_label_reconcile_decision (
  finding_kind, object_type, object_ref, axis_code, value_code, decision, reason,
  decided_by, created_by
)
SELECT
  compared.difference,
  compared.object_type,
  compared.object_ref,
  compared.axis_code,
  compared.value_code,
  CASE compared.difference
    WHEN 'divergent' THEN 'accept_orthogonal_facet'
    ELSE 'accept_quarantine_hold'
  END,
  CASE compared.difference
    WHEN 'divergent' THEN 'the rule labels another facet than the topic'
    ELSE 'in quarantine: no rule until it is cleared'
  END,
  'GOV-COUNCIL',
  'TEST_CLONE_finalization_2026-06-03'
FROM public.v_reconcile_collection_topic_vs_label AS compared
WHERE compared.flag IN ('divergent', 'no_label_rule')
UNION ALL
SELECT
  'projection_gap',
  'axis_value',
  gap.value_code,
  gap.axis_code,
  gap.value_code,
  'accept_projection_pending',
  'labels are projected by the external runner',
  'GOV-COUNCIL',
  'TEST_CLONE_finalization_2026-06-03'
FROM public.v_reconcile_topic_projection_gap AS gap;

DO $$
DECLARE
  remaining bigint := (
    SELECT sum(findings)
    FROM public.v_reconcile_summary
    WHERE difference IN ('divergent', 'no_label_rule', 'projection_gap')
  );
BEGIN
  IF remaining <> 0 THEN
    RAISE EXCEPTION 'F: % differences are not decided, expected 0', remaining;
  END IF;
  RAISE NOTICE 'F: decisions=%',
    (SELECT count(*) FROM public.topic_label_reconcile_decision);
END
$$;

COMMIT;
