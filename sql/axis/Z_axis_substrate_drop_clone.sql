-- Z: drop the axis substrate of a clone, six tables and nine views; commits.
--
-- Needs before: a clone; the substrate may be there or not, so it can be run again.
--   What depends on it (promotion, finalization) must be gone, or the drop names it.
-- Leaves: no axis table and no axis view; ownership and gap as they were.
-- Undone by: building the substrate again.
--
-- Refuses rows that no rehearsal made (created_by other than TEST_CLONE_...), and the
-- other design of the same table names, which it tells by its columns.

BEGIN;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';

DO $$
DECLARE
  table_name text;
  known oid;
  foreign_column text;
  unmarked bigint;
  present integer := 0;
BEGIN
  IF current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$' THEN
    RAISE EXCEPTION 'REFUSING TO RUN: % is not a clone.', current_database();
  END IF;
  FOREACH table_name IN ARRAY ARRAY[
    'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
    'axis_registry', 'axis_value', 'coverage_rule'
  ]
  LOOP
    known := to_regclass(format('public.%I', table_name));
    CONTINUE WHEN known IS NULL;
    present := present + 1;
    SELECT min(attribute.attname::text)
    INTO foreign_column
    FROM pg_catalog.pg_attribute AS attribute
    WHERE attribute.attrelid = known
      AND NOT attribute.attisdropped
      AND attribute.attname IN (
        'node_source', 'node_filter', 'relation_source', 'root_rule', 'child_rule',
        'lifecycle_field', 'owner_governance_ref', 'substrate_resolver', 'pivots_ref'
      );
    IF foreign_column IS NOT NULL THEN
      RAISE EXCEPTION
        'REFUSING: table % is of another design (column %), nothing dropped',
        table_name, foreign_column;
    END IF;
    IF NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_attribute AS attribute
      WHERE attribute.attrelid = known
        AND NOT attribute.attisdropped
        AND attribute.attname = 'created_by'
    ) THEN
      RAISE EXCEPTION
        'REFUSING: table % is of another design (no created_by), nothing dropped',
        table_name;
    END IF;
    EXECUTE format(
      'SELECT count(*) FROM public.%I '
      'WHERE created_by IS NULL OR created_by NOT LIKE %L',
      table_name, 'TEST\_CLONE\_%'
    )
    INTO unmarked;
    IF unmarked <> 0 THEN
      RAISE EXCEPTION
        'REFUSING: table % holds % rows without the TEST_CLONE marker, nothing dropped',
        table_name, unmarked;
    END IF;
  END LOOP;
  PERFORM set_config(
    'oneroof.axis_drop_own',
    (SELECT count(*)::text FROM public.governance_object_ownership),
    true
  );
  PERFORM set_config(
    'oneroof.axis_drop_gap',
    (SELECT count(*)::text FROM public.v_object_owner_gap),
    true
  );
  RAISE NOTICE 'Z: % axis tables present, all marked', present;
END
$$;

DROP VIEW IF EXISTS
  public.v_axis_issue_payload,
  public.v_axis_topic_parentage_conflict,
  public.v_axis_missing_assignment,
  public.v_axis_coverage_summary,
  public.v_axis_registry_coverage,
  public.v_axis_assignment_quality,
  public.v_axis_coverage_gap,
  public.v_axis_effective_owner,
  public.v_axis_required_cell;

DROP TABLE IF EXISTS
  public.axis_candidate_finding,
  public.axis_object_ownership,
  public.coverage_rule,
  public.axis_assignment,
  public.axis_value,
  public.axis_registry;

DO $$
DECLARE
  remaining bigint := (
    SELECT count(*)
    FROM pg_catalog.pg_class AS class
    WHERE class.relnamespace = 'public'::regnamespace
      AND class.relname IN (
        'axis_assignment', 'axis_candidate_finding', 'axis_object_ownership',
        'axis_registry', 'axis_value', 'coverage_rule'
      )
  );
  own bigint := (SELECT count(*) FROM public.governance_object_ownership);
  gap bigint := (SELECT count(*) FROM public.v_object_owner_gap);
BEGIN
  IF remaining <> 0 THEN
    RAISE EXCEPTION 'Z: % axis tables remain, expected 0', remaining;
  END IF;
  IF own::text <> current_setting('oneroof.axis_drop_own')
    OR gap::text <> current_setting('oneroof.axis_drop_gap')
  THEN
    RAISE EXCEPTION 'Z: side effect, own % -> %, gap % -> %',
      current_setting('oneroof.axis_drop_own'), own,
      current_setting('oneroof.axis_drop_gap'), gap;
  END IF;
  RAISE NOTICE 'Z: pre-commit ok (axis=% own=% gap=%)', remaining, own, gap;
END
$$;

COMMIT;
