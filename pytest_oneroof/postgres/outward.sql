-- Every way by which a role can act outside of its transaction: code in C or in a
-- language without bounds, server functions and settings that somebody has granted,
-- foreign data wrappers.
--
-- Needs: a search_path of pg_catalog alone; nothing else, every role may read it.
-- Returns: kind, object (as ALTER or REVOKE names it), language, extension, how it is
--   reached without EXECUTE or by whose right, owner, and who has been granted EXECUTE.
-- Leaves: nothing. Undone by: nothing to undo.
WITH RECURSIVE
held (role) AS (
  SELECT role.oid
  FROM pg_catalog.pg_roles AS role
  WHERE role.rolname = coalesce(%(role)s::name, session_user)
  UNION
  SELECT membership.roleid
  FROM held
  JOIN pg_catalog.pg_auth_members AS membership ON membership.member = held.role
),
-- A SECURITY DEFINER routine lends the rights of its owner, and of the owner's roles.
-- A superuser's is a reason in itself.
lent (role, routine) AS (
  SELECT routine.proowner, routine.oid
  FROM pg_catalog.pg_proc AS routine
  JOIN pg_catalog.pg_roles AS owner ON owner.oid = routine.proowner
  WHERE routine.prosecdef
    AND NOT owner.rolsuper
    AND routine.proowner NOT IN (SELECT held.role FROM held)
    AND (
      routine.prorettype = 'pg_catalog.trigger'::regtype
      OR EXISTS (
        SELECT FROM held
        WHERE pg_catalog.has_function_privilege(held.role, routine.oid, 'EXECUTE')
      )
    )
  UNION
  SELECT membership.roleid, lent.routine
  FROM lent
  JOIN pg_catalog.pg_auth_members AS membership ON membership.member = lent.role
),
principal (role, routine) AS (
  SELECT held.role, NULL::oid FROM held
  UNION ALL
  SELECT lent.role, pg_catalog.min(lent.routine::bigint)::oid FROM lent GROUP BY lent.role
),
reviewed (extension, code) AS (
  SELECT * FROM ROWS FROM (
    pg_catalog.unnest(%(extensions)s::text[]), pg_catalog.unnest(%(libraries)s::text[])
  ) AS both_lists
),
-- Of a language its handler counts: a superuser may call any trusted.
bounded (language) AS (
  SELECT language.oid
  FROM pg_catalog.pg_language AS language
  LEFT JOIN pg_catalog.pg_proc AS handler ON handler.oid = language.lanplcallfoid
  WHERE language.lanname = 'sql'
    OR language.lanpltrusted
    AND handler.probin || ' ' || handler.prosrc = ANY (%(languages)s)
),
member (class, object, extension) AS (
  SELECT dependency.classid, dependency.objid, extension.extname::text
  FROM pg_catalog.pg_depend AS dependency
  JOIN pg_catalog.pg_extension AS extension ON extension.oid = dependency.refobjid
  WHERE dependency.refclassid = 'pg_catalog.pg_extension'::regclass
    AND dependency.deptype = 'e'
),
allowed (class, object) AS (
  SELECT member.class, member.object
  FROM member
  WHERE member.extension = ANY (%(allowed)s)
),
-- Code without bounds. The server's own, made by initdb, is known by its low oid.
unbounded AS (
  SELECT routine.*, language.lanname::text AS language, member.extension
  FROM pg_catalog.pg_proc AS routine
  JOIN pg_catalog.pg_language AS language ON language.oid = routine.prolang
  LEFT JOIN member
    ON member.class = 'pg_catalog.pg_proc'::regclass AND member.object = routine.oid
  WHERE language.oid NOT IN (SELECT bounded.language FROM bounded)
    AND NOT (
      routine.oid < 16384
      AND (
        language.lanname = 'internal'
        OR language.lanname = 'c' AND routine.probin ~ '^\$libdir/[a-z0-9_]+$'
      )
    )
    AND NOT (
      language.lanname = 'c'
      AND EXISTS (
        SELECT FROM reviewed
        WHERE reviewed.extension = member.extension
          AND reviewed.code = routine.probin
      )
      AND NOT member.extension || ' ' || routine.prosrc = ANY (%(symbols)s)
    )
    -- Another name of a routine of the server's own that everybody may execute.
    AND NOT (
      language.lanname = 'internal'
      AND (
        routine.prokind IN ('a', 'w') AND routine.prosrc = 'aggregate_dummy'
        OR EXISTS (
          SELECT FROM pg_catalog.pg_proc AS own
          WHERE own.oid < 16384
            AND own.prolang = routine.prolang
            AND own.prosrc = routine.prosrc
            AND own.proacl IS NULL
        )
      )
    )
    AND NOT EXISTS (
      SELECT FROM allowed
      WHERE allowed.class = 'pg_catalog.pg_proc'::regclass
        AND allowed.object = routine.oid
    )
),
-- What the server calls by itself, so that nobody's EXECUTE is asked for.
called (routine, how) AS MATERIALIZED (
  SELECT
    dependency.refobjid,
    pg_catalog.min(
      pg_catalog.pg_describe_object(dependency.classid, dependency.objid, 0)
    )
  FROM unbounded
  JOIN pg_catalog.pg_depend AS dependency
    ON dependency.refclassid = 'pg_catalog.pg_proc'::regclass
    AND dependency.refobjid = unbounded.oid
  WHERE dependency.classid IN (
      'pg_catalog.pg_am'::regclass, 'pg_catalog.pg_amproc'::regclass,
      'pg_catalog.pg_conversion'::regclass, 'pg_catalog.pg_event_trigger'::regclass,
      'pg_catalog.pg_trigger'::regclass, 'pg_catalog.pg_ts_parser'::regclass,
      'pg_catalog.pg_ts_template'::regclass, 'pg_catalog.pg_type'::regclass
    )
    OR dependency.classid = 'pg_catalog.pg_proc'::regclass
    AND dependency.objid IN (
      SELECT aggregate.aggfnoid FROM pg_catalog.pg_aggregate AS aggregate
    )
  GROUP BY dependency.refobjid
  UNION ALL
  SELECT unbounded.oid, 'tablesample method ' || unbounded.proname
  FROM unbounded
  WHERE unbounded.prorettype = 'pg_catalog.tsm_handler'::regtype
),
-- Handlers are called for what is looked at below: languages, servers, wrappers.
handler (routine) AS (
  SELECT part.routine
  FROM pg_catalog.pg_language AS language
  CROSS JOIN LATERAL (
    VALUES (language.lanplcallfoid::oid), (language.laninline), (language.lanvalidator)
  ) AS part (routine)
  UNION ALL
  SELECT part.routine
  FROM pg_catalog.pg_foreign_data_wrapper AS wrapper
  CROSS JOIN LATERAL (
    VALUES (wrapper.fdwhandler), (wrapper.fdwvalidator)
  ) AS part (routine)
),
callable (routine, definer) AS (
  SELECT unbounded.oid, -- By its own right, where it has one.
    CASE WHEN pg_catalog.bool_or(principal.routine IS NULL) THEN NULL
      ELSE pg_catalog.min(principal.routine::bigint)::oid END
  FROM unbounded
  JOIN principal
    ON pg_catalog.has_function_privilege(principal.role, unbounded.oid, 'EXECUTE')
  WHERE unbounded.oid NOT IN (SELECT handler.routine FROM handler)
    AND unbounded.prorettype <> 'pg_catalog.internal'::regtype
    AND 'pg_catalog.internal'::regtype <> ALL (unbounded.proargtypes::oid[])
  GROUP BY unbounded.oid
),
granted (routine, grantees) AS (
  SELECT routine.oid, pg_catalog.array_agg(DISTINCT
    CASE entry.grantee WHEN 0 THEN 'PUBLIC'
      ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(entry.grantee)) END)
  FROM pg_catalog.pg_proc AS routine
  CROSS JOIN LATERAL pg_catalog.aclexplode(
    coalesce(routine.proacl, pg_catalog.acldefault('f', routine.proowner))
  ) AS entry
  WHERE entry.privilege_type = 'EXECUTE'
    AND entry.grantee <> routine.proowner
    AND routine.oid IN (SELECT unbounded.oid FROM unbounded)
  GROUP BY routine.oid
)
SELECT
  'routine' AS kind,
  unbounded.oid::regprocedure::text AS object,
  unbounded.language,
  unbounded.extension,
  called.how,
  callable.definer::regprocedure::text AS definer,
  pg_catalog.pg_get_userbyid(unbounded.proowner)::text AS owner,
  unbounded.proowner IN (SELECT held.role FROM held) AS owned,
  coalesce(granted.grantees, '{}') AS grantees
FROM unbounded
LEFT JOIN callable ON callable.routine = unbounded.oid
LEFT JOIN called ON called.routine = unbounded.oid
LEFT JOIN granted ON granted.routine = unbounded.oid
WHERE callable.routine IS NOT NULL OR called.how IS NOT NULL
UNION ALL
-- Functions of the server's own from which initdb took PUBLIC's EXECUTE: who has it
-- besides those to whom initdb gave it has been granted it.
SELECT
  'server function', routine.oid::regprocedure::text, 'internal', NULL, NULL,
  pg_catalog.min(principal.routine::bigint)::oid::regprocedure::text,
  pg_catalog.pg_get_userbyid(routine.proowner)::text, false,
  pg_catalog.array_agg(DISTINCT
    CASE entry.grantee WHEN 0 THEN 'PUBLIC'
      ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(entry.grantee)) END)
FROM pg_catalog.pg_init_privs AS initial
JOIN pg_catalog.pg_proc AS routine ON routine.oid = initial.objoid
CROSS JOIN LATERAL pg_catalog.aclexplode(routine.proacl) AS entry
JOIN principal ON principal.role = entry.grantee OR entry.grantee = 0
WHERE initial.classoid = 'pg_catalog.pg_proc'::regclass
  AND routine.oid < 16384
  AND entry.privilege_type = 'EXECUTE'
  AND entry.grantee <> routine.proowner
  AND NOT EXISTS (
    SELECT FROM pg_catalog.aclexplode(initial.initprivs) AS given
    WHERE given.grantee = entry.grantee AND given.privilege_type = 'EXECUTE'
  )
GROUP BY routine.oid, routine.proowner
UNION ALL
SELECT
  'setting', parameter.parname, entry.privilege_type, NULL, NULL, NULL, NULL, false,
  pg_catalog.array_agg(DISTINCT
    CASE entry.grantee WHEN 0 THEN 'PUBLIC'
      ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(entry.grantee)) END)
FROM pg_catalog.pg_parameter_acl AS parameter
CROSS JOIN LATERAL pg_catalog.aclexplode(parameter.paracl) AS entry
JOIN principal ON principal.role = entry.grantee OR entry.grantee = 0
WHERE entry.privilege_type = 'ALTER SYSTEM'
  OR NOT EXISTS (
    SELECT FROM pg_catalog.unnest(%(harmless)s::text[]) AS harmless (prefix)
    WHERE pg_catalog.starts_with(parameter.parname, harmless.prefix)
  )
GROUP BY parameter.parname, entry.privilege_type
UNION ALL
-- Whoever may use a wrapper may make a server, and so a way to anywhere.
SELECT
  'wrapper', pg_catalog.quote_ident(wrapper.fdwname), NULL, NULL, NULL, NULL,
  pg_catalog.pg_get_userbyid(wrapper.fdwowner)::text,
  wrapper.fdwowner IN (SELECT held.role FROM held),
  coalesce(
    (
      SELECT pg_catalog.array_agg(DISTINCT
        CASE entry.grantee WHEN 0 THEN 'PUBLIC'
          ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(entry.grantee)) END)
      FROM pg_catalog.aclexplode(wrapper.fdwacl) AS entry
      WHERE entry.grantee <> wrapper.fdwowner
    ),
    '{}'
  )
FROM pg_catalog.pg_foreign_data_wrapper AS wrapper
WHERE EXISTS (
    SELECT FROM principal
    WHERE pg_catalog.has_foreign_data_wrapper_privilege(
      principal.role, wrapper.oid, 'USAGE')
  )
  AND NOT EXISTS (
    SELECT FROM allowed
    WHERE allowed.class = 'pg_catalog.pg_foreign_data_wrapper'::regclass
      AND allowed.object = wrapper.oid
  )
UNION ALL
-- A language that is called trusted, and is not one of the bounded: whoever may use it
-- may write routines in it. (Of one not so called only a superuser may.)
SELECT
  'language', pg_catalog.quote_ident(language.lanname), NULL, NULL, NULL, NULL,
  pg_catalog.pg_get_userbyid(language.lanowner)::text,
  language.lanowner IN (SELECT held.role FROM held),
  coalesce(
    (
      SELECT pg_catalog.array_agg(DISTINCT
        CASE entry.grantee WHEN 0 THEN 'PUBLIC'
          ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(entry.grantee)) END)
      FROM pg_catalog.aclexplode(
        coalesce(language.lanacl, pg_catalog.acldefault('l', language.lanowner))
      ) AS entry
      WHERE entry.grantee <> language.lanowner
    ),
    '{}'
  )
FROM pg_catalog.pg_language AS language
WHERE language.lanpltrusted
  AND language.oid NOT IN (SELECT bounded.language FROM bounded)
  AND NOT EXISTS (
    SELECT FROM allowed
    WHERE allowed.class = 'pg_catalog.pg_language'::regclass
      AND allowed.object = language.oid
  )
  AND EXISTS (
    SELECT FROM principal
    WHERE pg_catalog.has_language_privilege(principal.role, language.oid, 'USAGE')
  )
ORDER BY 1, 4 NULLS FIRST, 2
