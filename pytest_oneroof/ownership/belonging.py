"""To whom a database of ours belongs, and who may enter it: grants and owners.

Each change takes the proof that the database is ours, or may become so.
"""

from __future__ import annotations

from psycopg import sql

from pytest_oneroof.errors import CloneError
from pytest_oneroof.ownership.acting import Acting, Connection, read_identity
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import Adoptable, OurDatabase
from pytest_oneroof.postgres.roles import REOWN
from pytest_oneroof.postgres.search_path import own_names

Database = OurDatabase | Adoptable


def reown(acting: Acting, database: Database, owner: str) -> None:
    """Give every object of the connected database to `owner`, one by one.

    Triggers on DDL stay silent: the session replicates, in which state only
    event triggers marked ALWAYS fire (manual, ALTER EVENT TRIGGER).
    """
    require_connected(acting, database)
    with acting.connection.transaction(), own_names(acting.connection):
        acting.connection.execute("SET LOCAL session_replication_role = replica")
        acting.connection.execute(
            "SELECT pg_catalog.set_config('oneroof.new_owner', %s, true)", [owner]
        )
        acting.connection.execute(REOWN)


def require_connected(acting: Acting, database: Database) -> None:
    """Raise CloneError unless the acting connection is on that very database."""
    acting.confirm(database)
    if read_identity(acting.connection).key != database.seen.identity.key:
        raise CloneError(
            f"the administrator's URL with database {database.name!r} leads to "
            "another database: a pooler or another server answers there\n"
            "to fix this, give the address of the server itself as --admin-url"
        )


def admit_role(
    acting: Acting, database: Database, marker: Marker, *, writable: bool = False
) -> None:
    """Let the check role connect, and nobody else; writing only when asked.

    The owner of the objects may make temporary ones, which REFRESH MATERIALIZED VIEW
    CONCURRENTLY and SECURITY DEFINER routines do in its name.
    """
    let_only_connect(acting, database, marker.role)
    acting.connection.execute(
        sql.SQL("GRANT CREATE, TEMPORARY ON DATABASE {} TO {}").format(
            sql.Identifier(database.name), sql.Identifier(marker.owner)
        )
    )
    mode = sql.SQL("RESET default_transaction_read_only")
    if not writable:
        mode = sql.SQL("SET default_transaction_read_only = on")
    # A template's copies do not inherit it (manual, CREATE DATABASE).
    acting.connection.execute(
        sql.SQL("ALTER ROLE {} IN DATABASE {} {}").format(
            sql.Identifier(marker.role), sql.Identifier(database.name), mode
        )
    )


def let_only_connect(acting: Acting, database: Database, *roles: str) -> None:
    """Let these roles, and none through PUBLIC, connect to that database.

    What PUBLIC may do there otherwise (TEMPORARY) stays as it is.
    """
    acting.confirm(database)
    name = sql.Identifier(database.name)
    granted = acting.connection.execute(
        "SELECT DISTINCT pg_catalog.pg_get_userbyid(a.grantee)::pg_catalog.text"
        "  FROM pg_catalog.pg_database AS d,"
        "       pg_catalog.aclexplode(d.datacl) AS a"
        " WHERE d.oid = %s AND a.grantee <> 0 AND a.grantee <> d.datdba",
        [database.oid],
    ).fetchall()
    acting.connection.execute(
        sql.SQL("REVOKE CONNECT, CREATE ON DATABASE {} FROM PUBLIC").format(name)
    )
    for (role,) in granted:
        acting.connection.execute(
            sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(
                name, sql.Identifier(role)
            )
        )
    for role in roles:
        acting.connection.execute(
            sql.SQL("GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {} TO {}").format(
                name, sql.Identifier(role)
            )
        )


def close_to_public(connection: Connection, name: str) -> None:
    """Let nobody connect through PUBLIC: of a database on a server that is ours."""
    connection.execute(
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name))
    )
