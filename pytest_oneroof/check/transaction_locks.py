"""Advisory locks of a transaction, which must end with a commit that is played.

Such a lock is given back by the end of the transaction or by an undone savepoint, by
nothing else. Hence a statement that does nothing but take such locks is undone once its
result is there, and locks of the session, which anybody else sees as the same, stand in
for them until the commit or rollback that is played.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pytest_oneroof.statements.read import Text
from pytest_oneroof.statements.tree import bare

TAKING = frozenset(
    f"pg_{attempt}advisory_xact_lock{shared}"
    for attempt in ("", "try_")
    for shared in ("", "_shared")
)
# What keys are commonly made of; nothing of it is undone.
HARMLESS = frozenset({"hashtext", "hashtextextended", "abs", "pg_backend_pid"})
BEFORE = b"SAVEPOINT oneroof_lock"
UNDO = b"ROLLBACK TO SAVEPOINT oneroof_lock; RELEASE SAVEPOINT oneroof_lock"
HELD = b"""
SELECT CASE l.mode WHEN 'ShareLock' THEN '_shared' ELSE '' END,
       CASE l.objsubid
         WHEN 1 THEN ((l.classid::bigint << 32) | l.objid::bigint)::text
         ELSE pg_catalog.concat(l.classid::bigint::bit(32)::int, ', ',
                                l.objid::bigint::bit(32)::int)
       END
  FROM pg_catalog.pg_locks AS l
 WHERE l.locktype = 'advisory' AND l.pid = pg_catalog.pg_backend_pid() AND l.granted
"""

Run = Callable[[bytes], Any]


class Lock(NamedTuple):
    """One advisory lock: '_shared' or '', and its key or keys."""

    shared: bytes
    keys: bytes


def takes_only_locks(read: Text) -> bool:
    """Tell whether a text does nothing but take advisory locks of the transaction."""
    called = {bare(name) for s in read.statements for name in s.functions}
    plain = all(s.kinds == {"SelectStmt"} and not s.traits for s in read.statements)
    return plain and bool(called & TAKING) and called <= TAKING | HARMLESS


def stand_in(run: Run) -> frozenset[Lock]:
    """Undo the statement since BEFORE; take and return locks in place of its own."""
    taken = _held(run)
    run(UNDO)
    new = taken - _held(run)
    for lock in new:
        run(b"SELECT pg_catalog.pg_advisory_lock%s(%s)" % lock)
    return new


def give_back(locks: frozenset[Lock]) -> bytes:
    """Return the commands that end what stands in for locks of the transaction."""
    command = b"SELECT pg_catalog.pg_advisory_unlock%s(%s); "
    return b"".join(command % lock for lock in sorted(locks))


def _held(run: Run) -> frozenset[Lock]:
    found = run(HELD)
    return frozenset(
        Lock(found.get_value(row, 0), found.get_value(row, 1))
        for row in range(found.ntuples)
    )
