-- The machine: how many rows of some tables this transaction has written; one read.
--
-- Needs before: nothing. Placeholder, filled by Python: tables, their names.
-- Leaves: nothing. Undone by: nothing to undo.
--
-- What is undone by a savepoint is counted too, so that an unchanged count means that
-- nothing was written, and what was read of these tables still holds.

SELECT
  COALESCE(
    sum(
      pg_catalog.pg_stat_get_xact_tuples_inserted(written)
      + pg_catalog.pg_stat_get_xact_tuples_updated(written)
      + pg_catalog.pg_stat_get_xact_tuples_deleted(written)
    ),
    0
  )::bigint AS written
FROM unnest(%(tables)s::regclass[]) AS written;
