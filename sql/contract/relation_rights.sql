-- How a relation of the contract could write: an updatable view, a function that may.
--
-- Needs before: nothing. Placeholder, filled by Python: relation, its name. Leaves:
--   nothing. Undone by: nothing to undo. No row: there is no such relation.

SELECT
  'view' AS kind,
  pg_relation_is_updatable(c.oid, true) = 0 AS reads_only,
  COALESCE(c.reloptions @> ARRAY['security_invoker=true'], false) AS as_caller
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n
  ON n.oid = c.relnamespace
WHERE n.nspname = 'public'
  AND c.relname = %(relation)s::text
  AND c.relkind = 'v'
UNION ALL
SELECT
  'function',
  p.provolatile <> 'v',
  NOT p.prosecdef
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n
  ON n.oid = p.pronamespace
WHERE n.nspname = 'public'
  AND p.proname = %(relation)s::text
ORDER BY kind;
