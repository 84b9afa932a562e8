-- Routines, and views, whose text names something that READ ONLY does not stop.
--
-- Needs: a search_path of pg_catalog alone; nothing else, every role may read it.
-- Returns: signature, name without schema, language, whether the connected role may
--   execute it (a view: read it), whether it lends its owner's rights, and its text.
-- Leaves: nothing. Undone by: nothing to undo.
SELECT
  routine.oid::regprocedure::text AS signature,
  routine.proname::text AS name,
  language.lanname::text AS language,
  pg_catalog.has_function_privilege(session_user, routine.oid, 'EXECUTE') AS executable,
  routine.prosecdef AS definer,
  pg_catalog.pg_get_functiondef(routine.oid) AS text
FROM pg_catalog.pg_proc AS routine
JOIN pg_catalog.pg_language AS language ON language.oid = routine.prolang
WHERE routine.oid >= 16384
  AND routine.prokind IN ('f', 'p')
  AND language.lanpltrusted
  AND routine.prorettype NOT IN (
    'pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype
  )
  AND NOT EXISTS (
    SELECT
    FROM pg_catalog.pg_depend AS dependency
    JOIN pg_catalog.pg_extension AS extension ON extension.oid = dependency.refobjid
    WHERE dependency.classid = 'pg_catalog.pg_proc'::regclass
      AND dependency.objid = routine.oid
      AND dependency.refclassid = 'pg_catalog.pg_extension'::regclass
      AND dependency.deptype = 'e'
      AND extension.extname = ANY (%(reviewed)s::text[])
  )
  AND (
    %(pattern)s::text IS NULL
    OR routine.prosqlbody IS NOT NULL
    OR language.lanname NOT IN ('sql', 'plpgsql')
    OR routine.prosrc ~* %(pattern)s
  )
UNION ALL
SELECT
  'view ' || relation.oid::regclass::text, relation.relname::text, 'sql', true, false,
  pg_catalog.pg_get_viewdef(relation.oid)
FROM pg_catalog.pg_class AS relation
WHERE relation.oid >= 16384
  AND relation.relkind = 'v'
  AND (
    %(pattern)s::text IS NULL
    OR pg_catalog.pg_get_viewdef(relation.oid) ~* %(pattern)s
  )
ORDER BY 1
