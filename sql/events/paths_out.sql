-- C4, D3: ways out of the database that are there whatever a table does.
--
-- Needs before: nothing. Leaves: nothing; reads the catalogs only.
-- Returns (kind, name): foreign servers and user mappings, subscriptions,
--   publications, job tables and the extensions that run jobs or open sessions,
--   routines in untrusted languages, SECURITY DEFINER routines whose owner is a
--   superuser or may run programs or write files of the server.
-- An extension that only offers such servers (postgres_fdw) is none by itself.

SELECT 'foreign server' AS kind, srvname::text AS name
FROM pg_catalog.pg_foreign_server
UNION ALL
SELECT 'user mapping', usename || ' on ' || srvname
FROM pg_catalog.pg_user_mappings
UNION ALL
SELECT 'subscription', subscription.subname::text
FROM pg_catalog.pg_subscription AS subscription
JOIN pg_catalog.pg_database AS here
  ON here.oid = subscription.subdbid
  AND here.datname = current_database()
UNION ALL
SELECT 'publication', pubname::text
FROM pg_catalog.pg_publication
UNION ALL
SELECT 'extension', extname::text
FROM pg_catalog.pg_extension
WHERE extname IN (
  'dblink', 'pg_cron', 'pg_timetable', 'pgagent', 'pg_background', 'pg_net', 'http',
  'pgmq', 'plsh', 'pg_partman_bgw'
)
UNION ALL
SELECT 'job table', namespace.nspname || '.' || class.relname
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_namespace AS namespace
  ON namespace.oid = class.relnamespace
WHERE (namespace.nspname, class.relname) IN (
  ('cron', 'job'), ('pgagent', 'pga_job'), ('timetable', 'chain')
)
UNION ALL
SELECT
  'routine in untrusted language ' || language.lanname,
  routine.oid::regprocedure::text
FROM pg_catalog.pg_proc AS routine
JOIN pg_catalog.pg_language AS language
  ON language.oid = routine.prolang
JOIN pg_catalog.pg_namespace AS namespace
  ON namespace.oid = routine.pronamespace
WHERE NOT language.lanpltrusted
  AND language.lanname NOT IN ('internal', 'c')
  AND namespace.nspname <> 'pg_catalog'
UNION ALL
SELECT
  'privileged SECURITY DEFINER routine of ' || owner.rolname,
  routine.oid::regprocedure::text
FROM pg_catalog.pg_proc AS routine
JOIN pg_catalog.pg_namespace AS namespace
  ON namespace.oid = routine.pronamespace
JOIN pg_catalog.pg_roles AS owner
  ON owner.oid = routine.proowner
WHERE routine.prosecdef
  AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'oneroof')
  AND (
    owner.rolsuper
    OR pg_has_role(owner.oid, 'pg_execute_server_program', 'MEMBER')
    OR pg_has_role(owner.oid, 'pg_write_server_files', 'MEMBER')
  )
ORDER BY
  kind,
  name;
