"""Making a database a clone: roles, ownership, tripwire, access list and marker.

All of it is one transaction on the database itself, so that an adoption killed at
any moment has either happened or not.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.clone import tripwire
from pytest_oneroof.clone.blockers import application_of
from pytest_oneroof.clone.host import Host, new_nonce, now
from pytest_oneroof.clone.marker import Marker
from pytest_oneroof.clone.ways import close_ways
from pytest_oneroof.errors import CloneError
from pytest_oneroof.postgres import roles
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.scram import new_password
from pytest_oneroof.statements.scripts import body

# What a role of a clone carries, so that it is known as ours when the clone is gone.
ROLE_COMMENT = "pytest-oneroof role of clone "
_ENTER = (
    "GRANT USAGE ON SCHEMA oneroof TO {}",
    "GRANT INSERT ON oneroof.tripwire TO {}",
)
Connection = psycopg.Connection[Any]
Say = Callable[[str], Any]


def new_marker(
    source: str, *, kind: str = "clone", like: Marker | None = None
) -> Marker:
    """Return a marker with a new nonce, and roles named by it, or those of `like`."""
    nonce = new_nonce()
    return Marker(
        nonce=nonce,
        source=source,
        created=now(),
        kind=kind,
        owner=like.owner if like else f"oneroof_owner_{nonce}",
        role=like.role if like else f"oneroof_check_{nonce}",
        baseline=like.baseline if like else "",
        expires=like.expires if like else "",
    )


def adopt(
    host: Host,
    name: str,
    *,
    source: str,
    kind: str = "clone",
    keep: Callable[[Marker, str], Any] = lambda marker, password: None,
    say: Say = lambda line: None,
) -> tuple[Marker, str]:
    """Make a database of the user's a clone; return its marker and password.

    Creates the clone's two roles, gives every object to the owner role, writes
    tripwire, access list and marker. The database's owner stays as it was. One
    that carries our marker keeps it and its roles, which get a new password.

    :param keep: is given both before anything of it is committed.
    :param say: is told what was closed of the ways out.
    """
    found = host.find(name)
    if found is None:
        raise CloneError(f"there is no database {name!r} to adopt")
    known = found.marker if found.marker and found.marker.role else None
    marker = known or new_marker(source, kind=kind)
    password = new_password()
    keep(marker, password)
    prepare(host, name, marker, password=password, say=say)
    return marker, password


def prepare(
    host: Host,
    name: str,
    marker: Marker,
    *,
    password: str | None = None,
    say: Say = lambda line: None,
) -> None:
    """Re-own, close the ways out, set tripwire, access list and marker, all at once.

    With a password the marker's roles are created, or get it when they are there.
    `say` is told what was closed of the ways out, and what stays open.
    """
    with (
        contextlib.closing(_connect(host, name, marker)) as on_database,
        on_database.transaction(),
    ):
        if password is not None:
            _ensure_roles(on_database, marker, password)
        roles.reown(on_database, marker.owner)
        lines = close_ways(on_database, marker.role)
        _set_tripwire(on_database, marker.role)
        roles.let_only_connect(on_database, name, marker.role)
        roles.read_only_by_default(on_database, name, marker.role)
        on_database.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(name), marker.text()
            )
        )
    for line in lines:
        say(line)


def remark(host: Host, name: str, marker: Marker, **changes: Any) -> Marker:
    """Write a clone's marker anew with some of it changed; return it."""
    changed = dataclasses.replace(marker, **changes)
    host.mark(name, changed)
    return changed


def _connect(host: Host, name: str, marker: Marker) -> Connection:
    return connect(host.url(name), application=application_of(marker.nonce))


def _ensure_roles(on_database: Connection, marker: Marker, password: str) -> None:
    known = on_database.execute(
        "SELECT FROM pg_catalog.pg_roles WHERE rolname = %s", [marker.role]
    ).fetchone()
    if known is not None:
        roles.set_password(on_database, marker.role, password)
        return
    roles.create_clone_roles(
        on_database, owner=marker.owner, check=marker.role, password=password
    )
    for role in (marker.owner, marker.role):
        on_database.execute(
            sql.SQL("COMMENT ON ROLE {} IS {}").format(
                sql.Identifier(role), ROLE_COMMENT + marker.nonce
            )
        )


def _set_tripwire(on_database: Connection, role: str) -> None:
    """Set the tripwire within the transaction that is open.

    `create_tripwire` brings its own BEGIN and COMMIT, which would end it.
    """
    on_database.execute(body(tripwire.CREATE, "the tripwire").encode())
    for grant in _ENTER:
        on_database.execute(sql.SQL(grant).format(sql.Identifier(role)))
