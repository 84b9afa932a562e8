"""Databases in the making: nobody sees them under their name before they are whole.

A half-made database has a name of its own, which holds a nonce and stands in a
record that was on the disk before it was created; nobody but administrators may
connect. It gets its name, access list and marker in one transaction, so that a
run killed at any moment leaves either a whole clone, or what the next sweep knows.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator

import psycopg
from psycopg import sql

from pytest_oneroof.clone.blockers import end_own_sessions
from pytest_oneroof.clone.host import Found, Host, check_name
from pytest_oneroof.clone.marker import Marker
from pytest_oneroof.clone.records import Record
from pytest_oneroof.errors import CloneError, OneroofError
from pytest_oneroof.postgres import roles

MAKING, REPLACED = "making", "replaced"


@contextlib.contextmanager
def half_made(
    host: Host, name: str, marker: Marker, clause: sql.Composable
) -> Iterator[Found]:
    """Create a database that will be `name`; drop it when the block fails.

    `clause` says what it is copied from, in the words of CREATE DATABASE. It is
    locked by this session, and takes no connections before it is opened, then
    only those of administrators.
    """
    temporary = f"{name[:46]}_{marker.nonce[:8]}_{MAKING}"
    with host.making():
        host.records.write(Record(temporary, marker.nonce, host.system_identifier))
        try:
            half = _create(host, temporary, clause)
        except BaseException:
            discard(host, temporary)
            raise
    try:
        yield half
    except BaseException:
        discard(host, temporary)
        raise


def require_new(host: Host, name: str) -> None:
    """Raise CloneError when a database of that name exists."""
    if host.find(check_name(name)) is not None:
        raise CloneError(
            f"the database {name!r} exists already; nothing was created over it\n"
            "to fix this, choose another name or drop it: oneroof clone drop"
        )


def appear(
    host: Host, half: Found, name: str, marker: Marker, *, writable: bool = False
) -> Found:
    """Give a half-made database its name, access list and marker at once.

    Raise CloneError when sessions on it prevent that.
    """
    try:
        with host.admin.transaction():
            _rename(host, half.name, name)
            settle(host, name, marker, writable=writable)
    except psycopg.errors.ObjectInUse as error:
        raise CloneError(
            f"{name!r} was not finished: {_who(host, half)} came to it meanwhile"
        ) from error
    return _made(host, half, name, marker)


def swap(host: Host, half: Found, old: Found, marker: Marker) -> Found:
    """Put a half-made database in the place of an old clone, at once.

    The old one stays, under another name, as what the next sweep drops; sessions
    of its check role are ended, as when it is dropped. Raise
    CloneError when sessions on the old one prevent it: both stay as they were.
    """
    assert old.marker is not None
    end_own_sessions(host, old)
    aside = f"{old.name[:44]}_{old.marker.nonce[:8]}_{REPLACED}"
    try:
        with host.admin.transaction():
            _rename(host, old.name, aside)
            host.mark(aside, dataclasses.replace(old.marker, kind=REPLACED))
            _rename(host, half.name, old.name)
            settle(host, old.name, marker)
    except psycopg.errors.ObjectInUse as error:
        raise CloneError(
            f"{old.name!r} is not replaced: it has sessions: {_who(host, old)}\n"
            "it is as it was; end what is yours and try again"
        ) from error
    return _made(host, half, old.name, marker)


def settle(host: Host, name: str, marker: Marker, *, writable: bool = False) -> None:
    """Open a database to its check role and to nobody else, and mark it.

    Without `writable` the role's transactions are read-only by default.
    """
    host.admin.execute(
        sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(
            sql.Identifier(name)
        )
    )
    if marker.role:
        admit_role(host, name, marker, writable=writable)
    host.mark(name, marker)


def admit_role(
    host: Host, name: str, marker: Marker, *, writable: bool = False
) -> None:
    """Let the check role connect, and nobody else; writing only when asked."""
    roles.let_only_connect(host.admin, name, marker.role)
    if not writable:
        roles.read_only_by_default(host.admin, name, marker.role)
        return
    host.admin.execute(
        sql.SQL(
            "ALTER ROLE {} IN DATABASE {} RESET default_transaction_read_only"
        ).format(sql.Identifier(marker.role), sql.Identifier(name))
    )


def discard(host: Host, name: str) -> None:
    """Drop a half-made database with the sessions on it: they are our own.

    Best effort, on a connection of its own, so that it also works when that of
    the host broke; what cannot be dropped now, the next sweep drops.
    """
    failures = (psycopg.Error, OneroofError)
    with contextlib.suppress(*failures), contextlib.closing(host.twin()) as twin:
        twin.admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                sql.Identifier(name)
            )
        )
        twin.records.remove(twin.system_identifier, name)


def _create(host: Host, name: str, clause: sql.Composable) -> Found:
    host.admin.execute(
        sql.SQL("CREATE DATABASE {} {} ALLOW_CONNECTIONS false").format(
            sql.Identifier(name), clause
        )
    )
    made = host.find(name)
    assert made is not None
    host.try_lock(made.oid)
    roles.let_only_connect(host.admin, name)
    return made


def _rename(host: Host, name: str, to: str) -> None:
    host.admin.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
            sql.Identifier(name), sql.Identifier(to)
        )
    )


def _who(host: Host, found: Found) -> str:
    standing = host.sessions_on(found.oid)
    told = ", ".join(f"pid {pid} of {role}" for pid, role in standing)
    return told or "somebody who is gone by now"


def _made(host: Host, half: Found, name: str, marker: Marker) -> Found:
    host.records.write(Record(name, marker.nonce, host.system_identifier))
    host.records.remove(host.system_identifier, half.name)
    host.unlock(half.oid)
    made = host.find(name)
    assert made is not None
    return made
