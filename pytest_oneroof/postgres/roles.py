"""Roles of a clone: its owner, its check role, and who owns what in it.

Roles belong to the whole server, so that a role shared with another database
carries powers there; a clone has its own (design, section 2).
"""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.postgres.scram import ITERATIONS, verifier

Admin = psycopg.Connection[Any]
_NAME = re.compile(r"oneroof_((owner|check|apps)_[0-9a-f]{16}|app_[0-9a-f]{16}_[0-9]+)")
_POWERLESS = sql.SQL("NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS")

# One statement per object, never REASSIGN OWNED: that also changes the owner of
# other databases (manual, REASSIGN OWNED). Event triggers stay with their
# superuser; indexes, TOAST tables and owned sequences follow their table.
REOWN = """
DO $reown$
DECLARE
  new_owner text := pg_catalog.current_setting('oneroof.new_owner');
  command text;
BEGIN
  FOR command IN
    SELECT pg_catalog.format('ALTER SCHEMA %I OWNER TO %I', n.nspname, new_owner)
      FROM pg_catalog.pg_namespace AS n
     WHERE n.nspname NOT LIKE 'pg\\_%'
       AND n.nspname NOT IN ('information_schema', 'oneroof')
    UNION ALL
    SELECT pg_catalog.format('ALTER %s %s OWNER TO %I',
             CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                            WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE'
                            WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END,
             c.oid::regclass, new_owner)
      FROM pg_catalog.pg_class AS c
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.classid = 'pg_catalog.pg_class'::regclass
                          AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                          AND c.relkind = 'S')
       AND c.relnamespace IN (SELECT oid FROM pg_catalog.pg_namespace
                               WHERE nspname NOT LIKE 'pg\\_%'
                                 AND nspname NOT IN ('information_schema', 'oneroof'))
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.objid = c.oid AND d.deptype = 'e')
    UNION ALL
    SELECT pg_catalog.format('ALTER ROUTINE %s OWNER TO %I',
                             p.oid::regprocedure, new_owner)
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname NOT LIKE 'pg\\_%'
       AND n.nspname NOT IN ('information_schema', 'oneroof')
       AND p.prokind <> 'a'
       -- Whose owner could grant itself what is taken from everybody.
       AND p.prolang IN (SELECT l.oid FROM pg_catalog.pg_language AS l
                          WHERE l.lanpltrusted)
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT pg_catalog.format('ALTER AGGREGATE %s OWNER TO %I',
                             p.oid::regprocedure, new_owner)
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
     WHERE n.nspname NOT LIKE 'pg\\_%'
       AND n.nspname NOT IN ('information_schema', 'oneroof')
       AND p.prokind = 'a' AND p.pronargs > 0
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.objid = p.oid AND d.deptype = 'e')
    UNION ALL
    SELECT pg_catalog.format('ALTER %s %s OWNER TO %I',
             CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END,
             t.oid::regtype, new_owner)
      FROM pg_catalog.pg_type AS t
      JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
     WHERE t.typtype IN ('d', 'e', 'r', 'b')
       AND t.typelem = 0
       AND n.nspname NOT LIKE 'pg\\_%'
       AND n.nspname NOT IN ('information_schema', 'oneroof')
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
                        WHERE d.objid = t.oid AND d.deptype IN ('e', 'i'))
    UNION ALL
    SELECT pg_catalog.format('ALTER STATISTICS %I.%I OWNER TO %I',
                             n.nspname, s.stxname, new_owner)
      FROM pg_catalog.pg_statistic_ext AS s
      JOIN pg_catalog.pg_namespace AS n ON n.oid = s.stxnamespace
    UNION ALL
    SELECT pg_catalog.format('ALTER PUBLICATION %I OWNER TO %I', pubname, new_owner)
      FROM pg_catalog.pg_publication
    UNION ALL
    SELECT pg_catalog.format('ALTER LARGE OBJECT %s OWNER TO %I', oid, new_owner)
      FROM pg_catalog.pg_largeobject_metadata
  LOOP
    EXECUTE command;
  END LOOP;
END
$reown$
"""


def create_clone_roles(admin: Admin, *, owner: str, check: str, password: str) -> None:
    """Create a clone's owner role and its check role, member of the owner alone.

    Neither is superuser nor may it create databases or roles, replicate or
    bypass row security; the owner cannot log in.
    """
    admin.execute(
        sql.SQL("CREATE ROLE {} NOLOGIN {}").format(sql.Identifier(owner), _POWERLESS)
    )
    create_login(admin, check, password, [owner])


def create_login(admin: Admin, name: str, password: str, groups: list[str]) -> None:
    """Create a login role without powers, a member of these roles."""
    member = sql.SQL(", ").join(map(sql.Identifier, groups))
    admin.execute(
        sql.SQL("CREATE ROLE {} LOGIN INHERIT {} PASSWORD {} IN ROLE {}").format(
            sql.Identifier(name),
            _POWERLESS,
            verifier(password, iterations=_iterations(admin)),
            member,
        )
    )


def is_there(admin: Admin, name: str) -> bool:
    """Whether the server has a role of that name."""
    found = admin.execute(
        "SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", [name]
    ).fetchone()
    return found is not None


def create_group(admin: Admin, name: str) -> None:
    """Create a role whose members have what it is a member of by SET ROLE alone."""
    admin.execute(
        sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT {}").format(
            sql.Identifier(name), _POWERLESS
        )
    )


def create_stand_in(admin: Admin, name: str, group: str) -> None:
    """Create a role without login and powers that members of `group` may take on."""
    admin.execute(
        sql.SQL("CREATE ROLE {} NOLOGIN INHERIT {} ROLE {}").format(
            sql.Identifier(name), _POWERLESS, sql.Identifier(group)
        )
    )


def grant(admin: Admin, role: str, member: str) -> None:
    """Make a role a member of another one."""
    admin.execute(
        sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(member))
    )


def clone_roles_of(admin: Admin, owner: str) -> list[str]:
    """Return the roles that go with a clone's owner role: its stand-ins."""
    suffix = owner.removeprefix("oneroof_owner")
    rows = admin.execute(
        "SELECT rolname::text FROM pg_catalog.pg_roles"
        " WHERE pg_catalog.starts_with(rolname, %s) OR rolname = %s"
        " ORDER BY rolname",
        [f"oneroof_app{suffix}_", f"oneroof_apps{suffix}"],
    ).fetchall()
    return [name for (name,) in rows if is_clone_role(name)]


def set_password(admin: Admin, role: str, password: str) -> None:
    """Give a role a password, which the server gets as a SCRAM verifier only."""
    kept = verifier(password, iterations=_iterations(admin))
    admin.execute(
        sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), kept)
    )


def _iterations(admin: Admin) -> int:
    """Return the rounds of hashing that the server is set to (since 16)."""
    row = admin.execute(
        "SELECT pg_catalog.current_setting('scram_iterations', true)"
    ).fetchone()
    return int(row[0]) if row and row[0] else ITERATIONS


def is_clone_role(name: str) -> bool:
    """Whether a role's name is one that a clone's roles have, and no other's."""
    return _NAME.fullmatch(name) is not None


def drop_clone_roles(admin: Admin, *names: str) -> None:
    """Drop roles that own nothing any more; absent ones are passed over."""
    for name in names:
        admin.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))
