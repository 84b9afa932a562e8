"""What `oneroof init` reads of a database: its name, its server and its tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

QUERY = Path(__file__).with_name("tables.sql")
# Above that, a count takes longer than a check should.
COUNTED = 10_000


@dataclass(frozen=True)
class Table:
    """One table; a `small` one is counted, and every role counts the same rows."""

    schema: str
    name: str
    small: bool

    @property
    def title(self) -> str:
        """The table as `[fits]` and the figures name it."""
        return f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> str:
        """The table as a statement names it."""
        return sql.Identifier(self.schema, self.name).as_string(None)


@dataclass(frozen=True)
class Source:
    """The database that a pack is written for."""

    database: str
    system_identifier: str
    tables: tuple[Table, ...]

    @property
    def slug(self) -> str:
        """The database's name, as a pack and a clone may be called."""
        plain = re.sub(r"[^a-z0-9]+", "_", self.database.lower()).strip("_")
        return plain[:30] or "database"


def read_source(connection: psycopg.Connection[Any]) -> Source:
    """Return what stands in the connected database; its rows are only counted.

    A table counts as small when at most COUNTED rows are there: the estimate of a
    large one is believed, any other is counted that far.
    """
    identity = connection.execute(
        "SELECT pg_catalog.current_database()::pg_catalog.text,"
        " system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()"
    ).fetchone()
    assert identity is not None
    rows = connection.execute(QUERY.read_bytes()).fetchall()
    tables = tuple(
        Table(schema, name, not secured and _is_small(connection, schema, name, rough))
        for schema, name, rough, secured in rows
    )
    return Source(identity[0], identity[1], tables)


def _is_small(
    connection: psycopg.Connection[Any], schema: str, name: str, rough: int
) -> bool:
    if rough > COUNTED:
        return False
    query = sql.SQL(
        "SELECT pg_catalog.count(*) FROM (SELECT FROM {} LIMIT %s) AS counted"
    ).format(sql.Identifier(schema, name))
    row = connection.execute(query, [COUNTED + 1]).fetchone()
    return row is not None and row[0] <= COUNTED
