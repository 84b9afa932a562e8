-- C5, D2: which tables this session has written; compare two readings.
--
-- Needs before: an open transaction. Leaves: nothing; reads the session's own
--   counters, which cost nothing however big the tables are (manual, 28.2,
--   pg_stat_xact_*). They are not yet reported ones, also of earlier transactions, and
--   are reported only between transactions: so only a difference tells. Rows of a
--   savepoint that was rolled back stay counted.
-- Returns (relation, written), tables without a change left out.

SELECT
  schemaname || '.' || relname AS relation,
  n_tup_ins + n_tup_upd + n_tup_del AS written
FROM pg_catalog.pg_stat_xact_user_tables
WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
  AND schemaname <> 'oneroof'
ORDER BY relation;
