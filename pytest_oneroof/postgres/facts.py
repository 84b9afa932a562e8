"""What the catalogs say of a database, as values: the facts that the guard judges.

Frozen dataclasses with every field required, so that a misspelt name is an error
and never a condition that silently holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_oneroof.postgres.identity import Address, Identity, reached_addresses
from pytest_oneroof.postgres.outward import WayOut


@dataclass(frozen=True)
class SessionFacts:
    """A session on the database: its pid, its role, its application's name."""

    pid: int
    role: str
    application: str

    def __str__(self) -> str:
        """Return it in words: pid, role and, where it has one, its application."""
        application = f", {self.application}" if self.application else ""
        return f"pid {self.pid} ({self.role}{application})"


@dataclass(frozen=True)
class DatabaseFacts:
    """A database of the server: its comment, and whether the role may connect."""

    name: str
    oid: int
    comment: str | None
    reachable: bool


@dataclass(frozen=True)
class Power:
    """Something that a role can do past the connected database.

    `through` is the role that it has it by, '' for itself; `database_oid` is set
    for what is owned in another database.
    """

    what: str
    through: str = ""
    database_oid: int | None = None

    def __str__(self) -> str:
        """Return it in words."""
        return (
            f"{self.what} (through role {self.through})" if self.through else self.what
        )


@dataclass(frozen=True)
class Definer:
    """A SECURITY DEFINER routine that the role can run, and its owner's powers."""

    routine: str
    owner: str
    powers: tuple[Power, ...]
    extension: str | None = None


@dataclass(frozen=True)
class Facts:
    """Everything that the guard looks at, read on one connection.

    `addresses` are where the server was reached; `role` is whoever logged in, `owner`
    the database's. `connectors` are the roles that may connect and are
    no superusers; `databases` are all of the server, this one too; `outward` are
    paths out of the database, in words; `ways` those by code, rights and settings.
    """

    addresses: frozenset[Address]
    database: str
    database_oid: int
    system_identifier: str
    server_version: str
    in_recovery: bool
    is_template: bool
    comment: str | None
    role: str
    owner: str
    powers: tuple[Power, ...]
    sessions: tuple[SessionFacts, ...]
    connectors: tuple[str, ...]
    public_connects: bool
    databases: tuple[DatabaseFacts, ...]
    outward: tuple[str, ...]
    ways: tuple[WayOut, ...]
    definers: tuple[Definer, ...]
    tripwire: bool

    @property
    def identity(self) -> Identity:
        """Which database this is."""
        return self.identity_of(self.database, self.database_oid)

    def identity_of(self, name: str, oid: int) -> Identity:
        """Return which database that one of the same server is."""
        return Identity(self.system_identifier, oid, name, self.addresses)


def parse_facts(
    row: dict[str, Any], host: str, hostaddr: str, port: int, ways: tuple[WayOut, ...]
) -> Facts:
    """Return the facts in the JSON object that the catalog query gives.

    `host`, `hostaddr` and `port` are as libpq has them. Raise TypeError for a field
    that is missing or unknown.
    """
    server = (row.pop("server_host"), row.pop("server_port"))
    return Facts(
        addresses=reached_addresses(host, hostaddr, port, *server),
        ways=ways,
        **{
            **row,
            "powers": _powers(row["powers"]),
            "sessions": tuple(SessionFacts(**value) for value in row["sessions"]),
            "connectors": tuple(row["connectors"]),
            "databases": tuple(DatabaseFacts(**value) for value in row["databases"]),
            "outward": tuple(row["outward"]),
            "definers": tuple(
                Definer(**{**value, "powers": _powers(value["powers"])})
                for value in row["definers"]
            ),
        },
    )


def _powers(values: list[dict[str, Any]]) -> tuple[Power, ...]:
    return tuple(Power(**value) for value in values)
