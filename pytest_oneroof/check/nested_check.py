"""A check run within another's guarded transaction, undone to a savepoint.

For the negative controls: the outer transaction holds a fault, and each check
under it finds the clone as the fault alone has left it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pytest_oneroof.check import within
from pytest_oneroof.check.armed import Armed
from pytest_oneroof.check.guarded_session import GuardedSession, Status
from pytest_oneroof.check.savepoint_mode import SAVEPOINT
from pytest_oneroof.check.ward import Ward
from pytest_oneroof.check.within import Base
from pytest_oneroof.errors import CloneError

OPEN = b"SAVEPOINT oneroof_control; "
UNDO = b"ROLLBACK TO SAVEPOINT oneroof_control; RELEASE SAVEPOINT oneroof_control; "


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
    base = within.read_base(session)
    connection = kind(session.pgconn, ward)
    inner = replace(outer, connection=connection, row=None, base=Base(), examples=0)
    try:
        yield inner
    finally:
        connection.retire()
        outer.ward.custom |= ward.custom
        outer.ward.raw = outer.ward.raw or ward.raw
        if session.status not in (Status.INTRANS, Status.INERROR):
            raise CloneError(f"{ward.check}: it ended the transaction around it")
        session.run(UNDO + ward.deallocating())
        within.put_back(session, base, session.locks().relations)
