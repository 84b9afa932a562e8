"""Throw-away databases: copies of the template for code that really commits.

The next one is made in the background while a test runs, so that taking one
costs next to nothing; each is dropped after its test.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.adopt import remark
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.login import (
    Roles,
    changed_roles,
    own_role,
    own_url,
    put_back,
    read_roles,
    shared_roles,
)
from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.ownership.proofs import KEPT, THROWAWAY, OurDatabase
from pytest_oneroof.ownership.same_server import require_direct, require_same
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.roles import is_there
from pytest_oneroof.redaction import Url


class ThrowawayPool:
    """Copies of one template, one of them always ready. `close` it at the end.

    `host` is its own: databases are made on it in a thread. `url` logs in as the
    check role; what a test is given leads there as well, to a database and by a role
    of its own. What it changes of roles is told by `drop`, and ends with it.
    """

    def __init__(self, host: Host, template: str, base: str, url: str) -> None:
        self.host = host
        self.template = template
        self.base = base
        self._url = url
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="oneroof-pool")
        self._next: Future[OurDatabase] | None = None
        self._urls: dict[int, Url] = {}
        # What is shared by all copies, as it was before the first test.
        self._shared: Roles | None = None
        self._own: dict[int, Roles] = {}

    def warm(self) -> None:
        """Begin to make the next database, unless that has begun already."""
        if self._next is None:
            self._next = self._thread.submit(self._make)

    def url(self, database: OurDatabase) -> str:
        """Return the URL by which a test reaches a database of the pool."""
        return self._urls[database.oid]

    def take(self) -> OurDatabase:
        """Return a fresh database, and begin to make the next one."""
        self.warm()
        assert self._next is not None
        pending, self._next = self._next, None
        found = pending.result()
        self.warm()
        return found

    def drop(self, found: OurDatabase) -> tuple[Residue, ...]:
        """Drop a database; what stood in the way is ended, and returned."""
        with self._lock:
            try:
                left = self._left(found)
                lifecycle.drop(self.host, found)
                left += self._left_elsewhere(found)
            finally:
                # Not before: the sweep of a run beside would take it for a dead one's.
                self.host.unlock(found.oid)
        return left

    def keep(self, found: OurDatabase) -> None:
        """Keep a database past the run, marked so that no sweep takes it."""
        with self._lock:
            remark(self.host, found, kind=KEPT)
            self.host.unlock(found.oid)

    def close(self) -> None:
        """Drop what is ready, and end the pool; idempotent."""
        pending, self._next = self._next, None
        self._thread.shutdown(wait=True)
        if pending is not None and pending.exception() is None:
            self.drop(pending.result())
        self.host.close()

    def _make(self) -> OurDatabase:
        with self._lock, self.host.making():
            template = self.host.ours(self.template)
            name = f"{self.base}_{{run}}_db"
            found = create_copy(self.host, template, name, THROWAWAY)
            self.host.try_lock(found.oid)
            self._urls[found.oid] = own_url(self.host, found, self._url)
            if self._shared is None:
                names = shared_roles(self.host, found.marker)
                self._shared = read_roles(self.host, names)
            self._own[found.oid] = read_roles(
                self.host, [found.marker.role], found.name
            )
            self._require_reached(found)
            return found

    def _require_reached(self, found: OurDatabase) -> None:
        """Go the way that the test will go, and see that it leads to this database."""
        with contextlib.closing(connect(self.url(found))) as connection:
            require_direct(connection)
            require_same(connection, self.host.acting, found)

    def _left(self, found: OurDatabase) -> tuple[Residue, ...]:
        """End what would block the drop, and would outlive the test without it."""
        prepared, slots = self.host.standing(found.name)
        for gid in prepared:
            self.host.roll_back_prepared(found, gid)
        for slot in slots:
            self.host.drop_slot(found, slot)
        self.host.end_sessions(found, found.marker.role)
        standing = [
            Residue(kind, name, "absent", "present, removed")
            for kind, names in (
                ("prepared transaction", prepared),
                ("replication slot", slots),
            )
            for name in names
        ]
        return (*standing, *self._changed_roles(found))

    def _left_elsewhere(self, found: OurDatabase) -> tuple[Residue, ...]:
        """Return its role as residue where it owns something in another database."""
        name = found.marker.role
        if name != own_role(found.marker) or not is_there(self.host.admin, name):
            return ()
        why = "not dropped: it owns something in another database"
        return (Residue("role", name, "dropped with its database", why),)

    def _changed_roles(self, found: OurDatabase) -> list[Residue]:
        """Return what was changed of roles; take back what others share."""
        own, shared = self._own.pop(found.oid, {}), self._shared or {}
        now = read_roles(self.host, [*own, *shared], found.name)
        put_back(self.host, shared, now)
        return list(changed_roles({**own, **shared}, now))
