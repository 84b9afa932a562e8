"""Which database a connection has reached: read on that very connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof.errors import OneroofError

_QUERY = b"""
SELECT pg_catalog.current_database()::pg_catalog.text,
       (SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()),
       (
         SELECT oid::pg_catalog.int8
         FROM pg_catalog.pg_database
         WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
       ),
       pg_catalog.pg_is_in_recovery()
"""


@dataclass(frozen=True)
class Identity:
    """A database: its name and oid, its server, and whether that is a standby."""

    database: str
    system_identifier: str
    oid: int
    in_recovery: bool = False

    def __str__(self) -> str:
        return f"{self.database!r} (oid {self.oid}) of server {self.system_identifier}"

    def to_dict(self) -> dict[str, Any]:
        """Return what is the same for as long as the database is, for JSON."""
        return {
            "database": self.database,
            "system_identifier": self.system_identifier,
            "oid": self.oid,
        }


def identify(connection: psycopg.Connection[Any]) -> Identity:
    """Read which database this connection has reached."""
    row = connection.execute(_QUERY).fetchone()
    assert row is not None
    return Identity(*row)


def require_same(connection: psycopg.Connection[Any], admitted: Identity) -> None:
    """Raise OneroofError where a connection reached another database than admitted."""
    found = identify(connection)
    if found.to_dict() != admitted.to_dict():
        raise OneroofError(
            f"the URL leads to {found}, admitted was {admitted}\n"
            "nothing was sent there; give a URL that leads to one database"
        )
