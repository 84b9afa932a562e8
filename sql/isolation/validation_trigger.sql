-- K5: the trigger that validates every event, and whether it fires; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- Always one row: a missing trigger yields NULLs. tgtype as in the manual, 53.54:
-- bit 0 is FOR EACH ROW, bit 1 BEFORE, bit 2 INSERT.

SELECT
  space.nspname || '.' || routine.proname AS calls,
  installed.tgenabled = 'A'
    OR (
      installed.tgenabled = 'O'
      AND current_setting('session_replication_role') <> 'replica'
    ) AS enabled,
  installed.tgtype & 7 = 7 AS before_each_insert,
  installed.tgqual IS NULL AS unconditional
FROM (SELECT to_regclass('public.event_outbox') AS table_oid) AS wanted
LEFT JOIN pg_catalog.pg_trigger AS installed
  ON installed.tgrelid = wanted.table_oid
  AND installed.tgname = 'trg_event_outbox_type_validate'
LEFT JOIN pg_catalog.pg_proc AS routine
  ON routine.oid = installed.tgfoid
LEFT JOIN pg_catalog.pg_namespace AS space
  ON space.oid = routine.pronamespace;
