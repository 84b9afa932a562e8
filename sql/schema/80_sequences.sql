-- Put every sequence past the data.
--
-- Needs before: all rows. Leaves: each sequence that a column owns at the highest
--   value of that column, and those of empty tables never called.
-- Undone by: DROP DATABASE.

DO $$
DECLARE
  owned record;
BEGIN
  FOR owned IN
    SELECT
      seq.oid::regclass AS sequence_name,
      held.refobjid::regclass AS table_name,
      attribute.attname AS column_name
    FROM pg_catalog.pg_class AS seq
    JOIN pg_catalog.pg_depend AS held
      ON held.classid = 'pg_catalog.pg_class'::regclass
      AND held.objid = seq.oid
      AND held.refclassid = 'pg_catalog.pg_class'::regclass
      AND held.deptype = 'a'
    JOIN pg_catalog.pg_attribute AS attribute
      ON attribute.attrelid = held.refobjid
      AND attribute.attnum = held.refobjsubid
    WHERE seq.relkind = 'S'
    ORDER BY seq.oid::regclass::text
  LOOP
    EXECUTE format(
      'SELECT setval(%L, max(%I)) FROM %s HAVING max(%I) IS NOT NULL',
      owned.sequence_name, owned.column_name, owned.table_name, owned.column_name
    );
  END LOOP;
END
$$;
