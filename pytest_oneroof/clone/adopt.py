"""Making a database a clone: roles, ownership, tripwire, access list and marker.

All of it is one transaction on the database itself, so that an adoption killed at
any moment has either happened or not.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import psycopg

from pytest_oneroof.clone.app_roles import comment_role, make_stand_ins
from pytest_oneroof.clone.blockers import application_of
from pytest_oneroof.clone.host import Host, new_nonce, now
from pytest_oneroof.clone.tripwire import set_tripwire
from pytest_oneroof.clone.ways import close_ways
from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.ownership import acts
from pytest_oneroof.ownership.belonging import (
    Database,
    admit_role,
    reown,
)
from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.proofs import (
    CLONE,
    Adoptable,
    OurDatabase,
    judge_adoptable,
    proven,
)
from pytest_oneroof.postgres import roles
from pytest_oneroof.postgres.scram import new_password

ENDING = 0.5
Connection = psycopg.Connection[Any]
Say = Callable[[str], Any]
Keep = Callable[[Marker, str], Any]


def new_marker(source: str, *, kind: str = CLONE, like: Marker | None = None) -> Marker:
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


def find_adoptable(host: Host, name: str) -> Adoptable:
    """Return the database of that name as one that may become a clone.

    Raise SettingsError where there is none; GuardRefused, with every reason, for a
    declared production, a template, and one that somebody works on.
    """
    seen = host.find(name)
    if seen is None:
        raise SettingsError(f"there is no database {name!r} to adopt")
    verdict = judge_adoptable(seen, _sessions(host, seen.oid), host.rules)
    adoptable: Adoptable = proven(verdict, name)
    return adoptable


def _sessions(host: Host, oid: int) -> list[tuple[int, str]]:
    """Return who is on a database and stays; a closed session takes a moment to end."""
    end = time.monotonic() + ENDING
    while (standing := host.sessions_on(oid)) and time.monotonic() < end:
        time.sleep(0.02)
    return standing


def adopt(
    host: Host,
    adoptable: Adoptable,
    *,
    source: str,
    keep: Keep = lambda marker, password: None,
    say: Say = lambda line: None,
) -> tuple[OurDatabase, str]:
    """Make a database of the user's a clone; return it and its password.

    Creates the clone's two roles, gives every object to the owner role, writes
    tripwire, access list and marker. The database's owner stays as it was. One
    that is ours keeps its marker and its roles, which get a new password.

    :param keep: is given both before anything of it is committed.
    :param say: is told what was closed of the ways out.
    """
    ours = host.find_ours(adoptable.name)
    known = ours.marker if ours and ours.marker.role else None
    marker = known or new_marker(source)
    password = new_password()
    keep(marker, password)
    return prepare(host, adoptable, marker, password=password, say=say), password


def prepare(
    host: Host,
    database: Database,
    marker: Marker,
    *,
    password: str | None = None,
    writable: bool = False,
    say: Say = lambda line: None,
) -> OurDatabase:
    """Re-own, close the ways out, set tripwire, access list and marker, all at once.

    With a password the marker's roles are created, or get it when they are there.
    `say` is told what was closed of the ways out, and what stays open.
    """
    strangers = [r for r in (marker.owner, marker.role) if not roles.is_clone_role(r)]
    if strangers:
        raise CloneError(
            f"the marker names roles that no clone has: {', '.join(strangers)}\n"
            f"nothing was changed; take it off {database.name!r} and adopt it anew"
        )
    application = application_of(marker.nonce)
    with (
        host.entered(database, application=application) as inside,
        inside.connection.transaction(),
    ):
        if password is not None:
            _ensure_roles(inside.connection, marker, password)
        stand_ins = make_stand_ins(inside.connection, marker)
        reown(inside, database, marker.owner)
        lines = close_ways(inside.connection, marker.role)
        set_tripwire(inside.connection, marker.owner, *stand_ins.values())
        admit_role(inside, database, marker, writable=writable)
        made = acts.mark(inside, database, marker)
    for line in lines:
        say(line)
    return made


def remark(host: Host, ours: OurDatabase, **changes: Any) -> OurDatabase:
    """Write a clone's marker anew with some of it changed; return it."""
    return acts.mark(host.acting, ours, dataclasses.replace(ours.marker, **changes))


def _ensure_roles(on_database: Connection, marker: Marker, password: str) -> None:
    if roles.is_there(on_database, marker.role):
        roles.set_password(on_database, marker.role, password)
        return
    roles.create_clone_roles(
        on_database, owner=marker.owner, check=marker.role, password=password
    )
    for role in (marker.owner, marker.role):
        comment_role(on_database, role, marker.nonce)
