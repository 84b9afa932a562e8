-- Empty a throw-away database but for extensions and what belongs to them, which are an
-- administrator's to drop.
--
-- Needs before: a role that owns what is there, or is a member of its owner. Leaves: no
--   table, view, sequence, routine or type of one's own, and a schema public.
-- Undone by: nothing to undo; the database is thrown away.

DO $$
DECLARE
  found text;
  statements text[] := (
    WITH member AS (
      SELECT objid
      FROM pg_catalog.pg_depend
      WHERE deptype = 'e'
    ),
    place AS (
      SELECT
        namespace.oid,
        namespace.nspname,
        EXISTS (
          SELECT
          FROM member
          WHERE member.objid IN (
            SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = namespace.oid
            UNION ALL
            SELECT oid FROM pg_catalog.pg_proc WHERE pronamespace = namespace.oid
            UNION ALL
            SELECT oid FROM pg_catalog.pg_type WHERE typnamespace = namespace.oid
          )
        )
        OR namespace.oid IN (SELECT extnamespace FROM pg_catalog.pg_extension)
        OR namespace.oid IN (SELECT objid FROM member) AS kept
      FROM pg_catalog.pg_namespace AS namespace
      WHERE namespace.nspname !~ '^pg_'
        AND namespace.nspname NOT IN ('information_schema', 'oneroof')
    ),
    object AS (
      SELECT 1 AS turn, format('SCHEMA IF EXISTS %I', place.nspname) AS name
      FROM place
      WHERE NOT place.kept
      UNION ALL
      SELECT
        2,
        format(
          '%s IF EXISTS %I.%I',
          CASE class.relkind
            WHEN 'v' THEN 'VIEW'
            WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE'
            WHEN 'c' THEN 'TYPE'
            ELSE 'TABLE'
          END,
          place.nspname,
          class.relname
        )
      FROM place
      JOIN pg_catalog.pg_class AS class
        ON class.relnamespace = place.oid
      WHERE place.kept
        AND class.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
        AND class.oid NOT IN (SELECT objid FROM member)
      UNION ALL
      SELECT 3, format('ROUTINE IF EXISTS %s', routine.oid::regprocedure)
      FROM place
      JOIN pg_catalog.pg_proc AS routine
        ON routine.pronamespace = place.oid
      WHERE place.kept
        AND routine.oid NOT IN (SELECT objid FROM member)
      UNION ALL
      SELECT 4, format('TYPE IF EXISTS %I.%I', place.nspname, type.typname)
      FROM place
      JOIN pg_catalog.pg_type AS type
        ON type.typnamespace = place.oid
      WHERE place.kept
        AND type.typtype IN ('e', 'd', 'r')
        AND type.oid NOT IN (SELECT objid FROM member)
    )
    SELECT array_agg(format('DROP %s CASCADE', name) ORDER BY turn, name)
    FROM object
  );
BEGIN
  FOREACH found IN ARRAY coalesce(statements, '{}') LOOP
    EXECUTE found;
  END LOOP;
END
$$;

CREATE SCHEMA IF NOT EXISTS public;
