-- C4, D3: every routine of the database and its body, for reading what it calls.
--
-- Needs before: nothing. Leaves: nothing; reads the catalogs only.
-- Returns (oid, name, language, body, extension): name with schema; body is the
--   source text, or the deparsed BEGIN ATOMIC; extension is the one it belongs to.

SELECT
  routine.oid::bigint,
  namespace.nspname || '.' || routine.proname AS name,
  language.lanname::text AS language,
  COALESCE(pg_get_function_sqlbody(routine.oid), routine.prosrc) AS body,
  (
    SELECT extension.extname::text
    FROM pg_catalog.pg_depend AS membership
    JOIN pg_catalog.pg_extension AS extension
      ON extension.oid = membership.refobjid
    WHERE membership.classid = 'pg_catalog.pg_proc'::regclass
      AND membership.objid = routine.oid
      AND membership.refclassid = 'pg_catalog.pg_extension'::regclass
      AND membership.deptype = 'e'
  ) AS extension
FROM pg_catalog.pg_proc AS routine
JOIN pg_catalog.pg_namespace AS namespace
  ON namespace.oid = routine.pronamespace
JOIN pg_catalog.pg_language AS language
  ON language.oid = routine.prolang
WHERE namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'oneroof')
  AND routine.prokind IN ('f', 'p')
ORDER BY
  name,
  routine.oid;
