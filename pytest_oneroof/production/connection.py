"""The connection that a check gets to production: it reads, one statement at a time.

Each check gets an object of its own over the channel's one session. What is sent goes
through two doors, whoever made the cursor: `_start_query`, which each cursor of psycopg
asks before it converts a text, and `_exec_command`, by which connection, transaction
and server-side cursor send their own. libpq's connection is shown, not handed out.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import Any, NoReturn

import psycopg
from psycopg import pq, sql

from pytest_oneroof import errors as e
from pytest_oneroof.check.swallowed import Swallowed
from pytest_oneroof.postgres.handmade import take_over_caller
from pytest_oneroof.production.cursors import Bounds, reading_cursor
from pytest_oneroof.production.handle import Handle
from pytest_oneroof.production.limits import LimitExceeded
from pytest_oneroof.statements import policy
from pytest_oneroof.statements import read as statements

IDLE = pq.TransactionStatus.IDLE
# Begins the savepoint by which the channel reads the state after an error.
OWN_SAVEPOINT = "oneroof_read"
# How long the end of a check waits, in seconds, for a thread's statement.
PATIENCE = 1.0
# Modules of psycopg that need no more of libpq's connection than its state, and keep
# what they got where a check finds it.
ONLY_LOOKING = frozenset(
    {"psycopg.transaction", "psycopg._connection_info", "psycopg._pipeline_base"}
)
READ = (
    "read with execute() and fetch; the channel opens the transaction before the "
    "check and ends it after"
)


@dataclass
class Visit:
    """What is known of the check that reads, while it runs."""

    check: str
    bounds: Bounds
    over: bool = False
    overdue: bool = False
    statements: int = 0
    # With `remember`, the texts that were sent.
    remember: bool = False
    sent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    process: int = field(default_factory=os.getpid)
    swallowed: Swallowed = field(default_factory=Swallowed)

    def refuse(self, message: str, remedy: str = READ) -> NoReturn:
        """Raise StatementRefused, and remember that the check tried."""
        __tracebackhide__ = True
        self.refused.append(message)
        error = e.StatementRefused(message, remedy=remedy)
        self.swallowed.note(error)
        raise error


class ReadOnlyConnection(psycopg.Connection[Any]):
    """A psycopg connection inside the channel's READ ONLY transaction.

    SELECT, VALUES, TABLE, SHOW and EXPLAIN pass, one at a time, as PostgreSQL's
    grammar reads them; `with connection.transaction()` gives a savepoint;
    commit, rollback, close, COPY, pipelines and named cursors are refused.
    """

    def __init__(self, pgconn: Any, visit: Visit) -> None:
        self.visit = visit
        super().__init__(pgconn)

    @property
    def pgconn(self) -> Any:
        """libpq's connection: whole for psycopg itself, else to look at."""
        name = str(sys._getframe(1).f_globals.get("__name__", ""))
        trusted = name.partition(".")[0] == "psycopg" and name not in ONLY_LOOKING
        return self._pgconn if trusted else self._shown

    @pgconn.setter
    def pgconn(self, pgconn: Any) -> None:
        self._pgconn = pgconn
        self._shown = Handle(pgconn, self._refuse_libpq)

    def _refuse_libpq(self, name: str) -> NoReturn:
        self.visit.refuse(f"pgconn.{name} is refused on the read-only channel")

    @property
    def info(self) -> Any:
        """What is known of the connection."""
        return psycopg.ConnectionInfo(self._shown)  # type: ignore[arg-type]

    @property
    def cursor_factory(self) -> Any:
        """The cursor class; whatever is assigned is wrapped by the channel."""
        return self._cursor_factory

    @cursor_factory.setter
    def cursor_factory(self, factory: type) -> None:
        self._cursor_factory = reading_cursor(factory)

    def cursor(self, name: str = "", *args: Any, **kwargs: Any) -> Any:
        """Return a cursor; refuse a named one, which could read without bounds."""
        if name:
            self.visit.refuse(
                f"a server-side cursor ({name!r}) is refused on the read-only channel",
                "use cursor() without a name: a result has at most "
                f"{self.visit.bounds.rows} "
                "rows",
            )
        return super().cursor(*args, **kwargs)

    def check_text(self, text: str) -> statements.Statement:
        """Return the one statement of a text; refuse what does not only read.

        Raise StatementRefused, before anything is sent, naming what to do.
        """
        __tracebackhide__ = True
        self.check_alive()
        refusal = policy.read_only_refusal(text)
        if refusal is not None:
            self.visit.refused.append(refusal.message)
            error = refusal.error()
            self.visit.swallowed.note(error)
            raise error
        self.visit.swallowed.settle()
        self.visit.statements += 1
        if self.visit.remember:
            self.visit.sent.append(text)
        return statements.read(text)[0]

    def check_command(self, command: Any) -> None:
        """Refuse what psycopg would send of its own but a savepoint and a SELECT."""
        __tracebackhide__ = True
        if isinstance(command, sql.Composable):
            command = command.as_bytes(self)
        text = command if isinstance(command, str) else bytes(command).decode()
        verbs = {statement.verb for statement in statements.read(text)}
        if verbs <= policy.SAVEPOINT_VERBS and OWN_SAVEPOINT not in text:
            self.check_alive()
        else:
            self.check_text(text)

    def check_alive(self) -> None:
        """Refuse any use after the check's end, or after its transaction's."""
        __tracebackhide__ = True
        if self.visit.process != os.getpid():
            self.visit.refuse(
                f"this connection belongs to the process of {self.visit.check}, not to "
                "its child"
            )
        if self.visit.over:
            self.visit.refuse(
                f"this connection belonged to {self.visit.check}, which has ended",
                "ask for the fixture in the test that uses it",
            )
        if self._pgconn.pipeline_status:
            self.visit.refuse("a pipeline is refused on the read-only channel")
        if self._pgconn.transaction_status == IDLE:
            self.visit.refuse(
                f"the READ ONLY transaction of {self.visit.check} is gone: nothing "
                "more may be sent"
            )

    def commit(self) -> None:
        """Refuse: the channel ends the transaction."""
        self.visit.refuse("commit() is refused on the read-only channel")

    def rollback(self) -> None:
        """Refuse: the channel ends the transaction."""
        self.visit.refuse("rollback() is refused on the read-only channel")

    def close(self) -> None:
        """Refuse: the session belongs to the run."""
        self.visit.refuse("close() is refused on the read-only channel")

    def __enter__(self) -> ReadOnlyConnection:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Leave the transaction as it is: it ends with the check."""

    def pipeline(self) -> Any:
        """Refuse: in a pipeline no result could be bounded."""
        self.visit.refuse("pipeline() is refused on the read-only channel")

    def _pipeline_nolock(self) -> Any:
        self.visit.refuse("executemany() is refused on the read-only channel")

    def notifies(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: nothing listens here, so that it would wait for ever."""
        self.visit.refuse("notifies() is refused on the read-only channel")

    def retire(self) -> bool:
        """End its use; False while a thread holds it, whose statement may still go."""
        held = self.lock.acquire(timeout=PATIENCE)
        self.visit.over = True
        if held:
            self.lock.release()
        return held

    def transaction(self, *args: Any, **kwargs: Any) -> Any:
        """Open a savepoint, as psycopg does within a transaction."""
        self.check_alive()
        return super().transaction(*args, **kwargs)

    def set_autocommit(self, value: bool) -> None:  # noqa: FBT001 (psycopg's own)
        """Refuse autocommit; setting what is set already is allowed."""
        if value:
            self.visit.refuse("autocommit is refused on the read-only channel")

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """Wait as psycopg does; a refusal is raised without psycopg's frames."""
        __tracebackhide__ = True
        try:
            return super().wait(gen, *args, **kwargs)
        except (e.StatementRefused, LimitExceeded) as refusal:
            raise refusal.with_traceback(None) from None
        except psycopg.Error as error:
            self.visit.swallowed.note(error)
            raise

    def _start_query(self) -> Any:
        self.check_alive()
        take_over_caller(reading_cursor)
        return super()._start_query()

    def _exec_command(self, command: Any, *args: Any, **kwargs: Any) -> Any:
        self.check_command(command)
        return super()._exec_command(command, *args, **kwargs)

    def __del__(self, *_: Any) -> None:
        """Say nothing: the session belongs to the run, not to this object."""
