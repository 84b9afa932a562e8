"""A greenfield clone for one rehearsal: copied from a production, dropped after.

The clone commits; it carries a marker of kind 'rehearsal' and roles of its own,
and the guard judges it before anything is written to it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.guard import GuardedClone, Rules, admit
from pytest_oneroof.clone.host import Found, Host, new_nonce, now
from pytest_oneroof.clone.marker import Marker
from pytest_oneroof.clone.records import Record
from pytest_oneroof.clone.space import read_room, require_room
from pytest_oneroof.clone.tripwire import create_tripwire
from pytest_oneroof.errors import CloneError
from pytest_oneroof.pack.names import name_clone
from pytest_oneroof.postgres import roles
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.scram import new_password
from pytest_oneroof.release.steps import Where

KIND = "rehearsal"


@dataclass(frozen=True)
class RehearsalClone:
    """A clone that the guard admitted, and how its check role reaches it."""

    clone: GuardedClone
    where: Where
    admin_url: str


@contextlib.contextmanager
def greenfield_clone(
    host: Host,
    source: str,
    *,
    ratified: str,
    rules: Rules,
) -> Iterator[RehearsalClone]:
    """Copy `source`, mark the copy, hand it out and drop it at the end.

    The source is neither changed nor closed: sessions on it are named as blockers.
    A clone left by a killed rehearsal is dropped by the next sweep, since its lock
    is free. Raise CloneError where it cannot be made, GuardRefused where the guard
    does not admit it.
    """
    with host.making():
        lifecycle.sweep(host, lambda line: None, keep=_KEEP)
        found, password = _make(host, source, rules.clone_pattern)
    try:
        assert found.marker is not None
        url = lifecycle.role_url(host, found.name, found.marker.role, password)
        with contextlib.closing(connect(url)) as session:
            facts = read_facts(session)
        where = Where(url, target=found.name, ratified=ratified)
        yield RehearsalClone(admit(facts, rules), where, host.url(found.name))
    finally:
        with host.making():
            host.unlock(found.oid)
            lifecycle.drop(host, found.name)


# Clean copies of other runs are theirs: a rehearsal sweeps none of them.
_KEEP = 1_000


def _make(host: Host, source: str, pattern: str) -> tuple[Found, str]:
    nonce = new_nonce()
    marker = Marker(
        nonce=nonce,
        source=source,
        created=now(),
        kind=KIND,
        owner=f"oneroof_owner_{nonce}",
        role=f"oneroof_check_{nonce}",
    )
    date, suffix = f"{datetime.now(UTC):%Y%m%d}", f"_{KIND}_{nonce[:8]}"
    name = name_clone(pattern, date, source=source, suffix=suffix)
    origin = host.find(source)
    if origin is None:
        raise CloneError(f"there is no database {source!r} to copy")
    require_room(read_room(host, origin.size, database=source), f"a copy of {source!r}")
    password = new_password()
    roles.create_clone_roles(
        host.admin, owner=marker.owner, check=marker.role, password=password
    )
    try:
        lifecycle.make_database(host, name, source, marker)
        with contextlib.closing(connect(host.url(name))) as session:
            roles.reown(session, marker.owner)
            create_tripwire(session, marker.role)
        lifecycle.admit_role(host, name, marker, writable=True)
    except BaseException:
        if host.find(name) is not None:
            lifecycle.drop(host, name)
        with contextlib.suppress(Exception):
            roles.drop_clone_roles(host.admin, marker.role, marker.owner)
        raise
    made = host.find(name)
    assert made is not None
    host.try_lock(made.oid)
    host.records.write(Record(name, nonce, host.system_identifier, used_by=os.getpid()))
    return made, password
