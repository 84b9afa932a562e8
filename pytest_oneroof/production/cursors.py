"""Cursors of the read-only channel: one statement, read row by row within limits.

A SELECT goes through a portal of the server, from which one row more than allowed is
fetched and never the rest. Rows come in libpq's single-row mode: no more than the
allowed bytes and one row are ever held.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import psycopg
from psycopg import pq
from psycopg.generators import execute, fetch, send
from psycopg.waiting import Wait

from pytest_oneroof.production.limits import (
    ByteLimitExceeded,
    LimitExceeded,
    RowLimitExceeded,
    TimeLimitExceeded,
)
from pytest_oneroof.statements.read import Statement

if TYPE_CHECKING:
    from pytest_oneroof.production.connection import ReadOnlyConnection

PORTAL = b"oneroof_rows"
DECLARE = b"DECLARE %s NO SCROLL CURSOR FOR " % PORTAL
CLOSE = b"CLOSE " + PORTAL
ROW = pq.ExecStatus.SINGLE_TUPLE
BY_HAND = "take the cursor from connection.cursor()"


@dataclass(frozen=True)
class Bounds:
    """How much a result may have; `milliseconds` is the server's own timeout.

    The server ends a statement at its timeout. Where it has not after some `grace`,
    in seconds, for the network, the session is ended.
    """

    rows: int
    size: int
    milliseconds: int
    grace: float = 2.0


class Rows:
    """A result that came row by row, in the place of one PGresult."""

    def __init__(self, parts: list[Any], end: Any) -> None:
        self.parts = parts
        self.end = end
        self.ntuples = len(parts)
        self.command_tuples = len(parts)

    def get_value(self, row: int, column: int) -> Any:
        """Return a value as it came."""
        return self.parts[row].get_value(0, column)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.end, name)


class RowsTransformer:
    """A psycopg Transformer that loads from `Rows`."""

    def __init__(self, inner: Any, rows: Rows) -> None:
        self.inner = inner
        self.rows = rows

    def load_row(self, row: int, make_row: Any) -> Any:
        """Return one row as `make_row` makes it; None beyond the last."""
        if not 0 <= row < self.rows.ntuples:
            return None
        self.inner.set_pgresult(self.rows.parts[row], set_loaders=False)
        return self.inner.load_row(0, make_row)

    def load_rows(self, first: int, last: int, make_row: Any) -> list[Any]:
        """Return the rows from `first` up to before `last`."""
        return [self.load_row(row, make_row) for row in range(first, last)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class Taken:
    """What has been taken of a result so far, and how it went beyond its bounds."""

    bounds: Bounds
    statement: str
    cancel: Callable[..., None]
    rows: list[Any] = field(default_factory=list)
    rest: list[Any] = field(default_factory=list)
    size: int = 0
    over: LimitExceeded | None = None

    def add(self, result: Any) -> None:
        """Keep a row within the bounds; what follows beyond them is dropped."""
        if result.status != ROW:
            self.rest.append(result)
            return
        if self.over is not None:
            return
        self.rows.append(result)
        self.size += _size(result)
        if len(self.rows) > self.bounds.rows:
            self.over = RowLimitExceeded(self.bounds.rows, self.statement)
        elif self.size > self.bounds.size:
            self.over = ByteLimitExceeded(self.bounds.size, self.statement)
            with contextlib.suppress(psycopg.Error):
                self.cancel(timeout=5)


@functools.cache
def reading_cursor(factory: type) -> type:
    """Return the cursor class that reads within the channel's limits.

    It has the factory's layout, so that a cursor's class can be replaced by it.
    """
    if issubclass(factory, _ReadingCursor):
        return factory
    name = f"ReadOnly{factory.__name__}"
    return type(name, (_ReadingCursor, factory), {"__slots__": ()})


class _ReadingCursor:
    __slots__: tuple[str, ...] = ()
    _conn: ReadOnlyConnection
    # Of psycopg's cursor, which stands behind it in every class that is made.
    _pgconn: Any
    _tx: Any
    _results: list[Any]
    _check_results: Any
    _set_results: Any
    _rowcount: Any
    pgresult: Any
    execute: Any
    format: pq.Format

    def stream(self, query: Any, params: Any = None, **kwargs: Any) -> Iterator[Any]:
        kwargs.pop("size", None)
        yield from self.execute(query, params, **kwargs)

    def _maybe_prepare_gen(
        self, pgq: Any, *, binary: bool | None = None, **_: Any
    ) -> Any:
        statement = self._conn.check_text(pgq.query.decode(self._conn.info.encoding))
        fmt = self.format if binary is None else pq.Format(binary)
        if statement.kind == "SelectStmt":
            rows = yield from self._read_portal_gen(pgq, statement, fmt)
        else:
            super()._execute_send(pgq, binary=bool(fmt))  # type: ignore[misc]
            rows = yield from self._read_gen(statement)
        self._set_results([rows])

    def _execute_send(self, query: Any, **_: Any) -> NoReturn:
        """Refuse: what does not come by `_maybe_prepare_gen` would not be bounded."""
        self._conn.check_text(query.query.decode(self._conn.info.encoding))
        what = "stream() of a cursor made by hand"
        self._conn.visit.refuse(f"{what} is refused on the read-only channel", BY_HAND)

    def _select_current_result(self, index: int, format: Any = None) -> None:
        result = self._results[index]
        inner = self._tx.inner if isinstance(self._tx, RowsTransformer) else self._tx
        if not isinstance(result, Rows):
            self._tx = inner
            super()._select_current_result(index, format=format)  # type: ignore[misc]
            return
        self._results[index] = result.end
        try:
            super()._select_current_result(index, format=format)  # type: ignore[misc]
        finally:
            self._results[index] = result
        self._tx = RowsTransformer(inner, result)
        self.pgresult = result
        self._rowcount = result.ntuples

    def _read_portal_gen(self, pgq: Any, statement: Statement, fmt: pq.Format) -> Any:
        written, pgq.query = pgq.query, DECLARE + pgq.query
        super()._execute_send(pgq, binary=bool(fmt))  # type: ignore[misc]
        pgq.query = written
        yield from self._read_gen(statement)
        command = b"FETCH FORWARD %d FROM %s" % (self._bounds.rows + 1, PORTAL)
        self._pgconn.send_query_params(command, None, result_format=fmt)
        try:
            rows = yield from self._read_gen(statement)
        finally:
            # In a failed transaction the portal has gone.
            if self._pgconn.transaction_status == pq.TransactionStatus.INTRANS:
                self._pgconn.send_query(CLOSE)
                self._check_results((yield from execute(self._pgconn)))
        return rows

    @property
    def _bounds(self) -> Bounds:
        return self._conn.visit.bounds

    def _read_gen(self, statement: Statement) -> Any:
        """Read what was sent, to its end; raise when it is more than is allowed."""
        self._pgconn.set_single_row_mode()
        bounds = self._bounds
        deadline = time.monotonic() + bounds.milliseconds / 1000 + bounds.grace
        taken = Taken(bounds, statement.text, self._conn.cancel_safe)
        yield from send(self._pgconn)
        while (result := (yield from self._next_gen(taken, deadline))) is not None:
            taken.add(result)
        if taken.over is not None:
            raise taken.over
        self._check_results(taken.rest)
        return Rows(taken.rows, taken.rest[-1])

    def _next_gen(self, taken: Taken, deadline: float) -> Any:
        pgconn = self._pgconn
        try:
            while pgconn.is_busy():
                # psycopg wakes a generator at short intervals, ready or not.
                ready = yield Wait.R
                if time.monotonic() > deadline:
                    self._conn.visit.overdue = True
                    pgconn.finish()
                    raise TimeLimitExceeded(taken.bounds.milliseconds, taken.statement)
                if ready:
                    pgconn.consume_input()
            return (yield from fetch(pgconn))
        except psycopg.OperationalError:
            # The server may have said why before it closed the connection.
            if taken.rest:
                return None
            raise


def _size(result: Any) -> int:
    values = (result.get_value(0, column) for column in range(result.nfields))
    return sum(len(value) for value in values if value is not None)
