"""Copying, dropping and sweeping clones.

Only what is provably ours is dropped: it carries our marker, or its name,
which holds a nonce, stands in a record written before it was made.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.clone.adopt import adopt, prepare
from pytest_oneroof.clone.blockers import blockers, end_own_sessions
from pytest_oneroof.clone.copying import (
    copy_foreign,
    create_copy,
    make_database,
    template_clause,
)
from pytest_oneroof.clone.guard import Reason
from pytest_oneroof.clone.host import Found, Host, check_name, now
from pytest_oneroof.clone.making import MAKING, REPLACED, admit_role
from pytest_oneroof.clone.marker import Marker
from pytest_oneroof.clone.records import Record
from pytest_oneroof.errors import CloneError, GuardRefused
from pytest_oneroof.postgres import roles
from pytest_oneroof.postgres.connect import build_url
from pytest_oneroof.redaction import Url

__all__ = [
    "PASSING",
    "admit_role",
    "adopt",
    "blockers",
    "copy_foreign",
    "create_copy",
    "drop",
    "drop_source",
    "ensure_source",
    "is_half_made",
    "make_database",
    "move_source",
    "prepare",
    "role_url",
    "source_name",
    "sweep",
    "template_clause",
]

Say = Callable[[str], Any]
# Kinds whose databases belong to a run, and go when that run is dead.
PASSING = ("copy", "throwaway", "rehearsal", MAKING, REPLACED)


def drop(host: Host, name: str) -> None:
    """Drop a database that carries our marker or stands in our records.

    Raise GuardRefused for any other, and CloneError when something blocks it:
    blockers are named with the statement that lifts them, nothing is ended that
    is not ours.
    """
    found = host.find(name)
    if found is None:
        host.records.remove(host.system_identifier, name)
        return
    if found.marker is None and not _is_recorded(host, name):
        raise GuardRefused(name, [unmarked()])
    if standing := blockers(host, found):
        raise CloneError(f"cannot drop {name!r}:\n" + "\n".join(standing))
    end_own_sessions(host, found)
    identifier = sql.Identifier(name)
    row = host.admin.execute(
        "SELECT datistemplate FROM pg_catalog.pg_database WHERE oid = %s", [found.oid]
    ).fetchone()
    # One whose drop was interrupted can be dropped, and not be altered any more.
    if row == (True,):
        host.admin.execute(
            sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(identifier)
        )
    host.admin.execute(sql.SQL("DROP DATABASE {}").format(identifier))
    host.records.remove(host.system_identifier, name)
    if found.marker is not None:
        _drop_roles(host, found.marker)


def unmarked() -> Reason:
    """Return why a database without our marker is neither dropped nor replaced."""
    return Reason(
        "marker",
        "the database carries no marker of ours",
        "only what oneroof made or adopted is dropped, replaced or reset by it",
        "to make it a clone: oneroof clone adopt",
    )


def sweep(host: Host, say: Say, *, keep: int = 0) -> list[str]:
    """Drop what dead runs left; return a line for each thing found.

    Call it under `host.making()`. A passing database whose lock is free and
    whose record says that it was in use belonged to a dead run; clean copies
    are kept for the next run, at most `keep` of them. What is blocked stays, and
    is told.
    """
    told = []
    kept = 0
    for found in host.marked():
        assert found.marker is not None
        if found.marker.kind not in PASSING or host.lock_holder(found.oid):
            continue
        record = host.records.read(host.system_identifier, found.name)
        clean = found.marker.kind == "copy" and record and not record.used_by
        if clean and kept < keep:
            kept += 1
            continue
        line = _swept(host, found.name, f"a dead run left {found.name}")
        if not clean:
            told.append(line)
    told += _sweep_half_made(host)
    for line in told:
        say(line)
    return told


def _sweep_half_made(host: Host) -> list[str]:
    told = []
    for record in host.records.list_of(host.system_identifier):
        found = host.find(record.database)
        if found is None:
            host.records.remove(host.system_identifier, record.database)
        elif is_abandoned(host, found, record):
            line = f"a dead run left {record.database} half-made"
            told.append(_swept(host, record.database, line))
    return told


def is_half_made(found: Found, record: Record) -> bool:
    """Whether a database was begun by us, as its record shows, and has no marker."""
    return found.marker is None and record.nonce[:8] in found.name


def is_abandoned(host: Host, found: Found, record: Record) -> bool:
    """Whether a half-made database is one that nobody is making any more."""
    return is_half_made(found, record) and host.lock_holder(found.oid) is None


def _swept(host: Host, name: str, line: str) -> str:
    try:
        drop(host, name)
    except CloneError as error:
        return f"{line}: still there, {error}"
    return f"{line}: dropped"


def _is_recorded(host: Host, name: str) -> bool:
    record = host.records.read(host.system_identifier, name)
    return record is not None and record.nonce[:8] in name


def _drop_roles(host: Host, marker: Marker) -> None:
    """Drop a clone's roles with the last database that uses them."""
    if not marker.role:
        return
    if any(f.marker and f.marker.role == marker.role for f in host.marked()):
        return
    with contextlib.suppress(psycopg.errors.DependentObjectsStillExist):
        roles.drop_clone_roles(host.admin, marker.role, marker.owner)


def source_name(found: Found) -> str:
    """Return the name of the copy that a user's clone is multiplied from."""
    assert found.marker is not None
    return check_name(f"{found.name[:40]}_{found.marker.nonce[:8]}_source")


def ensure_source(host: Host, found: Found) -> Found:
    """Return a template copied from a user's clone, made if it is not there.

    Call it under `host.making()`, while nobody works on the clone: PostgreSQL
    copies no database that has sessions. It takes no connections itself.
    """
    assert found.marker is not None
    name = source_name(found)
    source = host.find(name)
    if source is not None and source.marker is not None:
        return source
    marker = dataclasses.replace(
        found.marker, kind="template", created=now(), protected=False, expires=""
    )
    make_database(host, name, found.name, marker)
    host.admin.execute(
        sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(
            sql.Identifier(name)
        )
    )
    source = host.find(name)
    assert source is not None
    return source


def move_source(host: Host, old: Found, new: Found) -> None:
    """Let a fresh clone have the template of the one whose place it took."""
    assert new.marker is not None
    source = host.find(source_name(old))
    if source is None or source.marker is None:
        return
    with host.admin.transaction():
        host.admin.execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(source.name), sql.Identifier(source_name(new))
            )
        )
        marker = dataclasses.replace(source.marker, nonce=new.marker.nonce)
        host.mark(source_name(new), marker)


def drop_source(host: Host, found: Found) -> None:
    """Drop what a clone is multiplied from, as it no longer equals the clone."""
    if host.find(source_name(found)) is not None:
        drop(host, source_name(found))


def role_url(host: Host, name: str, role: str, password: str) -> Url:
    """Return the URL by which a role logs in to a database of that server."""
    info = host.admin.info
    return build_url(
        user=role, password=password, host=info.host, port=info.port, database=name
    )
