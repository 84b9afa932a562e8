"""A check run within another's guarded transaction, undone to a savepoint.

For the negative controls: the outer transaction holds a fault, and each check
under it finds the clone as the fault alone has left it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pytest_oneroof.check import ledger, restore
from pytest_oneroof.check.armed import Armed
from pytest_oneroof.check.guarded_session import GuardedSession, Status
from pytest_oneroof.check.savepoint_mode import SAVEPOINT
from pytest_oneroof.check.ward import Ward
from pytest_oneroof.errors import CloneError

OPEN = b"SAVEPOINT oneroof_control; "
UNDO = b"ROLLBACK TO SAVEPOINT oneroof_control; RELEASE SAVEPOINT oneroof_control"


@contextlib.contextmanager
def nested_check(
    session: GuardedSession, outer: Armed, ward: Ward, kind: type[Any]
) -> Iterator[Armed]:
    """Hand out a guarded connection of its own inside the running transaction.

    At the end what it did is undone, and sequences stand as before it. Raise
    CloneError where the transaction is not open, or was ended by the check.
    """
    if session.status != Status.INTRANS:
        raise CloneError(f"{ward.check}: the transaction around it is not open")
    session.run(OPEN + SAVEPOINT if ward.savepoints else OPEN)
    row = session.read_row(session.snapshot())
    if not outer.positions:
        outer.positions = session.read_positions()
    connection = kind(session.pgconn, ward)
    inner = replace(outer, connection=connection, row=None, positions={}, examples=0)
    try:
        yield inner
    finally:
        connection.retire()
        if session.status not in (Status.INTRANS, Status.INERROR):
            raise CloneError(f"{ward.check}: it ended the transaction around it")
        session.run(UNDO)
        if ward.forgot:
            session.remember_queries()
        _put_sequences_back(session, row, outer, ward)


def _put_sequences_back(
    session: GuardedSession, before: ledger.Row, outer: Armed, ward: Ward
) -> None:
    after = session.read_row(ledger.snapshot(before))
    if before[ledger.SEQUENCES_AT] != after[ledger.SEQUENCES_AT]:
        restore.put_sequences_back(session, before, after, within=outer.positions)
    elif session.may_set_sequences(ward):
        moved = session.moved_from(outer.positions)
        restore.put_back(session, moved, within=outer.positions)
