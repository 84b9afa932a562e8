"""A connection that acts on databases: what it sees of them, judged where it acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.ownership.proofs import (
    Adoptable,
    HalfMade,
    NewName,
    OurDatabase,
    Seen,
    Source,
    judge_new,
    judge_ours,
    proven,
)
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.postgres.identity import Address, Identity, reached_addresses

Connection = psycopg.Connection[Any]
Existing = OurDatabase | Adoptable | HalfMade | Source

_SERVER = """
SELECT system_identifier::text,
       pg_catalog.pg_is_in_recovery(),
       pg_catalog.host(pg_catalog.inet_server_addr()),
       COALESCE(
         pg_catalog.inet_server_port(),
         pg_catalog.current_setting('port')::pg_catalog.int4)
  FROM pg_catalog.pg_control_system()
"""
_DATABASES = """
SELECT d.datname::pg_catalog.text, d.oid::pg_catalog.int8,
       pg_catalog.shobj_description(d.oid, 'pg_database'),
       d.datallowconn, d.datistemplate
  FROM pg_catalog.pg_database AS d
 WHERE %(name)s::pg_catalog.text IS NULL
    OR d.datname OPERATOR(pg_catalog.=) %(name)s
 ORDER BY d.datname
"""


@dataclass(frozen=True)
class Server:
    """The server that a connection reaches: its identifier and its addresses."""

    system_identifier: str
    in_recovery: bool
    addresses: frozenset[Address]

    def identity(self, name: str, oid: int = 0) -> Identity:
        """Return the identity of a database on it; oid 0 for one to be."""
        return Identity(self.system_identifier, oid, name, self.addresses)


class Acting:
    """A connection, and the rules by which it may act. Any database of the server."""

    def __init__(self, connection: Connection, rules: Rules) -> None:
        self.connection = connection
        self.rules = rules
        self.server = read_server(connection)

    def all(self) -> list[Seen]:
        """Return every database of the server, by name."""
        return self._read(None)

    def find(self, name: str) -> Seen | None:
        """Return the database of that name, whoever's it is, or None."""
        return next(iter(self._read(name)), None)

    def ours(self, name: str) -> OurDatabase:
        """Return the database of that name, which is ours.

        Raise SettingsError where there is none, GuardRefused, with every reason,
        where it is not ours.
        """
        seen = self.find(name)
        if seen is None:
            raise SettingsError(f"there is no database {name!r}")
        ours: OurDatabase = proven(judge_ours(seen, self.rules), name)
        return ours

    def new_name(self, name: str) -> NewName:
        """Return the licence to create a database of that name.

        Raise GuardRefused where it is that of a declared production, or no clone's.
        """
        verdict = judge_new(
            self.server.identity(name),
            self.rules,
            in_recovery=self.server.in_recovery,
        )
        new: NewName = proven(verdict, name)
        return new

    def confirm(self, proof: Existing) -> None:
        """Raise CloneError unless all is as when the proof was made, here and now.

        Asked before each statement that acts: between the verdict and the act
        somebody may have renamed, dropped or marked a database.
        """
        seen = self.find(proof.name)
        if seen is None or _unchanging(seen) != _unchanging(proof.seen):
            raise CloneError(
                f"{proof.name!r} is not the database any more that was looked at: "
                "it was renamed, made anew or marked meanwhile\n"
                "nothing was done to it; run the command again"
            )

    def _read(self, name: str | None) -> list[Seen]:
        rows = self.connection.execute(_DATABASES, {"name": name}).fetchall()
        return [
            Seen(
                self.server.identity(row[0], row[1]),
                comment=row[2],
                takes_connections=row[3],
                is_template=row[4],
                in_recovery=self.server.in_recovery,
            )
            for row in rows
        ]


def read_server(connection: Connection) -> Server:
    """Return which server a connection reaches."""
    row = connection.execute(_SERVER).fetchone()
    assert row is not None
    identifier, in_recovery, server_host, server_port = row
    info = connection.info
    addresses = reached_addresses(
        info.host, info.hostaddr, info.port, server_host, server_port
    )
    return Server(identifier, in_recovery, addresses)


def read_identity(connection: Connection) -> Identity:
    """Return which database a connection is on."""
    row = connection.execute(
        "SELECT d.datname::pg_catalog.text, d.oid::pg_catalog.int8"
        "  FROM pg_catalog.pg_database AS d"
        " WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()"
    ).fetchone()
    assert row is not None
    return read_server(connection).identity(*row)


def _unchanging(seen: Seen) -> tuple[str, int, str, str | None]:
    """Return what a proof rests on. Where it was reached may differ by connection."""
    return (*seen.identity.key, seen.name, seen.comment)
