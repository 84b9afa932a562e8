-- R1.3: the index that forbids a second accountable owner, part by part; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- Always one row: an index that is missing, or of another table, yields NULLs. Its
-- parts are told apart, so that a weakened index of the same name shows where.

SELECT
  held.indrelid::regclass::text AS on_table,
  held.indisunique AS is_unique,
  held.indisvalid AND held.indisready AND held.indislive AS is_enforced,
  held.indimmediate AS is_immediate,
  (
    SELECT
      string_agg(
        pg_catalog.pg_get_indexdef(held.indexrelid, part, true), ', ' ORDER BY part
      )
    FROM generate_series(1, held.indnkeyatts) AS part
  ) AS key_columns,
  pg_catalog.pg_get_expr(held.indpred, held.indrelid) AS predicate
FROM (SELECT to_regclass('public.uq_gov_obj_accountable') AS index_oid) AS wanted
LEFT JOIN pg_catalog.pg_index AS held
  ON held.indexrelid = wanted.index_oid;
