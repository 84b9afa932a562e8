-- K6, K7: axis tables, the six of the substrate and any other axis_ table; one read.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.

SELECT
  relation.relname::text AS name,
  EXISTS (
    SELECT
    FROM pg_catalog.pg_attribute AS attribute
    WHERE attribute.attrelid = relation.oid
      AND attribute.attname = 'created_by'
      AND NOT attribute.attisdropped
  ) AS has_mark
FROM pg_catalog.pg_class AS relation
WHERE relation.relnamespace = 'public'::regnamespace
  AND relation.relkind IN ('r', 'p')
  AND (
    lower(relation.relname) LIKE 'axis\_%'
    OR lower(relation.relname) = 'coverage_rule'
  )
ORDER BY relation.relname COLLATE "C";
