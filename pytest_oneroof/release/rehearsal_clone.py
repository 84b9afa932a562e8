"""A greenfield clone for one rehearsal: copied from a production, dropped after.

The clone commits; it carries a marker of kind 'rehearsal' and roles of its own,
and the guard judges it before anything is written to it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.adopt import new_marker, prepare
from pytest_oneroof.clone.copying import find_source
from pytest_oneroof.clone.guard import GuardedClone, admit
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.making import appear, half_made, require_new
from pytest_oneroof.clone.space import read_room, require_room
from pytest_oneroof.ownership.proofs import MAKING, OurDatabase
from pytest_oneroof.ownership.proofs import REHEARSAL as KIND
from pytest_oneroof.ownership.records import Record
from pytest_oneroof.ownership.same_server import require_direct, require_same
from pytest_oneroof.pack import Pack
from pytest_oneroof.pack.names import name_clone
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.scram import new_password
from pytest_oneroof.release.steps import Where


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
    pack: Pack,
) -> Iterator[RehearsalClone]:
    """Copy `source`, mark the copy, hand it out and drop it at the end.

    The source is neither changed nor closed: sessions on it are named as blockers.
    A clone left by a killed rehearsal is dropped by the next sweep, since its lock
    is free. Raise CloneError where it cannot be made, GuardRefused where the guard
    does not admit it.
    """
    with host.making():
        lifecycle.sweep(host, lambda line: None, keep=_KEEP)
        found, password = _make(host, source)
    try:
        url = lifecycle.role_url(host, found.name, found.marker.role, password)
        with contextlib.closing(connect(url)) as session:
            admitted = admit(read_facts(session), host.rules)
            require_direct(session)
            require_same(session, host.acting, found)
        code = pack.release.rehearsal_approval
        where = Where(url, target=found.name, ratified=code).of(pack)
        yield RehearsalClone(admitted, where, host.url(found.name))
    finally:
        with host.making():
            host.unlock(found.oid)
            lifecycle.drop(host, found)


# Clean copies of other runs are theirs: a rehearsal sweeps none of them.
_KEEP = 1_000


def _make(host: Host, source: str) -> tuple[OurDatabase, str]:
    marker = new_marker(source, kind=KIND)
    date, suffix = f"{datetime.now(UTC):%Y%m%d}", f"_{KIND}_{marker.nonce[:8]}"
    pattern = host.rules.clone_pattern
    name = name_clone(pattern, date, source=source, suffix=suffix)
    new = require_new(host, name)
    origin = find_source(host, source)
    room = read_room(host, host.size(origin.oid), database=source)
    require_room(room, f"a copy of {source!r}")
    password = new_password()
    making = dataclasses.replace(marker, kind=MAKING)
    with half_made(host, name, making, origin) as half:
        host.allow_connections(half, allowed=True)
        half = prepare(host, half, making, password=password)
        made = appear(host, half, new, marker, writable=True)
    host.try_lock(made.oid)
    host.records.write(
        Record(name, marker.nonce, host.system_identifier, used_by=os.getpid())
    )
    return made, password
