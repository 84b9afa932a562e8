"""Stand-ins: roles of a clone that have what a role of production has in it.

A role belongs to the whole server, so that a member of production's own application
role could end its sessions and change its password. A stand-in has its grants and
policies in the clone alone, and no login, no power and nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

Connection = psycopg.Connection[Any]
OWNER, GROUP, ONE = "oneroof_owner_", "oneroof_apps_", "oneroof_app_"
STANDS = ": stands for "

# Roles that own or are granted something here, or that a policy names, and the roles
# that these are members of. Superusers have no stand-in, nor has what is PostgreSQL's.
NAMED = """
WITH RECURSIVE named (role) AS (
  SELECT DISTINCT s.refobjid FROM pg_shdepend AS s
   WHERE s.dbid = (SELECT d.oid FROM pg_database AS d
                    WHERE d.datname = current_database())
     AND s.refclassid = 'pg_authid'::regclass
  UNION
  SELECT m.roleid FROM named AS n JOIN pg_auth_members AS m ON m.member = n.role
)
SELECT r.rolname::text,
       EXISTS (SELECT FROM pg_shdepend AS s
                WHERE s.refobjid = r.oid AND s.deptype = 'o'
                  AND s.refclassid = 'pg_authid'::regclass
                  AND s.dbid = (SELECT d.oid FROM pg_database AS d
                                 WHERE d.datname = current_database()))
  FROM named AS n
  JOIN pg_roles AS r ON r.oid = n.role
 WHERE NOT r.rolsuper AND r.rolname !~ '^(pg_|oneroof_)'
 ORDER BY r.rolname
"""
# Of a stand-in's own name: whom it stands for.
KNOWN = """
SELECT substring(shobj_description(r.oid, 'pg_authid') FROM ': stands for (.*)$'),
       r.rolname::text
  FROM pg_roles AS r
 WHERE starts_with(r.rolname, %s)
   AND shobj_description(r.oid, 'pg_authid') LIKE '%%: stands for %%'
   AND pg_has_role(%s, r.oid, 'MEMBER')
 ORDER BY r.rolname
"""
MEMBERSHIPS = """
SELECT r.rolname::text, m.rolname::text
  FROM pg_auth_members AS a
  JOIN pg_roles AS r ON r.oid = a.roleid
  JOIN pg_roles AS m ON m.oid = a.member
 WHERE r.rolname = ANY (%(names)s) AND m.rolname = ANY (%(names)s)
"""
# One GRANT per object, role and option; ALTER POLICY names all of its roles again.
# 'oneroof.stand_ins' is a JSON object: name of the role to name of its stand-in.
SHARE = r"""
DO $share$
DECLARE
  command text;
BEGIN
  FOR command IN
    WITH stand_in (role, name) AS (
      SELECT r.oid, quote_ident(j.value)
        FROM json_each_text(current_setting('oneroof.stand_ins')::json) AS j
        JOIN pg_roles AS r ON r.rolname = j.key
    ),
    object (class, oid, place, words, acl) AS (
      SELECT 'pg_class'::regclass, c.oid, 0,
             CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END
             || c.oid::regclass, c.relacl
        FROM pg_class AS c WHERE c.relacl IS NOT NULL
      UNION ALL
      SELECT 'pg_class'::regclass, a.attrelid, a.attnum,
             'TABLE ' || a.attrelid::regclass, a.attacl
        FROM pg_attribute AS a WHERE a.attacl IS NOT NULL AND NOT a.attisdropped
      UNION ALL
      SELECT 'pg_namespace'::regclass, n.oid, 0, format('SCHEMA %I', n.nspname),
             n.nspacl
        FROM pg_namespace AS n WHERE n.nspacl IS NOT NULL
      UNION ALL
      SELECT 'pg_proc'::regclass, p.oid, 0, 'ROUTINE ' || p.oid::regprocedure, p.proacl
        FROM pg_proc AS p WHERE p.proacl IS NOT NULL
      UNION ALL
      SELECT 'pg_type'::regclass, t.oid, 0, 'TYPE ' || t.oid::regtype, t.typacl
        FROM pg_type AS t WHERE t.typacl IS NOT NULL
      UNION ALL
      SELECT 'pg_language'::regclass, l.oid, 0, format('LANGUAGE %I', l.lanname),
             l.lanacl
        FROM pg_language AS l WHERE l.lanacl IS NOT NULL AND l.lanpltrusted
      UNION ALL
      SELECT 'pg_largeobject'::regclass, o.oid, 0, 'LARGE OBJECT ' || o.oid, o.lomacl
        FROM pg_largeobject_metadata AS o WHERE o.lomacl IS NOT NULL
    )
    SELECT format('GRANT %s ON %s TO %s%s',
             string_agg(e.privilege_type
                        || COALESCE(' (' || quote_ident(a.attname) || ')', ''), ', '),
             o.words, s.name,
             CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM object AS o
     CROSS JOIN LATERAL aclexplode(o.acl) AS e
      JOIN stand_in AS s ON s.role = e.grantee
      LEFT JOIN pg_attribute AS a
        ON o.class = 'pg_class'::regclass AND o.place > 0
       AND a.attrelid = o.oid AND a.attnum = o.place
     GROUP BY o.class, o.oid, o.place, o.words, s.name, e.is_grantable
    UNION ALL
    SELECT format('ALTER POLICY %I ON %s TO %s', p.polname, p.polrelid::regclass,
             (SELECT string_agg(DISTINCT n.name, ', ')
                FROM unnest(p.polroles) AS u (role)
               CROSS JOIN LATERAL (
                 SELECT quote_ident(pg_get_userbyid(u.role))
                 UNION ALL
                 SELECT s.name FROM stand_in AS s WHERE s.role = u.role) AS n (name)))
      FROM pg_policy AS p
     WHERE EXISTS (SELECT FROM stand_in AS s WHERE s.role = ANY (p.polroles))
    UNION ALL
    SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %s %s GRANT %s ON %s TO %s%s',
             f.name,
             COALESCE('IN SCHEMA ' || quote_ident(n.nspname), ''),
             string_agg(e.privilege_type, ', '),
             CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                                  WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES'
                                  WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
             t.name,
             CASE WHEN e.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
      FROM pg_default_acl AS d
     CROSS JOIN LATERAL aclexplode(d.defaclacl) AS e
      JOIN stand_in AS f ON f.role = d.defaclrole
     CROSS JOIN LATERAL (
       SELECT s.name FROM stand_in AS s WHERE s.role = e.grantee
       UNION ALL
       SELECT quote_ident(pg_get_userbyid(e.grantee))
        WHERE e.grantee <> 0 AND e.grantee <> d.defaclrole
       UNION ALL
       SELECT 'PUBLIC' WHERE e.grantee = 0) AS t (name)
      LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
     GROUP BY f.name, n.nspname, d.defaclobjtype, t.name, e.is_grantable
  LOOP
    EXECUTE command;
  END LOOP;
END
$share$;
"""


def group_of(owner: str) -> str:
    """Return the role through which a clone's check role may take on a stand-in."""
    return owner.replace(OWNER, GROUP)


def read_stand_ins(connection: Connection, owner: str, member: str) -> dict[str, str]:
    """Return the stand-ins that a role may take on, by whom each stands for.

    `owner` is the owner role of the clone.
    """
    prefix = f"{owner.replace(OWNER, ONE)}_"
    return dict(connection.execute(KNOWN, [prefix, member]).fetchall())


def name_stand_ins(owner: str, names: list[str], known: Mapping[str, str]) -> list[str]:
    """Return a name for a stand-in of each role that has none yet."""
    prefix, taken = owner.replace(OWNER, ONE), len(known)
    return [f"{prefix}_{taken + place + 1}" for place in range(len(names))]


def share(connection: Connection, stand_ins: Mapping[str, str]) -> None:
    """Give each stand-in the grants, policies and memberships of its role."""
    rows = connection.execute(MEMBERSHIPS, {"names": list(stand_ins)}).fetchall()
    for role, member in rows:
        connection.execute(
            sql.SQL("GRANT {} TO {}").format(
                sql.Identifier(stand_ins[role]), sql.Identifier(stand_ins[member])
            )
        )
    connection.execute(SHARE)
