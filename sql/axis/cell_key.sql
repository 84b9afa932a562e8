-- B1: which columns make a cell of ownership, besides the object itself.
--
-- Needs before: nothing. Leaves: nothing; reads only.
-- Returns (source, column, referenced): the key columns of uq_gov_obj_accountable and
--   the columns of v_object_owner_gap without object_type and object_ref, each with
--   the table that a foreign key of the ownership table leads to. One row per source,
--   both `scope`: that is the one axis there is, and it is implicit.

WITH keyed AS (
  SELECT
    'uq_gov_obj_accountable' AS source,
    attribute.attname::text AS column_name
  FROM pg_catalog.pg_index AS index
  JOIN pg_catalog.pg_attribute AS attribute
    ON attribute.attrelid = index.indrelid
    AND attribute.attnum = ANY (index.indkey)
  WHERE index.indexrelid = to_regclass('public.uq_gov_obj_accountable')
    AND index.indisunique
    AND index.indisvalid
  UNION ALL
  SELECT
    'v_object_owner_gap',
    attribute.attname::text
  FROM pg_catalog.pg_attribute AS attribute
  WHERE attribute.attrelid = to_regclass('public.v_object_owner_gap')
    AND attribute.attnum > 0
    AND NOT attribute.attisdropped
)
SELECT
  keyed.source,
  keyed.column_name,
  (
    SELECT referenced.relname::text
    FROM pg_catalog.pg_constraint AS foreign_key
    JOIN pg_catalog.pg_class AS referenced
      ON referenced.oid = foreign_key.confrelid
    JOIN pg_catalog.pg_attribute AS attribute
      ON attribute.attrelid = foreign_key.conrelid
      AND attribute.attnum = foreign_key.conkey[1]
    WHERE foreign_key.contype = 'f'
      AND foreign_key.conrelid = to_regclass('public.governance_object_ownership')
      AND cardinality(foreign_key.conkey) = 1
      AND attribute.attname = keyed.column_name
  ) AS referenced
FROM keyed
WHERE keyed.column_name NOT IN ('object_type', 'object_ref')
ORDER BY
  keyed.source,
  keyed.column_name;
