"""Cursors whose statements pass the guard of their connection before they go."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from pytest_oneroof.check import ledger
from pytest_oneroof.statements import read as statements


@dataclass(frozen=True)
class Reading:
    """What one text says, read once: its statements and what they could leave.

    `sets_all`: it reaches the tripwire by SET CONSTRAINTS; `forgets`: it may
    drop prepared statements, the proof's own query among them.
    """

    statements: tuple[statements.Statement, ...]
    savepoints: bool
    functions: frozenset[str]
    setval: bool
    locks: bool
    sets_all: bool
    forgets: bool


@functools.lru_cache(maxsize=2048)
def read_text(text: str) -> Reading:
    """Return what a text says; cached, as checks send the same texts again."""
    read = statements.read(text)
    return Reading(
        read,
        any(s.savepoint is not None for s in read),
        statements.called_functions(read),
        statements.mentions_setval(text),
        ledger.LOCKING in text.lower(),
        statements.sets_all_constraints(read),
        "deallocate" in text.lower(),
    )


@functools.cache
def guarded_cursor(factory: type) -> type:
    """Return the cursor class whose statements pass the guard before they go.

    It has the factory's layout, so that a cursor's class can be replaced by it.
    """
    if issubclass(factory, _GuardedCursor):
        return factory
    name = f"Guarded{factory.__name__}"
    return type(name, (_GuardedCursor, factory), {"__slots__": ()})


class _GuardedCursor:
    __slots__ = ()
    _conn: Any

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        converted = super()._convert_query(query, params)  # type: ignore[misc]
        self._conn.check_text(converted.query.decode(self._conn.info.encoding))
        return converted

    def _execute_gen(self, *args: Any, **kwargs: Any) -> Any:
        yield from super()._execute_gen(*args, **kwargs)  # type: ignore[misc]
        if self._conn.ward.spent:
            self._conn.rearm_if_spent()

    def _close_gen(self) -> Any:
        # Of a server-side cursor: it went with its connection.
        if not self._conn.closed:
            yield from super()._close_gen()  # type: ignore[misc]
