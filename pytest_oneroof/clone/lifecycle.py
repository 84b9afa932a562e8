"""Making, copying, adopting, dropping and sweeping clones.

Only what is provably ours is dropped: it carries our marker, or its name,
which holds a nonce, stands in a record written before it was made.
"""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.clone.host import Found, Host, check_name, new_nonce, now
from pytest_oneroof.clone.marker import Marker
from pytest_oneroof.clone.records import Record
from pytest_oneroof.clone.tripwire import create_tripwire
from pytest_oneroof.errors import CloneError
from pytest_oneroof.postgres import roles
from pytest_oneroof.postgres.connect import build_url, connect

Say = Callable[[str], Any]
# Kinds whose databases belong to a run, and go when that run is dead.
PASSING = ("copy", "throwaway", "rehearsal")
# Kinds in which real commits are the purpose.
WRITABLE = ("throwaway", "rehearsal")


def create_copy(host: Host, template: Found, name: str, kind: str) -> Found:
    """Copy a template of ours, mark the copy and set who may connect to it.

    `{run}` in `name` becomes eight digits of the copy's nonce.

    A template's copies inherit neither comment, nor access list, nor role
    settings (manual, CREATE DATABASE): they are written anew.
    """
    source = template.marker
    if source is None:
        raise CloneError(f"{template.name!r} is no template of ours: it has no marker")
    marker = dataclasses.replace(
        source, nonce=new_nonce(), created=now(), kind=kind, expires="", protected=False
    )
    name = name.replace("{run}", marker.nonce[:8])
    make_database(host, name, template.name, marker)
    admit_role(host, name, marker, writable=kind in WRITABLE)
    made = host.find(name)
    assert made is not None
    return made


def make_database(host: Host, name: str, template: str, marker: Marker) -> None:
    """CREATE DATABASE from a template, its record before and its marker after.

    Raise CloneError when it exists, or when sessions on the template prevent
    it: they are named, never ended.
    """
    if host.find(check_name(name)):
        raise CloneError(
            f"the database {name!r} exists already; nothing was created over it\n"
            "to fix this, choose another name or drop it: oneroof clone drop"
        )
    record = Record(name, marker.nonce, host.system_identifier)
    host.records.write(record)
    command = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    try:
        host.admin.execute(command)
    except psycopg.errors.ObjectInUse as error:
        source = host.find(template)
        blockers = host.sessions_on(source.oid) if source else []
        raise CloneError(
            f"cannot copy {template!r}: {_told_sessions(blockers)}\n"
            "close them, or end what is yours: "
            + "; ".join(f"SELECT pg_terminate_backend({pid})" for pid, _ in blockers)
        ) from error
    host.mark(name, marker)


def admit_role(
    host: Host, name: str, marker: Marker, *, writable: bool = False
) -> None:
    """Let the check role connect, and nobody else; writing only when asked."""
    roles.let_only_connect(host.admin, name, marker.role)
    if not writable:
        roles.read_only_by_default(host.admin, name, marker.role)


def adopt(host: Host, name: str, *, source: str, kind: str = "clone") -> tuple[Marker, str]:
    """Make a database of the user's a clone; return its marker and password.

    Creates the clone's two roles, gives every object to the owner role, writes
    tripwire, access list and marker. The database's owner stays as it was.
    """
    found = host.find(name)
    if found is None:
        raise CloneError(f"there is no database {name!r} to adopt")
    nonce = new_nonce()
    marker = Marker(
        nonce=nonce,
        source=source,
        created=now(),
        kind=kind,
        owner=f"oneroof_owner_{nonce}",
        role=f"oneroof_check_{nonce}",
    )
    password = secrets.token_hex(18)
    roles.create_clone_roles(
        host.admin, owner=marker.owner, check=marker.role, password=password
    )
    try:
        prepare(host, name, marker)
    except BaseException:
        with contextlib.suppress(psycopg.Error):
            roles.drop_clone_roles(host.admin, marker.role, marker.owner)
        raise
    return marker, password


def prepare(host: Host, name: str, marker: Marker) -> None:
    """Re-own, set the tripwire, the access list, and last the marker."""
    with contextlib.closing(connect(host.url(name))) as on_database:
        roles.reown(on_database, marker.owner)
        create_tripwire(on_database, marker.role)
    admit_role(host, name, marker)
    host.mark(name, marker)


def blockers(host: Host, found: Found) -> list[str]:
    """Return what stands in the way of dropping a database, with its statement."""
    marker = found.marker
    own = marker.role if marker else None
    lines = [
        f"session {pid} of {role}: SELECT pg_terminate_backend({pid})"
        for pid, role in host.sessions_on(found.oid)
        if role != own
    ]
    prepared, slots = host.standing(found.name)
    lines += [
        f"prepared transaction {gid!r}: on {found.name}: ROLLBACK PREPARED '{gid}'"
        for gid in prepared
    ]
    lines += [
        f"replication slot {slot!r}: SELECT pg_drop_replication_slot('{slot}')"
        for slot in slots
    ]
    return lines


def drop(host: Host, name: str) -> None:
    """Drop a database that carries our marker or stands in our records.

    Raise CloneError for any other, and when something blocks it: blockers are
    named with the statement that lifts them, nothing is ended that is not ours.
    """
    found = host.find(name)
    if found is None:
        host.records.remove(host.system_identifier, name)
        return
    if found.marker is None and not _is_recorded(host, name):
        raise CloneError(
            f"{name!r} carries no marker of ours: it is not dropped\n"
            "only what oneroof made or adopted is dropped by it"
        )
    if standing := blockers(host, found):
        raise CloneError(f"cannot drop {name!r}:\n" + "\n".join(standing))
    if found.marker is not None:
        host.end_sessions(found.oid, found.marker.role)
    identifier = sql.Identifier(name)
    host.admin.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(identifier))
    host.admin.execute(sql.SQL("DROP DATABASE {}").format(identifier))
    host.records.remove(host.system_identifier, name)
    if found.marker is not None:
        _drop_roles(host, found.marker)


def _drop_roles(host: Host, marker: Marker) -> None:
    """Drop a clone's roles with the last database that uses them."""
    if any(f.marker and f.marker.role == marker.role for f in host.marked()):
        return
    with contextlib.suppress(psycopg.errors.DependentObjectsStillExist):
        roles.drop_clone_roles(host.admin, marker.role, marker.owner)


def sweep(host: Host, say: Say, *, keep: int = 0) -> list[str]:
    """Drop what dead runs left; return a line for each thing found.

    Call it under `host.making()`. A passing database whose lock is free and
    whose record says that it was in use belonged to a dead run; clean copies
    are kept for the next run, at most `keep` of them.
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
        drop(host, found.name)
        if not clean:
            told.append(f"a dead run left {found.name}: dropped")
    told += _sweep_unmarked(host)
    for line in told:
        say(line)
    return told


def _sweep_unmarked(host: Host) -> list[str]:
    told = []
    for record in host.records.list_of(host.system_identifier):
        found = host.find(record.database)
        if found is None:
            host.records.remove(host.system_identifier, record.database)
        elif found.marker is None and record.nonce[:8] in record.database:
            drop(host, record.database)
            told.append(f"a dead run left {record.database} half-made: dropped")
    return told


def _is_recorded(host: Host, name: str) -> bool:
    record = host.records.read(host.system_identifier, name)
    return record is not None and record.nonce[:8] in name


def _told_sessions(sessions: list[tuple[int, str]]) -> str:
    told = ", ".join(f"pid {pid} ({role})" for pid, role in sessions)
    return f"{len(sessions)} session(s) on it: {told}" if told else "it is in use"


def copy_foreign(host: Host, source: str, name: str) -> None:
    """Copy a database that is not ours, by CREATE DATABASE … TEMPLATE.

    The source is neither changed nor closed; sessions on it are named as
    blockers, never ended.
    """
    if host.find(source) is None:
        raise CloneError(f"there is no database {source!r} to copy")
    marker = Marker(new_nonce(), source, now(), "clone", "", "")
    make_database(host, name, source, marker)


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
    marker = dataclasses.replace(found.marker, kind="template", created=now())
    make_database(host, name, found.name, marker)
    host.admin.execute(
        sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false").format(
            sql.Identifier(name)
        )
    )
    source = host.find(name)
    assert source is not None
    return source


def drop_source(host: Host, found: Found) -> None:
    """Drop what a clone is multiplied from, as it no longer equals the clone."""
    if host.find(source_name(found)) is not None:
        drop(host, source_name(found))


def role_url(host: Host, name: str, role: str, password: str) -> str:
    """Return the URL by which a role logs in to a database of that server."""
    info = host.admin.info
    return build_url(
        user=role, password=password, host=info.host, port=info.port, database=name
    )
