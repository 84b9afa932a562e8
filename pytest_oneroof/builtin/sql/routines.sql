-- Every routine in SQL or PL/pgSQL that no extension brought, and the function that validates its language.
SELECT p.oid::pg_catalog.int8, p.oid::pg_catalog.regprocedure::pg_catalog.text, l.lanvalidator::pg_catalog.regproc::pg_catalog.text
  FROM pg_catalog.pg_proc AS p
  JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
  JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
 WHERE (l.lanname = 'plpgsql'
        -- one with a search_path of its own would be validated under ours
        OR l.lanname = 'sql' AND NOT EXISTS (
          SELECT FROM pg_catalog.unnest(p.proconfig) AS c (setting) WHERE c.setting LIKE 'search\_path=%%'))
   AND n.nspname !~ '^pg_'
   AND n.nspname <> 'information_schema'
   AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE')
   AND NOT EXISTS (
     SELECT FROM pg_catalog.pg_depend AS d
      WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
   AND p.oid::pg_catalog.int8 > %(after)s
 ORDER BY 1
 LIMIT 200
