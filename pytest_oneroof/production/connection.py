"""The connection that a check gets to production: it reads, one statement at a time.

Each check gets an object of its own over the channel's one session. A result of
more than the allowed rows is an error: a SELECT goes through a portal of the
server, from which one row more than allowed is fetched and never the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn

import psycopg
from psycopg import pq
from psycopg.generators import execute

from pytest_oneroof import errors as e
from pytest_oneroof.statements import policy
from pytest_oneroof.statements import read as statements

IDLE = pq.TransactionStatus.IDLE
PORTAL = b"oneroof_rows"
DECLARE = b"DECLARE %s NO SCROLL CURSOR FOR " % PORTAL
READ = (
    "read with execute() and fetch; the channel opens the transaction before the "
    "check and ends it after"
)


class RowLimitExceeded(e.OneroofError):
    """Raised when a result on the read-only channel has more rows than allowed.

    It is never cut: what the check would have judged is not the whole result.
    """

    def __init__(self, limit: int, statement: str) -> None:
        super().__init__(limit, statement)
        self.limit = limit
        self.statement = statement

    def __str__(self) -> str:
        line = " ".join(self.statement.split())
        shown = line if len(line) <= 200 else f"{line[:199]}…"
        return (
            f"the result has more than {self.limit} rows\n"
            f"  statement: {shown}\n"
            "  instead: count, aggregate, or narrow it in the query; a result is "
            "never cut"
        )


@dataclass
class Visit:
    """What is known of the check that reads, while it runs."""

    check: str
    rows: int
    over: bool = False
    statements: int = 0
    refused: list[str] = field(default_factory=list)

    def refuse(self, message: str, remedy: str = READ) -> NoReturn:
        """Raise StatementRefused, and remember that the check tried."""
        __tracebackhide__ = True
        self.refused.append(message)
        raise e.StatementRefused(message, remedy=remedy)


class ReadOnlyConnection(psycopg.Connection[Any]):
    """A psycopg connection inside the channel's READ ONLY transaction.

    SELECT, VALUES, TABLE, SHOW and EXPLAIN pass, one at a time, as PostgreSQL's
    grammar reads them; `with connection.transaction()` gives a savepoint;
    commit, rollback, close, COPY, pipelines and named cursors are refused.
    """

    def __init__(self, pgconn: Any, visit: Visit) -> None:
        self.visit = visit
        super().__init__(pgconn)
        self.prepare_threshold = None

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
                f"use cursor() without a name: a result has at most {self.visit.rows} "
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
            raise refusal.error()
        self.visit.statements += 1
        return statements.read(text)[0]

    def check_alive(self) -> None:
        """Refuse any use after the check's end, or after its transaction's."""
        __tracebackhide__ = True
        if self.visit.over:
            self.visit.refuse(
                f"this connection belonged to {self.visit.check}, which has ended",
                "ask for the fixture in the test that uses it",
            )
        if self.pgconn.transaction_status == IDLE:
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
        except (e.StatementRefused, RowLimitExceeded) as refusal:
            raise refusal.with_traceback(None) from None

    def _start_query(self) -> Any:
        self.check_alive()
        return super()._start_query()

    def __del__(self, *_: Any) -> None:
        """Say nothing: the session belongs to the run, not to this object."""


@functools.cache
def reading_cursor(factory: type) -> type:
    """Return the cursor class that reads through the channel's limits."""
    if issubclass(factory, _ReadingCursor):
        return factory
    return type(f"ReadOnly{factory.__name__}", (_ReadingCursor, factory), {})


class _ReadingCursor:
    _conn: ReadOnlyConnection
    _statement: statements.Statement
    # Of psycopg's cursor, which stands behind it in every class that is made.
    _pgconn: Any
    _results: list[Any]
    _reset: Any
    _set_results: Any
    _check_results: Any
    execute: Any
    format: pq.Format

    def executemany(self, *args: Any, **kwargs: Any) -> NoReturn:
        self._conn.visit.refuse("executemany() is refused on the read-only channel")

    def stream(self, query: Any, params: Any = None, **kwargs: Any) -> Iterator[Any]:
        kwargs.pop("size", None)
        yield from self.execute(query, params, **kwargs)

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        converted = super()._convert_query(query, params)  # type: ignore[misc]
        text = converted.query.decode(self._conn.info.encoding)
        self._statement = self._conn.check_text(text)
        return converted

    def _maybe_prepare_gen(self, pgq: Any, **kwargs: Any) -> Any:
        limit, text = self._conn.visit.rows, self._statement.text
        if self._statement.kind != "SelectStmt":
            yield from super()._maybe_prepare_gen(pgq, **kwargs)  # type: ignore[misc]
            if self._results[0].ntuples > limit:
                self._reset()
                raise RowLimitExceeded(limit, text)
            return
        written, pgq.query = pgq.query, DECLARE + pgq.query
        yield from super()._maybe_prepare_gen(pgq, **kwargs)  # type: ignore[misc]
        pgq.query = written
        results = yield from self._fetch_gen(limit + 1, binary=kwargs.get("binary"))
        yield from self._close_portal_gen()
        if results[0].ntuples > limit:
            self._reset()
            raise RowLimitExceeded(limit, text)
        self._set_results(results)

    def _fetch_gen(self, rows: int, *, binary: bool | None) -> Any:
        fmt = self.format if binary is None else pq.Format(binary)
        self._pgconn.send_query_params(
            b"FETCH FORWARD %d FROM %s" % (rows, PORTAL), None, result_format=fmt
        )
        results = yield from execute(self._pgconn)
        self._check_results(results)
        return results

    def _close_portal_gen(self) -> Any:
        self._pgconn.send_query(b"CLOSE " + PORTAL)
        self._check_results((yield from execute(self._pgconn)))
