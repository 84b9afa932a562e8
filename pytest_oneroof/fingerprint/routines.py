"""The part of the schema fingerprint's query that reads routines, types and grants.

Rows as in `fingerprint_relations`. Grants are told as the difference
from what PostgreSQL grants by default to the object's owner and to PUBLIC, so a new
owner changes nothing, and NULL and a written-out default are one.
"""

from __future__ import annotations

COMMON = """
role_name AS MATERIALIZED (
  SELECT 0::oid AS oid, 'PUBLIC' AS label
  UNION ALL
  -- A clone's stand-ins are left out: the roles that they stand for are written.
  SELECT r.oid, CASE WHEN %(roles)s::jsonb ? r.rolname
                     THEN %(roles)s::jsonb ->> r.rolname
                     WHEN r.rolname !~ '^oneroof_app_[0-9a-f]{16}_[0-9]+$'
                     THEN r.rolname::text END
    FROM pg_roles AS r
),
routine AS MATERIALIZED (
  SELECT p.*, l.lanname, n.nspname,
         n.nspname || '.' || p.proname || '(' || oidvectortypes(p.proargtypes) || ')'
           AS name,
         CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate'
                        ELSE 'function' END AS kind
    FROM pg_proc AS p
    JOIN namespace AS n ON n.oid = p.pronamespace
    JOIN pg_language AS l ON l.oid = p.prolang
   WHERE (n.nspname || '.' || p.proname ~ ANY (%(routines)s)
          OR p.oid IN (SELECT t.tgfoid FROM pg_trigger AS t
                         JOIN relation AS r ON r.oid = t.tgrelid))
     AND NOT EXISTS (SELECT FROM pg_depend AS d
                      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                        AND d.deptype IN ('e', 'i'))
),
type AS MATERIALIZED (
  SELECT t.*, n.nspname || '.' || t.typname AS name
    FROM pg_type AS t
    JOIN namespace AS n ON n.oid = t.typnamespace
    LEFT JOIN pg_class AS c ON c.oid = t.typrelid
   WHERE (t.typtype IN ('e', 'd', 'r')
          OR t.typtype = 'c' AND c.relkind = 'c'
          OR t.typtype = 'b' AND t.typisdefined
             AND NOT EXISTS (SELECT FROM pg_type AS e WHERE e.typarray = t.oid))
     AND (%(every_type)s
          OR t.oid IN (SELECT a.atttypid FROM attribute AS a)
          OR t.typarray IN (SELECT a.atttypid FROM attribute AS a))
     AND ('pg_type'::regclass, t.oid) NOT IN (SELECT * FROM member)
),
owned AS MATERIALIZED (
  SELECT 'schema' AS kind, n.nspname::text AS name, 'n'::"char" AS class,
         n.nspowner AS owner, n.nspacl AS acl
    FROM namespace AS n
   WHERE %(database)s
  UNION ALL
  SELECT r.kind, r.name, 'r', r.relowner, r.relacl FROM relation AS r
  UNION ALL
  SELECT 'column', a.name || '.' || a.attname, 'c', a.relowner, a.attacl
    FROM attribute AS a
  UNION ALL
  SELECT 'sequence', s.name, 's', s.relowner, s.relacl FROM sequence AS s
  UNION ALL
  SELECT p.kind, p.name, 'f', p.proowner, p.proacl FROM routine AS p
  UNION ALL
  SELECT 'type', t.name, 'T', t.typowner, t.typacl FROM type AS t
  UNION ALL
  SELECT 'language', l.lanname, 'l', l.lanowner, l.lanacl
    FROM pg_language AS l WHERE %(database)s
  UNION ALL
  SELECT 'foreign_data_wrapper', w.fdwname, 'F', w.fdwowner, w.fdwacl
    FROM pg_foreign_data_wrapper AS w WHERE %(database)s
  UNION ALL
  SELECT 'server', s.srvname, 'S', s.srvowner, s.srvacl
    FROM pg_foreign_server AS s WHERE %(database)s
),
grant_line AS MATERIALIZED (
  SELECT o.kind, o.name, o.class, d.verb, d.privilege_type, d.is_grantable,
         CASE WHEN d.grantee = o.owner THEN 'owner'
              WHEN n.oid IS NULL THEN 'role ' || d.grantee
              ELSE n.label END AS label
    FROM owned AS o,
         LATERAL (
           SELECT grantee, privilege_type, e.is_grantable,
                  CASE WHEN s.standard THEN 'REVOKE ' ELSE 'GRANT ' END AS verb
             FROM (SELECT x.grantee, x.privilege_type,
                          bool_or(x.is_grantable) AS is_grantable
                     FROM aclexplode(o.acl) AS x
                    GROUP BY x.grantee, x.privilege_type) AS e
             FULL JOIN (SELECT x.grantee, x.privilege_type, true AS standard
                          FROM aclexplode(acldefault(o.class, o.owner)) AS x) AS s
            USING (grantee, privilege_type)
            WHERE e.is_grantable IS NULL
               OR s.standard IS NULL) AS d
    LEFT JOIN role_name AS n ON n.oid = d.grantee
   WHERE o.acl IS NOT NULL
)"""

# The whole set of a class is printed as ALL: MAINTAIN is new in 17.
GRANTS = """
SELECT 'grants' AS kind, l.kind || ' ' || l.name AS identity, 0 AS position,
       l.verb || CASE WHEN count(*) = (
                   SELECT count(*) FROM aclexplode(acldefault(l.class, 10)) AS x
                    WHERE x.grantee = 10) THEN 'ALL'
                 ELSE string_agg(l.privilege_type, ', ' ORDER BY l.privilege_type)
                 END
       || CASE l.verb WHEN 'GRANT ' THEN ' TO ' ELSE ' FROM ' END || l.label
       || CASE WHEN l.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS head,
       NULL AS expression, NULL AS tail
  FROM grant_line AS l
 WHERE %(grants)s
   AND l.label IS NOT NULL
 GROUP BY l.kind, l.name, l.class, l.verb, l.label, l.is_grantable
"""

DEFAULT_GRANTS = """
SELECT 'default_grants',
       d.label || ' ' || d.objtype || coalesce(' in ' || d.nspname, ''), 0,
       'GRANT ' || string_agg(d.privilege_type, ', ' ORDER BY d.privilege_type)
       || ' TO ' || d.grantee
       || CASE WHEN d.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, NULL, NULL
  FROM (SELECT o.label, n.nspname, a.privilege_type, a.is_grantable,
               CASE WHEN a.grantee = d.defaclrole THEN 'owner'
                    ELSE g.label END AS grantee,
               CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences'
                                    WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types'
                                    WHEN 'n' THEN 'schemas'
                                    ELSE 'large objects' END AS objtype
          FROM pg_default_acl AS d
          JOIN role_name AS o ON o.oid = d.defaclrole
          LEFT JOIN namespace AS n ON n.oid = d.defaclnamespace,
               LATERAL aclexplode(d.defaclacl) AS a
          JOIN role_name AS g ON g.oid = a.grantee
         WHERE %(grants)s AND %(database)s
           AND (d.defaclnamespace = 0 OR n.oid IS NOT NULL)) AS d
 WHERE d.label IS NOT NULL AND d.grantee IS NOT NULL
 GROUP BY d.label, d.objtype, d.nspname, d.grantee, d.is_grantable
"""

ROUTINES = """
SELECT p.kind, p.name, l.position, l.head, l.expression, l.tail
  FROM routine AS p,
       LATERAL (VALUES
         (0, CASE WHEN p.prokind = 'w' THEN 'WINDOW ' ELSE '' END || upper(p.kind),
             '(' || pg_get_function_arguments(p.oid) || ')', NULL),
         (1, 'RETURNS ' || pg_get_function_result(p.oid), NULL, NULL),
         (2, 'LANGUAGE ' || p.lanname
             || CASE p.provolatile WHEN 'i' THEN ' IMMUTABLE' WHEN 's' THEN ' STABLE'
                                   ELSE ' VOLATILE' END
             || CASE WHEN p.proisstrict THEN ' STRICT' ELSE '' END
             || CASE WHEN p.prosecdef THEN ' SECURITY DEFINER' ELSE '' END
             || CASE WHEN p.proleakproof THEN ' LEAKPROOF' ELSE '' END
             || CASE p.proparallel WHEN 's' THEN ' PARALLEL SAFE'
                                   WHEN 'r' THEN ' PARALLEL RESTRICTED' ELSE '' END
             || ' COST ' || p.procost
             || CASE WHEN p.proretset THEN ' ROWS ' || p.prorows ELSE '' END
             || CASE WHEN p.prosupport = 0 THEN ''
                     ELSE ' SUPPORT ' || p.prosupport::text END
             || coalesce(' TRANSFORM ' || (
                  SELECT string_agg(format_type(t, NULL), ', ' ORDER BY n)
                    FROM unnest(p.protrftypes) WITH ORDINALITY AS u (t, n)), ''),
             NULL, NULL),
         (3, CASE WHEN p.proconfig IS NOT NULL THEN '' END, NULL,
             (SELECT string_agg('SET ' || c, chr(10) ORDER BY c COLLATE "C")
                FROM unnest(p.proconfig) AS c)),
         (4, CASE WHEN p.prosqlbody IS NOT NULL THEN '' END,
             pg_get_function_sqlbody(p.oid), NULL),
         (5, CASE WHEN p.prosqlbody IS NULL AND p.prokind <> 'a' THEN 'AS ' END, NULL,
             concat_ws(' IN ', p.prosrc, p.probin)),
         (6, (SELECT concat_ws(' ', a.aggkind, a.aggnumdirectargs, a.aggtransfn,
                       a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
                       a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn,
                       a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify,
                       a.aggmfinalmodify, nullif(a.aggsortop, 0)::regoperator,
                       format_type(a.aggtranstype, NULL), a.aggtransspace,
                       format_type(nullif(a.aggmtranstype, 0), NULL),
                       a.aggmtransspace)
                FROM pg_aggregate AS a WHERE a.aggfnoid = p.oid), NULL,
             (SELECT ' INITIALLY ' || coalesce(quote_literal(a.agginitval), 'NULL')
                     || ', ' || coalesce(quote_literal(a.aggminitval), 'NULL')
                FROM pg_aggregate AS a WHERE a.aggfnoid = p.oid))
       ) AS l (position, head, expression, tail)
 WHERE l.head IS NOT NULL
"""

TYPES = """
SELECT 'type', t.name, 0,
       CASE t.typtype
       WHEN 'e' THEN 'ENUM'
       WHEN 'c' THEN 'COMPOSITE'
       WHEN 'd' THEN 'DOMAIN AS ' || format_type(t.typbasetype, t.typtypmod)
         || CASE WHEN t.typcollation = (SELECT b.typcollation FROM pg_type AS b
                                       WHERE b.oid = t.typbasetype) THEN ''
                 ELSE ' COLLATE ' || t.typcollation::regcollation END
         || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
         || CASE WHEN t.typdefaultbin IS NULL THEN '' ELSE ' DEFAULT ' END
       WHEN 'r' THEN (
         SELECT concat_ws(' ', 'RANGE OF', format_type(r.rngsubtype, NULL),
                  o.opcname, nullif(r.rngcollation, 0)::regcollation,
                  nullif(r.rngcanonical::oid, 0)::regproc,
                  nullif(r.rngsubdiff::oid, 0)::regproc,
                  'MULTIRANGE', format_type(r.rngmultitypid, NULL))
           FROM pg_range AS r
           JOIN pg_opclass AS o ON o.oid = r.rngsubopc
          WHERE r.rngtypid = t.oid)
       ELSE concat_ws(' ', 'BASE', t.typinput, t.typoutput, t.typreceive, t.typsend,
              t.typmodin, t.typmodout, t.typanalyze, t.typlen, t.typbyval, t.typalign,
              t.typstorage, t.typcategory, t.typispreferred, t.typdelim)
       END,
       CASE t.typtype WHEN 'd' THEN pg_get_expr(t.typdefaultbin, 0) END, NULL
  FROM type AS t
UNION ALL
SELECT 'type', t.name,
       (row_number() OVER (PARTITION BY t.oid ORDER BY e.enumsortorder))::integer,
       '  ', NULL, quote_literal(e.enumlabel)
  FROM type AS t
  JOIN pg_enum AS e ON e.enumtypid = t.oid
UNION ALL
SELECT 'type', t.name, a.attnum,
       '  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || CASE WHEN a.attcollation NOT IN (0, y.typcollation)
               THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END, NULL, NULL
  FROM type AS t
  JOIN pg_attribute AS a ON a.attrelid = t.typrelid AND NOT a.attisdropped
  JOIN pg_type AS y ON y.oid = a.atttypid
UNION ALL
SELECT 'type', t.name, 10000, '  CONSTRAINT ' || c.conname || ' ',
       pg_get_constraintdef(c.oid), NULL
  FROM type AS t
  JOIN pg_constraint AS c ON c.contypid = t.oid AND c.contype = 'c'
"""

PARTS = (GRANTS, DEFAULT_GRANTS, ROUTINES, TYPES)
