"""The connection that a check gets: a psycopg connection it cannot commit.

Each check gets an object of its own over the run's one session, so that a
thread or a reference that outlives its check cannot write into the next one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any, NoReturn

import psycopg
from psycopg import pq

from pytest_oneroof.errors import StatementRefused
from pytest_oneroof.postgres import policy, statements

IDLE = pq.TransactionStatus.IDLE
INTRANS = pq.TransactionStatus.INTRANS
SAVEPOINT = b"SAVEPOINT oneroof_check"
COMMIT = b"RELEASE " + SAVEPOINT + b"; " + SAVEPOINT
ROLLBACK = b"ROLLBACK TO " + SAVEPOINT
REARM = (
    b"SET LOCAL oneroof.pass = ''; SET CONSTRAINTS oneroof.tripwire DEFERRED; "
    b"INSERT INTO oneroof.tripwire (nonce) VALUES ('%s')"
)

ALTERNATIVES = (
    "the check's work is rolled back at its end; for a part that is undone "
    "earlier use `with connection.transaction():`; for code that commits, "
    '@pytest.mark.oneroof(isolation="savepoint") or isolation="database"'
)


@dataclass
class Ward:
    """What is known of the check that a connection serves, while it runs."""

    check: str
    savepoints: bool = False
    over: bool = False
    closed: bool = False
    setval: bool = False
    stack: tuple[str, ...] = ()
    functions: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    remember: bool = False
    nonce: str = ""
    spent: bool = False

    def refuse(self, message: str, statement: str = "", remedy: str = "") -> NoReturn:
        """Raise StatementRefused, and remember that the check tried."""
        __tracebackhide__ = True
        self.refused.append(message)
        raise StatementRefused(
            message, statement=statement, remedy=remedy or ALTERNATIVES
        )


class Guarding:
    """The guard on a psycopg connection, sync or async alike."""

    pgconn: Any
    ward: Ward
    _num_transactions: int

    @property
    def cursor_factory(self) -> Any:
        """The cursor class; whatever is assigned is wrapped by the guard."""
        return self._cursor_factory

    @cursor_factory.setter
    def cursor_factory(self, factory: type) -> None:
        self._cursor_factory = guarded_cursor(factory)

    @property
    def server_cursor_factory(self) -> Any:
        """The server-side cursor class, wrapped by the guard."""
        return self._server_cursor_factory

    @server_cursor_factory.setter
    def server_cursor_factory(self, factory: type) -> None:
        self._server_cursor_factory = guarded_cursor(factory)

    def check_text(self, text: str) -> None:
        """Refuse a statement that a check may not send; note what it may do.

        Raise StatementRefused, before anything is sent, naming what to use
        instead (docs/residue.md).
        """
        ward = self.ward
        self.check_alive()
        self.rearm_if_spent()
        refusal = policy.guarded_refusal(text, open_savepoints=frozenset(ward.stack))
        if refusal is not None:
            ward.refused.append(refusal.message)
            raise refusal.error()
        reading = read_text(text)
        if reading.savepoints:
            ward.stack = statements.apply_savepoints(ward.stack, reading.statements)
        ward.functions |= reading.functions
        ward.setval = ward.setval or reading.setval
        if ward.remember:
            ward.sent.append(text)
        if reading.sets_all:
            self._run(b"SET LOCAL oneroof.pass = '%s'" % ward.nonce.encode())
            ward.spent = True

    def rearm_if_spent(self) -> None:
        """Set the tripwire again after the check's own SET CONSTRAINTS.

        That ran the tripwire's trigger too, under the pass: a row fires once.
        """
        ward = self.ward
        if ward.spent and self.pgconn.transaction_status == INTRANS:
            self._run(REARM % ward.nonce.encode())
            ward.spent = False

    def _run(self, command: bytes) -> None:
        result = self.pgconn.exec_(command)
        if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
            raise psycopg.errors.error_from_result(result)

    def check_alive(self) -> None:
        """Refuse any use after the check's end, or after its transaction's."""
        ward = self.ward
        if ward.over:
            ward.refuse(
                f"this connection belonged to {ward.check}, which has ended",
                remedy="ask for the fixture oneroof_clone in the test that uses it; "
                'for threads that go on, isolation="database"',
            )
        if ward.closed:
            raise psycopg.OperationalError("the connection is closed")
        if self.pgconn.transaction_status == IDLE:
            ward.refuse(
                f"the guarded transaction of {ward.check} is gone: nothing more may "
                "be sent",
                remedy="find the statement that ended it; " + ALTERNATIVES,
            )

    def transaction(self, *args: Any, **kwargs: Any) -> Any:
        """Open a savepoint, as psycopg does within a transaction."""
        self.check_alive()
        return super().transaction(*args, **kwargs)  # type: ignore[misc]

    @property
    def closed(self) -> bool:
        """Whether the check closed it, or the session is gone."""
        return self.ward.closed or bool(super().closed)  # type: ignore[misc]

    def end(self, name: str, command: bytes) -> None:
        """Refuse a commit or rollback, or let it work on the check's savepoint."""
        __tracebackhide__ = True
        ward = self.ward
        if not ward.savepoints:
            ward.refuse(f"{name}() is refused inside a guarded check")
        self.check_alive()
        if self._num_transactions:
            raise psycopg.ProgrammingError(
                f"Explicit {name}() forbidden within a Transaction context"
            )
        self._run(command)
        ward.stack = ()

    def leave(self) -> None:
        """Refuse a close, or undo what is not committed and look closed."""
        __tracebackhide__ = True
        ward = self.ward
        if not ward.savepoints:
            ward.refuse("close() is refused inside a guarded check")
        if not ward.closed and not ward.over and not self._num_transactions:
            self.end("rollback", ROLLBACK)
        ward.closed = True

    def exit_block(self, *, failed: bool) -> None:
        """Refuse the commit at the end of `with connection`, or let it work."""
        __tracebackhide__ = True
        if self.ward.savepoints:
            if not self.ward.closed:
                self.end("commit", ROLLBACK if failed else COMMIT)
                self.leave()
        elif not failed:
            self.ward.refuse(
                "leaving `with connection` commits and closes: refused inside a "
                "guarded check",
                remedy="use `with connection.transaction():`",
            )

    def refuse_autocommit(self, value: bool) -> None:
        """Refuse autocommit; setting what is set already is allowed."""
        __tracebackhide__ = True
        if value:
            self.ward.refuse("autocommit is refused inside a guarded check")

    def _start_query(self) -> Any:
        self.check_alive()
        return super()._start_query()  # type: ignore[misc]

    def __del__(self, _warn: Any = None) -> None:
        """Say nothing: the session belongs to the run, not to this object."""


class GuardedConnection(Guarding, psycopg.Connection[Any]):
    """A psycopg connection inside a guarded transaction.

    What a psycopg.Connection does, it does, but for ending the transaction:
    `with connection.transaction()` gives a savepoint; `commit`, `rollback`,
    `close` and leaving `with connection` are refused, or, in isolation
    'savepoint', work on a savepoint. All is rolled back at the check's end.
    """

    def __init__(self, pgconn: Any, ward: Ward) -> None:
        self.ward = ward
        super().__init__(pgconn)
        self.prepare_threshold = None

    def commit(self) -> None:
        """Refuse; in isolation 'savepoint' keep the work so far."""
        self.end("commit", COMMIT)

    def rollback(self) -> None:
        """Refuse; in isolation 'savepoint' undo the work since the last commit."""
        self.end("rollback", ROLLBACK)

    def close(self) -> None:
        """Refuse; in isolation 'savepoint' undo uncommitted work and look closed."""
        self.leave()

    def __enter__(self) -> GuardedConnection:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.exit_block(failed=kind is not None)

    def set_autocommit(self, value: bool) -> None:
        """Refuse autocommit; setting what is set already is allowed."""
        self.refuse_autocommit(value)

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait as psycopg does; a refusal is raised without psycopg's frames."""
        __tracebackhide__ = True
        try:
            return super().wait(gen, *args, **kwargs)
        except StatementRefused as refusal:
            raise refusal.with_traceback(None) from None


@dataclass(frozen=True)
class Reading:
    """What one text says, read once: its statements and what they could leave."""

    statements: tuple[statements.Statement, ...]
    savepoints: bool
    functions: frozenset[str]
    setval: bool
    sets_all: bool


@functools.lru_cache(maxsize=2048)
def read_text(text: str) -> Reading:
    """Return what a text says; cached, as checks send the same texts again."""
    read = statements.read(text)
    return Reading(
        read,
        any(s.savepoint is not None for s in read),
        statements.called_functions(read),
        statements.mentions_setval(text),
        statements.sets_all_constraints(read),
    )


@functools.cache
def guarded_cursor(factory: type) -> type:
    """Return the cursor class whose statements pass the guard before they go."""
    if issubclass(factory, _GuardedCursor):
        return factory
    return type(f"Guarded{factory.__name__}", (_GuardedCursor, factory), {})


class _GuardedCursor:
    _conn: Any

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        converted = super()._convert_query(query, params)  # type: ignore[misc]
        self._conn.check_text(converted.query.decode(self._conn.info.encoding))
        return converted

    def _execute_gen(self, *args: Any, **kwargs: Any) -> Any:
        yield from super()._execute_gen(*args, **kwargs)  # type: ignore[misc]
        if self._conn.ward.spent and not self._conn._pipeline:
            self._conn.rearm_if_spent()
