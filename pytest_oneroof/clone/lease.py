"""A clone taken for one run or worker: who may enter it, and how it is renewed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.login import (
    Roles,
    changed_roles,
    own_url,
    read_roles,
    repair_roles,
    shared_roles,
)
from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.errors import CloneError, GuardRefused, OneroofError
from pytest_oneroof.ownership.acting import Connection
from pytest_oneroof.ownership.proofs import CLONE, COPY, OurDatabase, serving_reasons
from pytest_oneroof.ownership.records import Record
from pytest_oneroof.ownership.same_server import require_same

Say = Callable[[str], Any]
POOL = 4


@dataclass
class Lease:
    """The use of one clone. Without a host (no administrator) it stays open.

    `url` logs in as the check role; `found` are lines about what dead runs
    left; `crashed` tells that the last run on this clone did not end; `own_ids`
    are transaction ids of our own opening and closing.
    """

    url: str
    database: str
    host: Host | None = None
    oid: int = 0
    template: str | None = None
    found: list[str] = field(default_factory=list)
    crashed: bool = False
    kind: str = CLONE
    spoiled: bool = False
    own_ids: set[int] = field(default_factory=set)
    # The clone's roles as they were when it was taken, or made anew.
    roles: Roles = field(default_factory=dict)

    def open(self) -> None:
        """Let the clone be connected to."""
        self._allow(allowed=True)

    def close(self) -> bool:
        """Close the clone to all further connections; False without a host."""
        self._allow(allowed=False)
        return self.host is not None

    def require_same(self, connection: Connection) -> None:
        """Raise GuardRefused unless a connection is on the administrator's clone."""
        if self.host is not None:
            require_same(connection, self.host.acting, self._ours(self.host))

    def revive(self) -> None:
        """After a crash of the server: be its administrator again, and lock anew.

        Raise CloneError when another run has taken the clone meanwhile.
        """
        if self.host is None or self.host.alive():
            return
        self.host.reconnect()
        if self.oid and not self.host.try_lock(self.oid):
            raise CloneError(f"{self.database!r} is in use by another run")

    def end_leftovers(self) -> list[int]:
        """End sessions that the check role has on the clone: their run is dead."""
        if self.host is None:
            return []
        ours = self._ours(self.host)
        return self.host.end_sessions(ours, ours.marker.role)

    @property
    def renewable(self) -> bool:
        """Whether there is a template of ours to make the clone anew from."""
        return self._template() is not None

    def renew(self) -> bool:
        """Replace the clone by a fresh copy of its template, under its name.

        False where there is no template of ours to copy.
        """
        template = self._template()
        if self.host is None or template is None:
            return False
        with self.host.making():
            old = self._ours(self.host)
            self.host.unlock(self.oid)
            lifecycle.drop(self.host, old)
            made = create_copy(self.host, template, self.database, self.kind)
            self._hold(made)
            self.url = own_url(self.host, made, self.url)
            self.remember_roles(made)
        self.spoiled = False
        return True

    def remember_roles(self, ours: OurDatabase) -> None:
        """Take the clone's roles as they are for as they have to be."""
        if self.host is not None and ours.marker.role:
            names = [ours.marker.role, *shared_roles(self.host, ours.marker)]
            self.roles = read_roles(self.host, names, ours.name)

    def changed_roles(self) -> tuple[Residue, ...]:
        """Return what was changed of the clone's roles, and put it back."""
        if self.host is None:
            return ()
        now = read_roles(self.host, self.roles, self.database)
        changed = tuple(changed_roles(self.roles, now))
        if changed:
            repair_roles(self.host, self._ours(self.host), self.url)
        return changed

    def release(self) -> None:
        """Open the clone again, note a clean end, and give the lock back.

        A pooled copy stays closed: nobody but the next run is to work on it.
        Without a server nothing is noted, so that the next run looks first.
        """
        if self.host is None:
            return
        with contextlib.suppress(psycopg.Error, OneroofError):
            if self.kind != COPY:
                self.open()
            if not self.spoiled:
                self._note(used_by=0)
        self.host.close()

    def note_use(self) -> None:
        """Record that this process works on the clone."""
        self._note(used_by=os.getpid())

    def _allow(self, *, allowed: bool) -> None:
        if self.host is None:
            return
        ours = self._ours(self.host)
        if ours.seen.takes_connections != allowed:
            self.own_ids.add(self.host.allow_connections(ours, allowed=allowed))

    def _ours(self, host: Host) -> OurDatabase:
        """Return the clone, judged anew; raise where it is not the one taken."""
        ours = host.ours(self.database)
        if ours.oid != self.oid:
            raise CloneError(
                f"{self.database!r} is not the database any more that this run took: "
                "somebody made it anew"
            )
        return ours

    def _template(self) -> OurDatabase | None:
        if self.host is None or self.template is None:
            return None
        return self.host.find_ours(self.template)

    def _hold(self, ours: OurDatabase) -> None:
        assert self.host is not None
        if not self.host.try_lock(ours.oid):
            raise CloneError(f"{ours.name!r} is in use by another run")
        self.oid = ours.oid
        self.note_use()

    def _note(self, *, used_by: int) -> None:
        assert self.host is not None
        nonce = self._ours(self.host).marker.nonce
        self.host.records.write(
            Record(self.database, nonce, self.host.system_identifier, used_by)
        )


@dataclass(frozen=True)
class Wanted:
    """Which clone a run wants: its name, its URL, and what copies are made of.

    `template` None: copies cannot be made; `main` false: a copy, never the clone
    itself; `worker` names the copy.
    """

    name: str
    url: str
    template: str | None
    main: bool = True
    worker: str = "run"


def take(host: Host, wanted: Wanted, say: Say) -> Lease:
    """Take the clone, or, if another run has it, a pooled copy of it.

    Sweeps what dead runs left first. Closes the host when it fails. Raise
    CloneError when it is in use and no copy can be made, GuardRefused where it is
    not ours.
    """
    try:
        with host.making():
            main = _main(host, wanted)
            told = lifecycle.sweep(host, say, keep=POOL)
            for candidate, kind in (*main, *_copies(host, wanted)):
                if host.try_lock(candidate.oid):
                    return _taken(host, candidate, kind, wanted, told)
            if wanted.template is None:
                raise CloneError(
                    f"the clone {wanted.name!r} is in use by another run, and no copy "
                    "of it is at hand\nwait for that run, or make copies possible: a "
                    "run with -n makes what copies are made of"
                )
            name = f"{wanted.name[:36]}_{{run}}_{wanted.worker}"
            copy = create_copy(host, host.ours(wanted.template), name, COPY)
            host.try_lock(copy.oid)
            return _taken(host, copy, COPY, wanted, told)
    except BaseException:
        host.close()
        raise


def _main(host: Host, wanted: Wanted) -> list[tuple[OurDatabase, str]]:
    """Return the clone itself, unless a copy is wanted, or it is not there.

    Raise GuardRefused where it is not ours, or not there to serve checks.
    """
    if not wanted.main or host.find(wanted.name) is None:
        return []
    ours = host.ours(wanted.name)
    if reasons := serving_reasons(ours.marker):
        raise GuardRefused(ours.name, reasons)
    return [(ours, CLONE)]


def _copies(host: Host, wanted: Wanted) -> list[tuple[OurDatabase, str]]:
    return [
        (found, COPY)
        for found in host.all_ours()
        if found.marker.kind == COPY and found.name.startswith(f"{wanted.name[:36]}_")
    ]


def _taken(
    host: Host, found: OurDatabase, kind: str, wanted: Wanted, told: list[str]
) -> Lease:
    record = host.records.read(host.system_identifier, found.name)
    lease = Lease(
        url=own_url(host, found, wanted.url),
        database=found.name,
        host=host,
        oid=found.oid,
        template=wanted.template,
        found=told,
        crashed=bool(record and record.used_by),
        kind=kind,
    )
    lease.remember_roles(found)
    lease.open()
    lease.note_use()
    return lease
