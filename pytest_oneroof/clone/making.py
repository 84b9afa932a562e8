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

from pytest_oneroof.clone.blockers import end_own_sessions
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.login import ensure_login
from pytest_oneroof.clone.settings import Say, keep_settings, read_settings
from pytest_oneroof.errors import CloneError, OneroofError
from pytest_oneroof.ownership import acts
from pytest_oneroof.ownership.belonging import admit_role, let_only_connect
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import (
    MAKING,
    REPLACED,
    Empty,
    HalfMade,
    MadeFrom,
    NewName,
    OurDatabase,
    judge_half_made,
)
from pytest_oneroof.ownership.records import Record


@contextlib.contextmanager
def half_made(
    host: Host,
    name: str,
    marker: Marker,
    source: MadeFrom,
    *,
    say: Say = lambda line: None,
) -> Iterator[OurDatabase]:
    """Create a database that will be `name`; drop it when the block fails.

    It is locked by this session, and takes no connections before it is opened, then
    only those of administrators. It has the settings of the database that it is
    copied from; `say` is told which it cannot have. Raise GuardRefused for a name
    that no clone may have.
    """
    host.new_name(name)
    temporary = host.new_name(f"{name[:46]}_{marker.nonce[:8]}_{MAKING}")
    with host.making():
        host.records.write(Record(temporary.name, marker.nonce, host.system_identifier))
        try:
            half = _create(host, temporary, source, marker)
            if not isinstance(source, Empty):
                settings = read_settings(host.admin, source.name)
                keep_settings(host, half, settings, say)
        except BaseException:
            discard(host, temporary.name)
            raise
    try:
        yield half
    except BaseException:
        discard(host, temporary.name)
        raise


def require_new(host: Host, name: str) -> NewName:
    """Return the licence for a new database; raise CloneError when there is one."""
    new = host.new_name(name)
    if host.find(name) is not None:
        raise CloneError(
            f"the database {name!r} exists already; nothing was created over it\n"
            "to fix this, choose another name or drop it: oneroof clone drop"
        )
    return new


def appear(
    host: Host,
    half: OurDatabase,
    new: NewName,
    marker: Marker,
    *,
    writable: bool = False,
) -> OurDatabase:
    """Give a half-made database its name, access list and marker at once.

    Raise CloneError when sessions on it prevent that.
    """
    try:
        with host.admin.transaction():
            made = _settle(host, half, new, marker, writable=writable)
    except psycopg.errors.ObjectInUse as error:
        raise CloneError(
            f"{new.name!r} was not finished: {_who(host, half)} came to it meanwhile"
        ) from error
    return _made(host, half, made)


def swap(
    host: Host, half: OurDatabase, old: OurDatabase, marker: Marker
) -> OurDatabase:
    """Put a half-made database in the place of an old clone, at once.

    The old one stays, under another name, as what the next sweep drops; sessions
    of its check role are ended, as when it is dropped. Raise
    CloneError when sessions on the old one prevent it: both stay as they were.
    """
    aside = host.new_name(f"{old.name[:44]}_{old.marker.nonce[:8]}_{REPLACED}")
    place = host.new_name(old.name)
    end_own_sessions(host, old)
    try:
        with host.admin.transaction():
            gone = dataclasses.replace(old.marker, kind=REPLACED)
            acts.rename(host.acting, old, aside, gone)
            made = _settle(host, half, place, marker)
    except psycopg.errors.ObjectInUse as error:
        raise CloneError(
            f"{old.name!r} is not replaced: it has sessions: {_who(host, old)}\n"
            "it is as it was; end what is yours and try again"
        ) from error
    return _made(host, half, made)


def discard(host: Host, name: str) -> None:
    """Drop a half-made database with the sessions on it: they are our own.

    Best effort, on a connection of its own, so that it also works when that of
    the host broke; what cannot be dropped now, the next sweep drops.
    """
    failures = (psycopg.Error, OneroofError)
    with contextlib.suppress(*failures), contextlib.closing(host.twin()) as twin:
        if unfinished := find_unfinished(twin, name):
            acts.drop_unfinished(twin.acting, unfinished)
        if twin.find(name) is None:
            twin.records.remove(twin.system_identifier, name)


def find_unfinished(host: Host, name: str) -> OurDatabase | HalfMade | None:
    """Return the database of that name if it is one in the making, or None."""
    seen, record = host.find(name), host.records.read(host.system_identifier, name)
    if seen is None:
        return None
    if ours := host.find_ours(name):
        return ours if ours.marker.kind == MAKING else None
    verdict = judge_half_made(seen, record, host.rules) if record else None
    return verdict if isinstance(verdict, HalfMade) else None


def _create(
    host: Host, temporary: NewName, source: MadeFrom, marker: Marker
) -> OurDatabase:
    half = acts.create(host.acting, temporary, source, marker)
    host.try_lock(half.oid)
    let_only_connect(host.acting, half)
    return half


def _settle(
    host: Host,
    half: OurDatabase,
    new: NewName,
    marker: Marker,
    *,
    writable: bool = False,
) -> OurDatabase:
    """Name a database, open it to its check role and to nobody else, and mark it.

    Without `writable` the role's transactions are read-only by default.
    """
    made = acts.rename(host.acting, half, new, marker)
    host.allow_connections(made, allowed=True)
    ensure_login(host, marker)
    if marker.role:
        admit_role(host.acting, made, marker, writable=writable)
    return made


def _who(host: Host, database: OurDatabase) -> str:
    standing = host.sessions_on(database.oid)
    told = ", ".join(f"pid {pid} of {role}" for pid, role in standing)
    return told or "somebody who is gone by now"


def _made(host: Host, half: OurDatabase, made: OurDatabase) -> OurDatabase:
    host.records.write(Record(made.name, made.marker.nonce, host.system_identifier))
    host.records.remove(host.system_identifier, half.name)
    host.unlock(half.oid)
    return host.ours(made.name)
