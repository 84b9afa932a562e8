"""Isolation 'savepoint': what commit, autocommit and the like become inside a check.

The check's one transaction never commits. A savepoint stands for the last commit:
a commit moves it, a rollback goes back to it. What psycopg would have committed by
itself (a statement in autocommit, a `with connection.transaction()` that began
outside of a transaction) is *unsettled* until the next command, which moves the
savepoint first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq

if TYPE_CHECKING:
    from pytest_oneroof.check.ward import Ward

SAVEPOINT = b"SAVEPOINT oneroof_check"
COMMIT = b"RELEASE " + SAVEPOINT + b"; " + SAVEPOINT
ROLLBACK = b"ROLLBACK TO " + SAVEPOINT
HIGHEST = psycopg.IsolationLevel.READ_COMMITTED


class SavepointMode:
    """The part of a guarded connection that plays commits on its savepoint."""

    pgconn: Any
    ward: Ward
    _num_transactions: int
    _autocommit: bool
    _isolation_level: Any
    _run: Any

    def note_statement(self) -> None:
        """Settle what came before a statement, and note whose commit it waits for."""
        ward = self.ward
        self.settle()
        if ward.autocommit or (self._num_transactions and ward.outermost):
            ward.unsettled = True
        else:
            ward.began = True

    def note_block(self) -> None:
        """Note whether a `with connection.transaction()` commits at its end."""
        self.settle()
        if not self._num_transactions:
            self.ward.outermost = not self.ward.began

    def settle(self) -> None:
        """Keep what counts as committed; undo a statement that autocommit lost."""
        if not self.ward.unsettled or self._num_transactions:
            return
        if self.pgconn.pipeline_status == pq.PipelineStatus.OFF:
            failed = self.pgconn.transaction_status == pq.TransactionStatus.INERROR
            self._run(ROLLBACK if failed else COMMIT)
            self.ward.unsettled = False

    def change_autocommit(self, *, value: bool) -> None:
        """Play autocommit; refuse it in isolation 'rollback'.

        Raise psycopg.ProgrammingError, as psycopg does, while there is work that is
        neither committed nor rolled back.
        """
        __tracebackhide__ = True
        ward = self.ward
        if not ward.savepoints:
            if value:
                ward.refuse("autocommit is refused inside a guarded check")
            return
        if value == ward.autocommit:
            return
        if ward.began or self._num_transactions:
            raise psycopg.ProgrammingError(
                "can't change 'autocommit' now: "
                "connection in transaction status INTRANS"
            )
        self.settle()
        ward.autocommit = self._autocommit = value

    def change_isolation_level(self, value: Any) -> None:
        """Take READ COMMITTED, which a check runs at, or the default; refuse others."""
        __tracebackhide__ = True
        if value is not None and psycopg.IsolationLevel(value) > HIGHEST:
            name = psycopg.IsolationLevel(value).name.replace("_", " ")
            self.ward.refuse(
                f"isolation level {name} is refused: a guarded check's one transaction "
                "runs at READ COMMITTED",
                remedy='@pytest.mark.oneroof(isolation="database")',
            )
        self._isolation_level = value

    def change_flag(self, name: str, *, value: bool | None) -> None:
        """Take read_only or deferrable only as they are: not set."""
        __tracebackhide__ = True
        if value:
            self.ward.refuse(
                f"{name} is refused: a guarded check's transaction has begun",
                remedy='@pytest.mark.oneroof(isolation="database")',
            )
