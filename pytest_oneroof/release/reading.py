"""Reading a target before the hold: in a READ ONLY transaction of our own.

What is sent there is our own statements, and SELECTs of a packet whose seal is
pinned. Neither a search_path nor a policy that hides rows bears on them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pytest_oneroof.errors import ServerError
from pytest_oneroof.release.plan import Packet, read_selects
from pytest_oneroof.release.steps import Connection, Where, open_target
from pytest_oneroof.statements.read import Statement

_BEGIN = b"""
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL row_security = off;
SET LOCAL lock_timeout = '3s';
SET LOCAL statement_timeout = '15s';
SET LOCAL idle_in_transaction_session_timeout = '60s';
"""
_ABSENT = """
SELECT format('%%s.%%s', wanted.namespace, wanted.name)
FROM unnest(%s::text[], %s::text[]) AS wanted (namespace, name)
WHERE NOT EXISTS (
  SELECT
  FROM pg_catalog.pg_class AS class
  JOIN pg_catalog.pg_namespace AS namespace
    ON namespace.oid = class.relnamespace
  WHERE namespace.nspname = wanted.namespace
    AND class.relname = wanted.name
)
ORDER BY 1
"""


@contextlib.contextmanager
def reading(where: Where) -> Iterator[Connection]:
    """Yield a connection inside a READ ONLY transaction with one snapshot.

    It is closed afterwards. Raise ServerError when the target cannot be reached or
    does not answer what is asked: another schema, a role without the rights.
    """
    with contextlib.closing(open_target(where)) as connection:
        try:
            connection.execute(_BEGIN)
            yield connection
        except psycopg.Error as error:
            told = str(error).strip()
            raise ServerError(f"the target cannot be read: {told}") from error


def rows_of(connection: Connection, statement: Statement) -> list[dict[str, Any]]:
    """Return the rows of one SELECT, by column."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.text.encode()).fetchall()


def rows_of_file(
    connection: Connection, packet: Packet, file: str
) -> list[dict[str, Any]]:
    """Return the rows of every SELECT of a packet's file that only reads."""
    selects = read_selects(packet, file)
    return [row for select in selects for row in rows_of(connection, select)]


def absent(connection: Connection, statement: Statement) -> list[str]:
    """Return the relations that a statement reads and that are not there."""
    parts = [name.split(".", 1) for name in sorted(statement.relations) if "." in name]
    names = [[part[0] for part in parts], [part[1] for part in parts]]
    return [name for (name,) in connection.execute(_ABSENT, names).fetchall()]
