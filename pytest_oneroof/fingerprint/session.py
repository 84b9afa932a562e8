"""Session settings under which a fingerprint is read, put back when it is done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

# All that the text of a definition or of a value depends on (manual, 20.11), and
# row_security off: a policy that hides rows then fails instead of hiding them.
_SETTINGS = {
    "search_path": "pg_catalog, pg_temp",
    "client_encoding": "UTF8",
    "DateStyle": "ISO, MDY",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "row_security": "off",
    "jit": "off",
}
_SET = "SELECT " + ", ".join(
    f"pg_catalog.set_config('{name}', '{value}', true)"
    for name, value in _SETTINGS.items()
)
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


@contextmanager
def steady_session(
    connection: psycopg.Connection[Any],
) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """Yield a cursor whose session prints every definition and value alike.

    In an open transaction this is a savepoint that is rolled back, so it fits a
    READ ONLY one and leaves no setting behind; on an idle connection it is a
    transaction of its own, read only and with one snapshot for all statements.
    """
    idle = connection.info.transaction_status == TransactionStatus.IDLE
    with connection.transaction(force_rollback=True):
        with connection.cursor(row_factory=tuple_row) as cursor:
            if idle:
                cursor.execute(_SNAPSHOT, prepare=False)
            cursor.execute(_SET, prepare=False)
        with connection.cursor(row_factory=tuple_row) as cursor:
            yield cursor
