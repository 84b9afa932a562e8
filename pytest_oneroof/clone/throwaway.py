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
from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.ownership.proofs import KEPT, THROWAWAY, OurDatabase
from pytest_oneroof.ownership.same_server import require_direct, require_same
from pytest_oneroof.postgres.connect import connect, with_database


class ThrowawayPool:
    """Copies of one template, one of them always ready. `close` it at the end.

    `host` is its own: databases are made on it in a thread. `url` logs in as the
    check role; what a test is given differs from it by the database alone.
    """

    def __init__(self, host: Host, template: str, base: str, url: str) -> None:
        self.host = host
        self.template = template
        self.base = base
        self._url = url
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="oneroof-pool")
        self._next: Future[OurDatabase] | None = None

    def warm(self) -> None:
        """Begin to make the next database, unless that has begun already."""
        if self._next is None:
            self._next = self._thread.submit(self._make)

    def url(self, database: OurDatabase) -> str:
        """Return the URL by which a test reaches a database of the pool."""
        return with_database(self._url, database.name)

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
        return tuple(
            Residue(kind, name, "absent", "present, removed")
            for kind, names in (
                ("prepared transaction", prepared),
                ("replication slot", slots),
            )
            for name in names
        )
