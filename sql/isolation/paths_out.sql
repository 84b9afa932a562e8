-- K2: what leads out of this database; one row for each path.
--
-- Needs before: nothing. Leaves: nothing. Undone by: nothing to undo.
--
-- An installed extension alone is no path, and neither are its own routines: what
-- is made with it is. A job table is told here, its jobs are counted by the check.
-- Read without further rights: pg_user_mapping and the connection strings of
-- subscriptions are not for everybody, their existence is.

SELECT kind, name
FROM (
  SELECT 'foreign server' AS kind, srvname::text AS name
  FROM pg_catalog.pg_foreign_server
  UNION ALL
  SELECT 'user mapping', usename || ' on ' || srvname
  FROM pg_catalog.pg_user_mappings
  UNION ALL
  SELECT 'foreign table', foreign_table.ftrelid::regclass::text
  FROM pg_catalog.pg_foreign_table AS foreign_table
  UNION ALL
  SELECT 'subscription', subscription.subname::text
  FROM pg_catalog.pg_subscription AS subscription
  JOIN pg_catalog.pg_database AS database
    ON database.oid = subscription.subdbid
  WHERE database.datname = current_database()
  UNION ALL
  SELECT 'publication', pubname::text
  FROM pg_catalog.pg_publication
  UNION ALL
  SELECT 'replication slot', slot_name::text
  FROM pg_catalog.pg_replication_slots
  WHERE database = current_database()
  UNION ALL
  SELECT 'job table', format('%I.%I', space.nspname, relation.relname)
  FROM pg_catalog.pg_class AS relation
  JOIN pg_catalog.pg_namespace AS space
    ON space.oid = relation.relnamespace
  WHERE (space.nspname, relation.relname) IN (('cron', 'job'), ('pgagent', 'pga_job'))
  UNION ALL
  SELECT 'privileged SECURITY DEFINER routine', routine.oid::regprocedure::text
  FROM pg_catalog.pg_proc AS routine
  JOIN pg_catalog.pg_roles AS owner
    ON owner.oid = routine.proowner
  JOIN pg_catalog.pg_namespace AS space
    ON space.oid = routine.pronamespace
  WHERE routine.prosecdef
    AND owner.rolsuper
    AND space.nspname NOT IN ('pg_catalog', 'information_schema')
    AND pg_catalog.has_function_privilege(routine.oid, 'EXECUTE')
  UNION ALL
  SELECT
    CASE
      WHEN language.lanpltrusted THEN 'routine that calls dblink'
      ELSE 'routine in untrusted language ' || language.lanname
    END,
    routine.oid::regprocedure::text
  FROM pg_catalog.pg_proc AS routine
  JOIN pg_catalog.pg_language AS language
    ON language.oid = routine.prolang
  JOIN pg_catalog.pg_namespace AS space
    ON space.oid = routine.pronamespace
  WHERE space.nspname NOT IN ('pg_catalog', 'information_schema')
    AND (NOT language.lanpltrusted OR routine.prosrc ~* '\mdblink(_\w+)?\s*\(')
    AND NOT EXISTS (
      SELECT
      FROM pg_catalog.pg_depend AS belongs
      WHERE belongs.classid = 'pg_catalog.pg_proc'::regclass
        AND belongs.objid = routine.oid
        AND belongs.deptype = 'e'
    )
) AS path
ORDER BY
  kind,
  name;
