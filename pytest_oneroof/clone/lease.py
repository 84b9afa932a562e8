"""A clone taken for one run or worker: who may enter it, and how it is renewed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.host import Found, Host
from pytest_oneroof.clone.records import Record
from pytest_oneroof.errors import CloneError
from pytest_oneroof.postgres.connect import with_database

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
    kind: str = "clone"
    spoiled: bool = False
    own_ids: set[int] = field(default_factory=set)

    def open(self) -> None:
        """Let the clone be connected to."""
        if self.host is not None:
            self.own_ids.add(self.host.allow_connections(self.database, allowed=True))

    def close(self) -> bool:
        """Close the clone to all further connections; False without a host."""
        if self.host is None:
            return False
        self.own_ids.add(self.host.allow_connections(self.database, allowed=False))
        return True

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
        found = self.host.find(self.database) if self.host else None
        if self.host is None or found is None or found.marker is None:
            return []
        return self.host.end_sessions(found.oid, found.marker.role)

    @property
    def renewable(self) -> bool:
        """Whether there is a template of ours to make the clone anew from."""
        if self.host is None or self.template is None:
            return False
        return self.host.find(self.template) is not None

    def renew(self) -> bool:
        """Replace the clone by a fresh copy of its template, under its name.

        False where there is no template of ours to copy.
        """
        if self.host is None or self.template is None:
            return False
        template = self.host.find(self.template)
        if template is None:
            return False
        with self.host.making():
            self.host.unlock(self.oid)
            lifecycle.drop(self.host, self.database)
            fresh = lifecycle.create_copy(self.host, template, self.database, self.kind)
            self._hold(fresh)
        self.spoiled = False
        return True

    def release(self) -> None:
        """Open the clone again, note a clean end, and give the lock back.

        A pooled copy stays closed: nobody but the next run is to work on it.
        Without a server nothing is noted, so that the next run looks first.
        """
        if self.host is None:
            return
        with contextlib.suppress(psycopg.Error):
            if self.kind != "copy":
                self.open()
            if not self.spoiled:
                self._note(used_by=0)
        self.host.close()

    def note_use(self) -> None:
        """Record that this process works on the clone."""
        self._note(used_by=os.getpid())

    def _hold(self, found: Found) -> None:
        assert self.host is not None
        if not self.host.try_lock(found.oid):
            raise CloneError(f"{found.name!r} is in use by another run")
        self.oid = found.oid
        self.note_use()

    def _note(self, *, used_by: int) -> None:
        assert self.host is not None
        found = self.host.find(self.database)
        if found is not None and found.marker is not None:
            record = Record(
                self.database, found.marker.nonce, self.host.system_identifier, used_by
            )
            self.host.records.write(record)


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
    CloneError when it is in use and no copy can be made.
    """
    try:
        with host.making():
            told = lifecycle.sweep(host, say, keep=POOL)
            for candidate, kind in _candidates(host, wanted):
                if host.try_lock(candidate.oid):
                    return _taken(host, candidate, kind, wanted, told)
            if wanted.template is None:
                raise CloneError(
                    f"the clone {wanted.name!r} is in use by another run, and no copy "
                    "of it is at hand\nwait for that run, or make copies possible: a "
                    "run with -n makes what copies are made of"
                )
            name = f"{wanted.name[:36]}_{{run}}_{wanted.worker}"
            copy = lifecycle.create_copy(
                host, _template(host, wanted.template), name, "copy"
            )
            host.try_lock(copy.oid)
            return _taken(host, copy, "copy", wanted, told)
    except BaseException:
        host.close()
        raise


def _candidates(host: Host, wanted: Wanted) -> list[tuple[Found, str]]:
    clone = host.find(wanted.name) if wanted.main else None
    candidates = [(clone, "clone")] if clone is not None else []
    candidates += [
        (found, "copy")
        for found in host.marked()
        if found.marker
        and found.marker.kind == "copy"
        and found.name.startswith(f"{wanted.name[:36]}_")
    ]
    return candidates


def _taken(
    host: Host, found: Found, kind: str, wanted: Wanted, told: list[str]
) -> Lease:
    record = host.records.read(host.system_identifier, found.name)
    lease = Lease(
        url=with_database(wanted.url, found.name),
        database=found.name,
        host=host,
        oid=found.oid,
        template=wanted.template,
        found=told,
        crashed=bool(record and record.used_by),
        kind=kind,
    )
    lease.open()
    lease.note_use()
    return lease


def _template(host: Host, name: str) -> Found:
    found = host.find(name)
    if found is None or found.marker is None:
        raise CloneError(f"the template {name!r} of the clone is missing")
    return found
