"""The connection that a check gets: a psycopg connection it cannot commit.

Each check gets an object of its own over the run's one session, so that a
thread or a reference that outlives its check cannot write into the next one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import pq

from pytest_oneroof.check.app_roles import with_stand_ins
from pytest_oneroof.check.cursors import guarded_cursor
from pytest_oneroof.check.remedies import add_remedy
from pytest_oneroof.check.routine_catalog import RoutineCatalog
from pytest_oneroof.check.savepoint_mode import SavepointMode
from pytest_oneroof.check.ward import ALTERNATIVES, NO_PIPELINE, Ward
from pytest_oneroof.errors import StatementRefused
from pytest_oneroof.statements import policy
from pytest_oneroof.statements.read import ANY, Text, apply_savepoints, read_text

# Packages that use the handle, and do not keep it.
OUR_OWN = ("psycopg.", "psycopg_c.", "psycopg_binary.", "pytest_oneroof.")
IDLE = pq.TransactionStatus.IDLE
INTRANS = pq.TransactionStatus.INTRANS
INERROR = pq.TransactionStatus.INERROR
# How long the end of a check waits, in seconds, for a thread's statement.
PATIENCE = 1.0


class Guarding(SavepointMode):
    """The guard on a psycopg connection, sync or async alike."""

    ward: Ward
    # The guarded cursor that begins a query, until the connection has begun it.
    starting: Any = None
    _num_transactions: int
    _prepared: Any
    # `with connection.example():` isolates and proves one example of a @given that
    # is nested in a test's body; those of the test itself are found without it.
    example: Callable[[], AbstractContextManager[None]]

    @property
    def pgconn(self) -> Any:
        """The session's libpq handle; who takes it may keep it past the check."""
        name = sys._getframe(1).f_globals.get("__name__", "")
        if not name.startswith(OUR_OWN):
            self.ward.raw = True
        return self._pgconn

    @pgconn.setter
    def pgconn(self, pgconn: Any) -> None:
        self._pgconn = pgconn

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

    def check_text(self, text: str) -> str | None:
        """Refuse a statement that a check may not send; note what it may do.

        Return the text that is to be sent instead, where it names a role that has a
        stand-in. Raise StatementRefused, before anything is sent, naming what to use
        instead (docs/residue.md).
        """
        ward = self.ward
        ward.count += 1
        ward.swallowed.settle()
        if ward.spent:
            self.rearm_if_spent()
        read, refusal = policy.judge_guarded(text, self, conforming=self.conforming)
        if refusal is not None:
            error = refusal.error()
            ward.swallowed.note(error)
            raise error
        if self.pgconn.pipeline_status:
            self.check_pipelined(read, text)
        if ward.savepoints:
            self.note_statement(read)
        if read.controls:
            ward.stack = apply_savepoints(ward.stack, read.statements)
        if read.custom_settings:
            ward.custom |= read.custom_settings
        if ward.computing and not ward.computing.isdisjoint(read.functions):
            ward.custom.add(ANY)
        if ward.remember:
            ward.sent.append(text)
        if read.sets_all:
            self._run(ward.keys.opening())
            ward.spent = True
        return with_stand_ins(read, ward.roles) if ward.roles else None

    @property
    def open_savepoints(self) -> frozenset[str]:
        """The savepoints that the check opened."""
        return frozenset(self.ward.stack)

    @property
    def plays_commits(self) -> bool:
        """Whether commits are played."""
        return self.ward.savepoints

    @property
    def catalog(self) -> RoutineCatalog:
        """What the clone's catalog knows of a name."""
        return RoutineCatalog(self.pgconn)

    @property
    def conforming(self) -> bool:
        """Whether the server reads string literals as the standard has them.

        It tells so whenever that changes, and reads a text whole before it runs any
        of it: a text is read as it was when the text is sent.
        """
        told = self.pgconn.parameter_status(b"standard_conforming_strings")
        return bool(told != b"off")

    def check_pipelined(self, read: Text, text: str) -> None:
        """Refuse, inside a pipeline, what must be known of before the next text."""
        if read.sets_all:
            what = "SET CONSTRAINTS is refused inside a pipeline"
            self.ward.refuse(what, text, NO_PIPELINE)
        if any(s.name == "standard_conforming_strings" for s in read.settings):
            what = "SET standard_conforming_strings is refused inside a pipeline"
            self.ward.refuse(what, text, NO_PIPELINE)

    def rearm_if_spent(self) -> None:
        """Set the tripwire again after the check's own SET CONSTRAINTS.

        That ran the tripwire's trigger too, under the pass: a row fires once.
        """
        ward, pgconn = self.ward, self.pgconn
        if not ward.spent or pgconn.pipeline_status:
            return
        if pgconn.transaction_status == INTRANS:
            self._run(ward.keys.rearming())
            ward.spent = False

    def _run(self, command: bytes) -> Any:
        result = self.pgconn.exec_(command)
        if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
            raise psycopg.errors.error_from_result(result)
        return result

    def check_owned(self) -> None:
        """Refuse any use after the check's end, and in another process.

        The session serves the next check by then; its socket is one for both
        processes.
        """
        ward = self.ward
        if ward.over:
            ward.refuse(
                f"this connection belonged to {ward.check}, which has ended",
                remedy="ask for the fixture oneroof_clone in the test that uses it; "
                'for threads that go on, isolation="database"',
            )
        if ward.process != os.getpid():
            ward.refuse(
                f"this connection belongs to the process of {ward.check}, not to its "
                "child",
                remedy='for processes that write, isolation="database"',
            )

    def check_alive(self) -> None:
        """Refuse any use after the check's end, or after its transaction's."""
        self.check_owned()
        self.check_open()

    def check_open(self) -> None:
        """Refuse any use after the check's transaction has ended, or its close()."""
        ward = self.ward
        if ward.closed:
            raise psycopg.OperationalError("the connection is closed")
        if self.pgconn.transaction_status == IDLE:
            ward.refuse(
                f"the guarded transaction of {ward.check} is gone: nothing more may "
                "be sent",
                remedy="find the statement that ended it; " + ALTERNATIVES,
            )

    def transaction(
        self, savepoint_name: str | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        """Open a savepoint, as psycopg does within a transaction."""
        self.check_alive()
        if savepoint_name is not None:
            # Judged as the same SAVEPOINT in text is: some names are the proof's.
            _, refusal = policy.judge_guarded(f'SAVEPOINT "{savepoint_name}"')
            if refusal is not None:
                self.ward.refuse(refusal.message, remedy=refusal.remedy)
        if self.ward.savepoints:
            self.note_block()
        return super().transaction(savepoint_name, *args, **kwargs)  # type: ignore[misc]

    @property
    def closed(self) -> bool:
        """Whether the check closed it or has ended, or the session is gone."""
        ward = self.ward
        return ward.closed or ward.over or bool(super().closed)  # type: ignore[misc]

    def end(self, name: str) -> None:
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
        if self.pgconn.pipeline_status:
            ward.refuse(f"{name}() is refused inside a pipeline", remedy=NO_PIPELINE)
        self.rearm_if_spent()
        self.settle()
        # A COMMIT of a failed transaction rolls it back (manual, COMMIT).
        if name == "commit" and self.pgconn.transaction_status != INERROR:
            self.keep_work()
        else:
            self.lose_work()
            # As psycopg does: what was prepared may be about what is gone.
            self._prepared.clear()

    def leave(self) -> None:
        """Refuse a close, or undo what is not committed and look closed."""
        __tracebackhide__ = True
        ward = self.ward
        if not ward.savepoints:
            ward.refuse("close() is refused inside a guarded check")
        if not ward.closed and not ward.over and not self._num_transactions:
            self.end("rollback")
        ward.closed = True

    def exit_block(self, *, failed: bool) -> None:
        """Refuse the commit at the end of `with connection`, or let it work."""
        __tracebackhide__ = True
        if self.ward.savepoints:
            if not self.ward.closed:
                self.end("rollback" if failed else "commit")
                self.leave()
        elif not failed:
            self.ward.refuse(
                "leaving `with connection` commits and closes: refused inside a "
                "guarded check",
                remedy="use `with connection.transaction():`",
            )

    def retire(self) -> bool:
        """End its use; False while a thread holds it, whose statement may still go."""
        self.ward.over = True
        return True

    def move_to(self, pgconn: Any) -> None:
        """Go on with a new session, on which nothing is prepared yet."""
        pgconn.notice_handler = self.pgconn.notice_handler
        pgconn.notify_handler = self.pgconn.notify_handler
        self.pgconn = pgconn

    def end_call(self) -> None:
        """Do what is to be done once a call has ended, with an error or without."""
        if self.ward.spent:
            self.rearm_if_spent()
        if self.ward.savepoints:
            self.end_statement()

    def _start_query(self) -> Any:
        self.check_open()
        if self.starting is None:
            # psycopg.ClientCursor(connection) is guarded like connection.cursor(): the
            # class is taken over before its first statement is converted.
            cursor = sys._getframe(1).f_locals.get("self")
            if hasattr(cursor, "_convert_query"):
                factory: Any = type(cursor)
                cursor.__class__ = guarded_cursor(factory)
        self.starting = None
        return super()._start_query()  # type: ignore[misc]

    def _exec_command(self, command: Any, *args: Any, **kwargs: Any) -> Any:
        # The savepoints of `with connection.transaction()` are the check's own too.
        found = yield from super()._exec_command(command, *args, **kwargs)  # type: ignore[misc]
        if isinstance(command, bytes):
            read = read_text(command.decode("utf-8", "replace"))
            self.ward.stack = apply_savepoints(self.ward.stack, read.statements)
        return found

    def _check_connection_ok(self) -> None:
        self.check_owned()
        if self.ward.closed:
            raise psycopg.OperationalError("the connection is closed")
        super()._check_connection_ok()  # type: ignore[misc]

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
        ward.adopt(self)

    def commit(self) -> None:
        """Refuse; in isolation 'savepoint' keep the work so far."""
        self.end("commit")

    def rollback(self) -> None:
        """Refuse; in isolation 'savepoint' undo the work since the last commit."""
        self.end("rollback")

    def close(self) -> None:
        """Refuse; in isolation 'savepoint' undo uncommitted work and look closed."""
        self.leave()

    def __enter__(self) -> GuardedConnection:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.exit_block(failed=kind is not None)

    def set_autocommit(self, value: bool) -> None:  # noqa: FBT001 - psycopg's signature
        """Refuse autocommit; in isolation 'savepoint' play it."""
        self.change_autocommit(value=value)

    def set_isolation_level(self, value: Any) -> None:
        """Refuse any but READ COMMITTED, and the default."""
        self.change_isolation_level(value)

    def set_read_only(
        self,
        value: bool | None,  # noqa: FBT001 - psycopg's signature
    ) -> None:
        """Refuse a read-only transaction."""
        self.change_flag("read_only", value=value)

    def set_deferrable(
        self,
        value: bool | None,  # noqa: FBT001 - psycopg's signature
    ) -> None:
        """Refuse a deferrable transaction."""
        self.change_flag("deferrable", value=value)

    @contextmanager
    def pipeline(self) -> Iterator[Any]:
        """Switch to pipeline mode; what it committed by itself is kept at its end."""
        try:
            with super().pipeline() as pipeline:
                yield pipeline
        finally:
            self.end_call()

    @contextmanager
    def _pipeline_nolock(self) -> Iterator[Any]:
        # That of executemany().
        try:
            with super()._pipeline_nolock() as pipeline:
                yield pipeline
        finally:
            self.end_call()

    def retire(self) -> bool:
        """End its use; False while a thread holds it, whose statement may still go."""
        held = self.lock.acquire(timeout=PATIENCE)
        self.ward.over = True
        if held:
            self.lock.release()
        return held

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait as psycopg does; a refusal is raised without psycopg's frames."""
        __tracebackhide__ = True
        self.check_owned()
        try:
            return super().wait(gen, *args, **kwargs)
        except StatementRefused as refusal:
            raise refusal.with_traceback(None) from None
        except psycopg.Error as error:
            add_remedy(error)
            self.ward.swallowed.note(error)
            raise
        finally:
            self.end_call()
