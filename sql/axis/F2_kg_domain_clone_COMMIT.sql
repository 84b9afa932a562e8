-- F2: the provisional topic kg-domain-x is ratified; commits.
--
-- Needs before: P2. Leaves: kg-domain-x active under registry-kg, its provenance
--   kg_ratified with what it was before; a row of the crosswalk, inferred. Topics
--   active 8, deprecated 1, candidate 0. Undone by: Z_rollback_finalization.sql.

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

UPDATE public.axis_value
SET
  status = 'active',
  parent_value_code = 'registry-kg',
  provenance = provenance || jsonb_build_object(
    'kind', 'kg_ratified',
    'prior_kind', provenance ->> 'kind',
    'ratified_by', 'GOV-KG-SYS',
    'approval_ref', 'APR-CLONE-KGX-2026-06-03',
    'lane', 'governance'
  )
WHERE axis_code = 'topic'
  AND value_code = 'kg-domain-x'
  AND status = 'candidate';

INSERT INTO public.topic_taxonomy_map (value_code, label_code, map_kind, created_by)
VALUES ('kg-domain-x', 'LBL-101', 'inferred', 'TEST_CLONE_finalization_2026-06-03');

DO $$
DECLARE
  candidates bigint := (
    SELECT count(*)
    FROM public.axis_value
    WHERE axis_code = 'topic'
      AND status = 'candidate'
  );
BEGIN
  IF candidates <> 0 THEN
    RAISE EXCEPTION 'F: % topics are still candidates, expected 0', candidates;
  END IF;
END
$$;

COMMIT;
