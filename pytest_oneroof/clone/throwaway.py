"""Throw-away databases: copies of the template for code that really commits.

The next one is made in the background while a test runs, so that taking one
costs next to nothing; each is dropped after its test.
"""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.host import Found, Host
from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.errors import CloneError

KIND = "throwaway"
KEPT = "kept"


class ThrowawayPool:
    """Copies of one template, one of them always ready. `close` it at the end.

    `host` is its own: databases are made on it in a thread.
    """

    def __init__(self, host: Host, template: str, base: str) -> None:
        self.host = host
        self.template = template
        self.base = base
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="oneroof-pool")
        self._next: Future[Found] | None = None

    def warm(self) -> None:
        """Begin to make the next database, unless that has begun already."""
        if self._next is None:
            self._next = self._thread.submit(self._make)

    def take(self) -> Found:
        """Return a fresh database, and begin to make the next one."""
        self.warm()
        assert self._next is not None
        pending, self._next = self._next, None
        found = pending.result()
        self.warm()
        return found

    def drop(self, found: Found) -> tuple[Residue, ...]:
        """Drop a database; what stood in the way is ended, and returned."""
        with self._lock:
            try:
                left = self._left(found)
                lifecycle.drop(self.host, found.name)
            finally:
                # Not before: the sweep of a run beside would take it for a dead one's.
                self.host.unlock(found.oid)
        return left

    def keep(self, found: Found) -> None:
        """Keep a database past the run, marked so that no sweep takes it."""
        assert found.marker is not None
        with self._lock:
            self.host.mark(found.name, dataclasses.replace(found.marker, kind=KEPT))
            self.host.unlock(found.oid)

    def close(self) -> None:
        """Drop what is ready, and end the pool; idempotent."""
        pending, self._next = self._next, None
        self._thread.shutdown(wait=True)
        if pending is not None and pending.exception() is None:
            self.drop(pending.result())
        self.host.close()

    def _make(self) -> Found:
        with self._lock, self.host.making():
            template = self.host.find(self.template)
            if template is None:
                raise CloneError(f"the template {self.template!r} is missing")
            name = f"{self.base}_{{run}}_db"
            found = lifecycle.create_copy(self.host, template, name, KIND)
            self.host.try_lock(found.oid)
            return found

    def _left(self, found: Found) -> tuple[Residue, ...]:
        """End what would block the drop, and would outlive the test without it."""
        assert found.marker is not None
        prepared, slots = self.host.standing(found.name)
        for gid in prepared:
            self.host.roll_back_prepared(found.name, gid)
        for slot in slots:
            self.host.drop_slot(slot)
        self.host.end_sessions(found.oid, found.marker.role)
        return tuple(
            Residue(kind, name, "absent", "present, removed")
            for kind, names in (
                ("prepared transaction", prepared),
                ("replication slot", slots),
            )
            for name in names
        )
