"""The statements that create, change and drop databases: here, and nowhere else.

Each takes the proof that it may (`proofs`), and looks again, on the connection that
acts, before it is sent. What changes within a database is in `belonging`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from psycopg import sql

from pytest_oneroof.errors import CloneError
from pytest_oneroof.ownership.acting import Acting
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import (
    MAKING,
    Adoptable,
    Empty,
    HalfMade,
    MadeFrom,
    NewName,
    OurDatabase,
)
from pytest_oneroof.postgres.identity import Identity
from pytest_oneroof.postgres.roles import is_clone_role

WAIT = 5_000


def create(
    acting: Acting, new: NewName, source: MadeFrom, marker: Marker
) -> OurDatabase:
    """Create a database that takes no connections, and mark it as in the making.

    Raise psycopg.errors.ObjectInUse where sessions on the source prevent it.
    """
    if not isinstance(source, Empty):
        acting.confirm(source)
    acting.connection.execute(
        sql.SQL("CREATE DATABASE {} {} ALLOW_CONNECTIONS false").format(
            sql.Identifier(new.name), _made_from(source)
        )
    )
    made = acting.find(new.name)
    if made is None:
        raise CloneError(f"{new.name!r} is gone again: somebody dropped or renamed it")
    return _comment(acting, made.identity, dataclasses.replace(marker, kind=MAKING))


def create_empty(acting: Acting, name: str, owner: str) -> None:
    """Create an empty database of the embedded server: its stand-in production."""
    acting.connection.execute(
        sql.SQL(
            "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'"
        ).format(sql.Identifier(name), sql.Identifier(owner))
    )


def mark(
    acting: Acting, database: OurDatabase | Adoptable, marker: Marker
) -> OurDatabase:
    """Write a marker on a database as its own."""
    acting.confirm(database)
    return _comment(acting, database.seen.identity, marker)


def rename(
    acting: Acting, ours: OurDatabase, new: NewName, marker: Marker
) -> OurDatabase:
    """Give a database another name, and the marker that goes with it, at once.

    Raise psycopg.errors.ObjectInUse where it has sessions.
    """
    with acting.connection.transaction():
        acting.confirm(ours)
        acting.connection.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(ours.name), sql.Identifier(new.name)
            )
        )
        renamed = dataclasses.replace(ours.seen.identity, name=new.name)
        return _comment(acting, renamed, marker)


def allow_connections(acting: Acting, ours: OurDatabase, *, allowed: bool) -> int:
    """Open or close a database to new connections.

    Return the id of the transaction that did it, so that it can be told
    from those of a check.
    """
    with acting.connection.transaction():
        _alter(acting, ours, sql.SQL("WITH ALLOW_CONNECTIONS {}").format(allowed))
        row = acting.connection.execute(
            "SELECT pg_catalog.pg_current_xact_id()::pg_catalog.text"
        ).fetchone()
    assert row is not None
    return int(row[0])


def make_template(acting: Acting, ours: OurDatabase) -> None:
    """Make a database one that is copied from, and that takes no connections."""
    _alter(acting, ours, sql.SQL("IS_TEMPLATE true ALLOW_CONNECTIONS false"))


def set_setting(
    acting: Acting, ours: OurDatabase, setting: sql.Composable, *, role: str = ""
) -> None:
    """Give a database a setting of its own, in the words after SET.

    With a role it holds for that role's sessions on this database alone.
    """
    if not role:
        _alter(acting, ours, sql.SQL("SET ") + setting)
        return
    acting.confirm(ours)
    acting.connection.execute(
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET ").format(
            sql.Identifier(role), sql.Identifier(ours.name)
        )
        + setting
    )


def forget_settings(acting: Acting, role: str) -> None:
    """Take from a role of a clone every setting, in all databases; of no other."""
    if not is_clone_role(role):
        raise CloneError(f"{role!r} is no role of a clone: its settings are not ours")
    rows = acting.connection.execute(
        "SELECT d.datname::text FROM pg_catalog.pg_db_role_setting AS s"
        "  LEFT JOIN pg_catalog.pg_database AS d ON d.oid = s.setdatabase"
        "  JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole WHERE r.rolname = %s",
        [role],
    ).fetchall()
    for (database,) in rows:
        where: sql.Composable = sql.SQL("")
        if database is not None:
            where = sql.SQL(" IN DATABASE {}").format(sql.Identifier(database))
        acting.connection.execute(
            sql.SQL("ALTER ROLE {}{} RESET ALL").format(sql.Identifier(role), where)
        )


def end_sessions(acting: Acting, ours: OurDatabase, pids: Sequence[int]) -> None:
    """End these sessions, so far as they are on that database, and wait for it."""
    acting.confirm(ours)
    acting.connection.execute(
        "SELECT pg_catalog.pg_terminate_backend(a.pid, %s)"
        "  FROM pg_catalog.pg_stat_get_activity(NULL) AS a"
        " WHERE a.datid = %s AND a.pid = ANY (%s)",
        [WAIT, ours.oid, list(pids)],
    )


def end_session_text(pid: int, oid: int) -> str:
    """Return the statement by which a clone's own session ends another one on it."""
    return (
        f"SELECT pg_catalog.pg_terminate_backend(a.pid, {WAIT})"
        "  FROM pg_catalog.pg_stat_get_activity(NULL) AS a"
        f" WHERE a.datid = {oid:d} AND a.pid = {pid:d}"
    )


def drop(acting: Acting, database: OurDatabase | HalfMade) -> None:
    """Drop a database; one that is a template stops being one first.

    Raise psycopg.errors.ObjectInUse where it has sessions.
    """
    # One whose drop was interrupted can be dropped, and not be altered any more.
    if database.seen.is_template and isinstance(database, OurDatabase):
        _alter(acting, database, sql.SQL("IS_TEMPLATE false"))
    acting.confirm(database)
    acting.connection.execute(
        sql.SQL("DROP DATABASE {}").format(sql.Identifier(database.name))
    )


def drop_unfinished(acting: Acting, database: OurDatabase | HalfMade) -> None:
    """Drop a database that this process was making, with its own sessions on it.

    Raise CloneError where it is anything but in the making.
    """
    if isinstance(database, OurDatabase) and database.marker.kind != MAKING:
        raise CloneError(f"{database.name!r} is whole: it is not dropped as unfinished")
    acting.confirm(database)
    acting.connection.execute(
        sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name))
    )


def _alter(acting: Acting, ours: OurDatabase, what: sql.Composable) -> None:
    acting.confirm(ours)
    acting.connection.execute(
        sql.SQL("ALTER DATABASE {} ").format(sql.Identifier(ours.name)) + what
    )


def _comment(acting: Acting, identity: Identity, marker: Marker) -> OurDatabase:
    """Write a marker on the database of that identity; judge what came of it."""
    acting.connection.execute(
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(
            sql.Identifier(identity.name), marker.bound_to(identity).text()
        )
    )
    return acting.ours(identity.name)


def _made_from(source: MadeFrom) -> sql.Composable:
    if isinstance(source, Empty):
        return sql.SQL("TEMPLATE template0 ") + source.locale
    return sql.SQL("TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(source.name))
