"""The login role of one copy, and what a run's roles look like while it lasts.

A role's password and settings are the whole server's: a copy that tests may commit to
has a login role of its own, which is made and dropped with it. What is shared by the
copies (owner and stand-ins) cannot log in; it is compared, and put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from psycopg import sql

from pytest_oneroof.clone.app_roles import comment_role
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.ownership import acts
from pytest_oneroof.ownership.belonging import admit_role
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import REHEARSAL, THROWAWAY, OurDatabase
from pytest_oneroof.postgres import roles, stand_ins
from pytest_oneroof.postgres.connect import parse, with_database, with_login
from pytest_oneroof.postgres.scram import new_password
from pytest_oneroof.redaction import Url

CHECK = "oneroof_check_"
# Kinds in which real commits are the purpose.
WRITABLE = (THROWAWAY, REHEARSAL)
ROLE = "role"
# A role's name to what is known of it, each by a word.
Roles = Mapping[str, Mapping[str, str]]
STATE = """
SELECT r.rolname::text, pg_catalog.jsonb_build_object(
         'password', {password},
         'attributes', pg_catalog.concat_ws(' ', r.rolsuper, r.rolinherit,
           r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication,
           r.rolbypassrls, r.rolconnlimit, r.rolvaliduntil),
         'settings', COALESCE((
           SELECT pg_catalog.string_agg(pg_catalog.concat_ws(': ', d.datname, c), ', '
                                        ORDER BY d.datname, c)
             FROM pg_catalog.pg_db_role_setting AS s
             LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase,
                  pg_catalog.unnest(s.setconfig) AS c
            WHERE s.setrole = r.oid
              AND (s.setdatabase = 0 OR d.datname = %(database)s)), 'none'),
         'memberships', COALESCE((
           SELECT pg_catalog.string_agg(g.rolname, ', ' ORDER BY g.rolname)
             FROM pg_catalog.pg_auth_members AS m
             JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid
            WHERE m.member = r.oid), 'none'))
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname = ANY (%(names)s)
"""
# Superusers alone may read passwords: others' changes of them are not seen.
PASSWORD = """(SELECT COALESCE(pg_catalog.md5(a.rolpassword), 'none')
                         FROM pg_catalog.pg_authid AS a WHERE a.oid = r.oid)"""
READABLE = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')"
# Of these the values are shown; a password is only said to have changed.
SHOWN = ("attributes", "settings", "memberships")


def own_role(marker: Marker) -> str:
    """Return the name of the login role that one database has for itself."""
    return CHECK + marker.nonce


def ensure_login(host: Host, marker: Marker) -> None:
    """Create a copy's own login role, unless it is there. Nobody knows its password.

    Within the transaction that gives the copy its name.
    """
    if not marker.role or roles.is_there(host.admin, marker.role):
        return
    group = stand_ins.group_of(marker.owner)
    groups = [g for g in (marker.owner, group) if roles.is_there(host.admin, g)]
    roles.create_login(host.admin, marker.role, new_password(), groups)
    comment_role(host.admin, marker.role, marker.nonce)


def own_url(host: Host, found: OurDatabase, url: str) -> Url:
    """Return the URL by which a copy's own login role comes where `url` comes.

    The role gets a new password. Where `url` logs in as no role of a clone (a
    superuser that is let), or the copy has no role of its own, only the database is
    another.
    """
    own = found.marker.role == own_role(found.marker)
    if not own or not roles.is_clone_role(str(parse(url).get("user"))):
        return with_database(url, found.name)
    password = new_password()
    roles.set_password(host.admin, found.marker.role, password)
    return with_login(with_database(url, found.name), found.marker.role, password)


def shared_roles(host: Host, marker: Marker) -> list[str]:
    """Return the roles that all copies of a clone share. None can log in."""
    return [marker.owner, *roles.clone_roles_of(host.admin, marker.owner)]


def read_roles(host: Host, names: Iterable[str], database: str = "") -> Roles:
    """Return what is known of these roles; a role that is gone is left out.

    Of the settings for one database, those for `database`.
    """
    values = {"names": list(names), "database": database}
    readable = host.admin.execute(READABLE).fetchone() == (True,)
    query = STATE.replace("{password}", PASSWORD if readable else "'not read'")
    return dict(host.admin.execute(query.encode(), values).fetchall())


def changed_roles(before: Roles, now: Roles) -> Iterator[Residue]:
    """Yield what changed of roles, without their passwords."""
    for name, was in before.items():
        found = now.get(name, {})
        for word, value in was.items():
            other = found.get(word, "absent")
            if value != other and word in SHOWN:
                yield Residue(ROLE, f"{name} {word}", value, other)
            elif value != other:
                yield Residue(ROLE, f"{name} {word}", "as given", "changed")


def put_back(host: Host, before: Roles, now: Roles) -> None:
    """Take back what a session of a role could change of a role that cannot log in."""
    for name, was in before.items():
        if now.get(name, was) != was:
            _bare(host, name)


def repair_roles(host: Host, found: OurDatabase, url: str) -> None:
    """Make a clone's roles as they were made, its login role's password that of a URL.

    For what a role can change of itself: its settings and its password.
    """
    marker, given = found.marker, parse(url)
    for name in shared_roles(host, marker):
        _bare(host, name)
    acts.forget_settings(host.acting, marker.role)
    if given.get("user") == marker.role and given.get("password"):
        roles.set_password(host.admin, marker.role, str(given["password"]))
    admit_role(host.acting, found, marker, writable=marker.kind in WRITABLE)


def _bare(host: Host, name: str) -> None:
    acts.forget_settings(host.acting, name)
    host.admin.execute(
        sql.SQL("ALTER ROLE {} PASSWORD NULL").format(sql.Identifier(name))
    )
