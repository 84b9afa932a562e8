-- Every power by which the connected role could change something: the channel's
-- preflight. A fitting role yields no row.
--
-- Needs: nothing; every role may read what it reads. Works on a hot standby.
-- Leaves: nothing. Undone by: nothing to undo.
-- Returns: power, kind, object and holder: the role or membership that has it, or
--   PUBLIC. Memberships count whether they are inherited or need SET ROLE.
--
-- Not here: what the role may execute that acts outside of its transaction (routines in
-- C, server functions, settings): the preflight reads that by itself.
-- Tolerated, as READ ONLY stops it: TEMPORARY on the database (PUBLIC has it by
-- default, and CREATE TEMP TABLE is refused there), EXECUTE on routines that run
-- with the caller's rights, REFERENCES, UPDATE on pg_settings.

WITH RECURSIVE here (oid) AS (
  SELECT base.oid
  FROM pg_catalog.pg_database AS base
  WHERE base.datname = pg_catalog.current_database()
),
held (oid) AS (
  SELECT role.oid
  FROM pg_catalog.pg_roles AS role
  WHERE role.rolname = session_user
  UNION
  SELECT membership.roleid
  FROM held
  JOIN pg_catalog.pg_auth_members AS membership ON membership.member = held.oid
),
holder AS (
  SELECT role.oid, role.rolname::text AS name
  FROM held
  JOIN pg_catalog.pg_roles AS role ON role.oid = held.oid
),
mighty AS (
  -- Manual, 22.5: predefined roles through which a role reaches past reading.
  SELECT role.oid, power.name
  FROM pg_catalog.pg_roles AS role
  CROSS JOIN LATERAL (
    VALUES
      (role.rolsuper, 'superuser'),
      (role.rolcreatedb, 'createdb'),
      (role.rolcreaterole, 'createrole'),
      (role.rolreplication, 'replication'),
      (role.rolbypassrls, 'bypassrls'),
      (
        role.rolname IN (
          'pg_checkpoint', 'pg_create_subscription', 'pg_execute_server_program',
          'pg_maintain', 'pg_read_server_files', 'pg_signal_autovacuum_worker',
          'pg_signal_backend', 'pg_write_all_data', 'pg_write_server_files'
        ),
        role.rolname::text
      )
  ) AS power (has, name)
  WHERE power.has
),
-- Whoever owns a SECURITY DEFINER routine lends it all memberships too.
lender (oid, role) AS (
  SELECT DISTINCT routine.proowner, routine.proowner
  FROM pg_catalog.pg_proc AS routine
  WHERE routine.prosecdef
  UNION
  SELECT lender.oid, membership.roleid
  FROM lender
  JOIN pg_catalog.pg_auth_members AS membership ON membership.member = lender.role
),
routine AS (
  SELECT
    routine.oid,
    routine.oid::regprocedure::text AS name,
    routine.prosecdef,
    routine.proowner
  FROM pg_catalog.pg_proc AS routine
  JOIN pg_catalog.pg_namespace AS schema ON schema.oid = routine.pronamespace
  WHERE schema.nspname NOT IN ('pg_catalog', 'information_schema')
    AND routine.prorettype NOT IN (
      'pg_catalog.trigger'::regtype, 'pg_catalog.event_trigger'::regtype
    )
    AND pg_catalog.has_function_privilege(session_user, routine.oid, 'EXECUTE')
),
-- What is granted to others than the owner, whose rights need no grant.
granted (kind, object, grantee, power, owner) AS (
  SELECT
    CASE relation.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
    pg_catalog.format('%I.%I', schema.nspname, relation.relname),
    entry.grantee,
    entry.privilege_type,
    relation.relowner
  FROM pg_catalog.pg_class AS relation
  JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
  CROSS JOIN LATERAL pg_catalog.aclexplode(relation.relacl) AS entry
  WHERE schema.nspname NOT IN ('pg_catalog', 'information_schema')
    AND (
      relation.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND entry.privilege_type IN (
        'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER', 'MAINTAIN'
      )
      OR relation.relkind = 'S' AND entry.privilege_type IN ('USAGE', 'UPDATE')
    )
  UNION ALL
  SELECT
    'COLUMN',
    pg_catalog.format('%I.%I.%I', schema.nspname, relation.relname, field.attname),
    entry.grantee,
    entry.privilege_type,
    relation.relowner
  FROM pg_catalog.pg_attribute AS field
  JOIN pg_catalog.pg_class AS relation ON relation.oid = field.attrelid
  JOIN pg_catalog.pg_namespace AS schema ON schema.oid = relation.relnamespace
  CROSS JOIN LATERAL pg_catalog.aclexplode(field.attacl) AS entry
  WHERE field.attacl IS NOT NULL
    AND schema.nspname NOT IN ('pg_catalog', 'information_schema')
    AND entry.privilege_type IN ('INSERT', 'UPDATE')
  UNION ALL
  SELECT
    'SCHEMA', pg_catalog.quote_ident(schema.nspname), entry.grantee,
    entry.privilege_type, schema.nspowner
  FROM pg_catalog.pg_namespace AS schema
  CROSS JOIN LATERAL pg_catalog.aclexplode(schema.nspacl) AS entry
  WHERE entry.privilege_type = 'CREATE'
  UNION ALL
  SELECT
    'DATABASE', pg_catalog.quote_ident(base.datname), entry.grantee,
    entry.privilege_type, base.datdba
  FROM pg_catalog.pg_database AS base
  CROSS JOIN LATERAL pg_catalog.aclexplode(base.datacl) AS entry
  WHERE base.oid = (SELECT here.oid FROM here)
    AND entry.privilege_type = 'CREATE'
  UNION ALL
  SELECT
    'LARGE OBJECT', large.oid::text, entry.grantee, entry.privilege_type,
    large.lomowner
  FROM pg_catalog.pg_largeobject_metadata AS large
  CROSS JOIN LATERAL pg_catalog.aclexplode(large.lomacl) AS entry
  WHERE entry.privilege_type = 'UPDATE'
)
SELECT found.power, found.kind, found.object, found.holder
FROM (
  SELECT
    mighty.name AS power, 'ROLE' AS kind, holder.name AS object,
    holder.name AS holder
  FROM holder
  JOIN mighty ON mighty.oid = holder.oid
  UNION ALL
  SELECT granted.power, granted.kind, granted.object, coalesce(holder.name, 'PUBLIC')
  FROM granted
  LEFT JOIN holder ON holder.oid = granted.grantee
  WHERE granted.grantee = 0
    OR holder.oid IS NOT NULL AND granted.grantee <> granted.owner
  UNION ALL
  SELECT
    'owner', 'OBJECT',
    pg_catalog.pg_describe_object(owned.classid, owned.objid, owned.objsubid),
    holder.name
  FROM pg_catalog.pg_shdepend AS owned
  JOIN holder ON holder.oid = owned.refobjid
  WHERE owned.deptype = 'o'
    AND owned.refclassid = 'pg_catalog.pg_authid'::regclass
    AND (
      owned.dbid = (SELECT here.oid FROM here)
      OR owned.classid = 'pg_catalog.pg_database'::regclass
      AND owned.objid = (SELECT here.oid FROM here)
    )
  UNION ALL
  SELECT DISTINCT
    'security definer', 'ROUTINE', routine.name,
    pg_catalog.pg_get_userbyid(routine.proowner)::text
  FROM routine
  JOIN lender ON lender.oid = routine.proowner
  JOIN mighty ON mighty.oid = lender.role
  WHERE routine.prosecdef
    AND NOT EXISTS (SELECT FROM holder WHERE holder.oid = routine.proowner)
) AS found
ORDER BY found.kind, found.power, found.holder, found.object;
