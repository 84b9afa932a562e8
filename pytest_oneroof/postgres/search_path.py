"""Settings of our own around our own reads of a foreign database's catalogs.

Its search_path, set for the database or a role, may put other operators, functions and
types before PostgreSQL's: what is then asked is not what is meant. And a large query
over small catalogs is run sooner than compiled.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import pq

# Last, and not by default first, what temporary tables are named and typed.
OWN = "pg_catalog, pg_temp"
NAMES = ("search_path", "jit")
_READ = (
    "SELECT s.name, s.setting, s.source OPERATOR(pg_catalog.=) 'session'"
    " FROM pg_catalog.pg_settings AS s"
    " WHERE s.name OPERATOR(pg_catalog.=) ANY (%s) ORDER BY s.name DESC"
)
_SET = (
    "SELECT pg_catalog.set_config('search_path', %s::pg_catalog.text, local),"
    " pg_catalog.set_config('jit', %s::pg_catalog.text, local)"
    " FROM (SELECT %s::pg_catalog.bool) AS given (local)"
)


@contextlib.contextmanager
def own_names(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Resolve names as PostgreSQL's own until the block ends, then as before."""
    before = connection.execute(_READ, [list(NAMES)]).fetchall()
    local = connection.info.transaction_status != pq.TransactionStatus.IDLE
    connection.execute(_SET, [OWN, "off", local], prepare=False)
    try:
        yield
    finally:
        # A failed transaction takes it back by itself.
        if connection.info.transaction_status != pq.TransactionStatus.INERROR:
            values = [setting for _, setting, _ in before]
            connection.execute(_SET, [*values, local], prepare=False)
            # What was set by nobody in this session is so again.
            if not local:
                for name in [name for name, _, own in before if not own]:
                    connection.execute(f"RESET {name}".encode(), prepare=False)
