-- B1, B7: what is there of any axis substrate, in any schema.
--
-- Needs before: nothing. Leaves: nothing; reads only.
-- Returns (kind, name) of tables with the six names and of views v_axis_...; the
--   unrelated iu_three_axis_envelope is none of them.

SELECT
  CASE WHEN class.relkind IN ('r', 'p', 'f') THEN 'table' ELSE 'view' END AS kind,
  namespace.nspname || '.' || class.relname AS name
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace
  ON namespace.oid = class.relnamespace
WHERE class.relkind IN ('r', 'p', 'f', 'v', 'm')
  AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
  AND (
    lower(class.relname) IN (
      'axis_registry', 'axis_value', 'axis_assignment', 'coverage_rule',
      'axis_object_ownership', 'axis_candidate_finding'
    )
    OR lower(class.relname) LIKE 'v\_axis\_%'
  )
ORDER BY
  kind,
  name;
