"""Cursors whose statements pass the guard of their connection before they go."""

from __future__ import annotations

import functools
from typing import Any


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
    _pgconn: Any

    def _start_query(self, *args: Any, **kwargs: Any) -> Any:
        self._conn.starting = self
        # The connection may have got a new session since the cursor was made.
        self._pgconn = self._conn.pgconn
        return super()._start_query(*args, **kwargs)  # type: ignore[misc]

    def _convert_query(self, query: Any, params: Any = None) -> Any:
        converted = super()._convert_query(query, params)  # type: ignore[misc]
        conn = self._conn
        encoding = "utf-8"
        if conn.pgconn.parameter_status(b"client_encoding") != b"UTF8":
            encoding = conn.info.encoding
        # The server refuses a text that is not of the client's encoding, unread.
        other = conn.check_text(converted.query.decode(encoding, "replace"))
        if other is not None:
            converted.query = other.encode(encoding)
        return converted

    def _close_gen(self) -> Any:
        # Of a server-side cursor: it went with its connection.
        if not self._conn.closed:
            yield from super()._close_gen()  # type: ignore[misc]
