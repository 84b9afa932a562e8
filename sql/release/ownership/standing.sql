-- Ownership packet: which of its steps stand in the database. Reads only.
--
-- Gate: database directus (or the marked clone that oneroof.target_database names).
-- Needs before: nothing. Expected delta: none. Undone by: nothing to undo.
-- Stop: none. Returns (step, state, found); state is absent, whole or in part.

BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL search_path = pg_catalog;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '15s';

DO $$
DECLARE
  target text := coalesce(
    nullif(current_setting('oneroof.target_database', true), ''),
    'directus'
  );
BEGIN
  IF target = 'directus' AND current_database() <> 'directus' THEN
    RAISE EXCEPTION 'REFUSING: % is not production directus', current_database();
  END IF;
  IF current_database() <> target THEN
    RAISE EXCEPTION 'REFUSING: % is not the target %', current_database(), target;
  END IF;
  IF target <> 'directus' AND (
    target !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$'
    OR NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_database AS base
      WHERE base.datname = current_database()
        AND starts_with(
          shobj_description(base.oid, 'pg_database'),
          'pytest-oneroof clone '
        )
    )
  ) THEN
    RAISE EXCEPTION 'REFUSING: % is neither production directus nor a marked clone',
      target;
  END IF;
END
$$;

SELECT
  '1' AS step,
  CASE count(*) WHEN 0 THEN 'absent' WHEN 30 THEN 'whole' ELSE 'in part' END AS state,
  count(*) || ' of 30 anchors' AS found
FROM public.governance_object_ownership
WHERE created_by = 'F6_OWNERSHIP_SEED_COMMIT';

COMMIT;
