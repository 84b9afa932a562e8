"""The channel's preflight: may this role read this database, and do nothing else?

READ ONLY alone is not read-only (a superuser still writes through files, locks,
other sessions and servers), so the role itself has to be powerless. `judge` is
pure; `read_facts` asks the server, on the very connection that will read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pytest_oneroof import errors as e
from pytest_oneroof import resources
from pytest_oneroof.ownership.acting import read_server
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.postgres.identity import Address, Identity
from pytest_oneroof.postgres.search_path import own_names
from pytest_oneroof.production.past import (
    NONE,
    NOTHING,
    Past,
    Tolerated,
    past_reasons,
    read_past,
)
from pytest_oneroof.production.powers import Power, Reason, reasons_of
from pytest_oneroof.settings import Settings

POWERS = "sql/roles/acceptance_powers.sql"

_HERE = """
SELECT pg_catalog.current_database()::text AS database,
       base.oid::bigint AS oid,
       (SELECT system_identifier::text FROM pg_catalog.pg_control_system())
         AS system_identifier,
       pg_catalog.current_setting('server_version') AS server_version,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       session_user::text AS role,
       pg_catalog.pg_has_role(session_user, 'pg_read_all_stats', 'USAGE')
         AS sees_sessions,
       pg_catalog.shobj_description(base.oid, 'pg_database') AS comment,
       -- Where the system tells a server that its client has gone (manual,
       -- client_connection_check_interval).
       pg_catalog.version() ~ 'linux|darwin|bsd' AS sees_lost_clients
  FROM pg_catalog.pg_database AS base
 WHERE base.datname = pg_catalog.current_database()
"""


@dataclass(frozen=True)
class ChannelRules:
    """What the read-only channel admits, and its limits.

    `databases` and `productions` are declared as `ownership.productions` reads them;
    `databases` empty means the productions.
    `clone_marker` begins the comment of databases that are clones, which no
    channel reads. Times are milliseconds, `size` is in bytes.
    """

    productions: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    clone_marker: str = ""
    tolerated: Tolerated = NOTHING
    statement_timeout: int = 5_000
    lock_timeout: int = 1_000
    idle_timeout: int = 60_000
    transaction_timeout: int = 300_000
    rows: int = 500
    size: int = 8 * 1024 * 1024

    @classmethod
    def of(cls, settings: Settings, *, clone_marker: str) -> ChannelRules:
        """Return the rules that a run's settings give."""
        return cls(
            productions=settings.productions,
            databases=settings.allowed_databases,
            clone_marker=clone_marker,
            tolerated=Tolerated(settings.allowed_extensions, settings.allowed_routines),
        )


@dataclass(frozen=True)
class Facts:
    """What the server says of the database and of the role that reads it."""

    database: str
    oid: int
    system_identifier: str
    server_version: str
    in_recovery: bool
    role: str
    sees_sessions: bool
    comment: str | None
    sees_lost_clients: bool
    addresses: frozenset[Address]
    powers: tuple[Power, ...]
    past: Past = NONE

    def declared_as(self, entries: Iterable[str]) -> str | None:
        """Return the entry that names this database, or None.

        Raise SettingsError for one that can never name any.
        """
        here = Identity(self.system_identifier, self.oid, self.database, self.addresses)
        found = (str(p) for p in parse_productions(entries) if p.is_named(here))
        return next(found, None)


class ChannelRefused(e.GuardRefused):
    """Raised when a role or database is not admitted to the read-only channel.

    Like GuardRefused it holds every reason; nothing of the database was read
    but its catalogs.
    """

    def __init__(self, database: str, reasons: Sequence[Any], role: str = "") -> None:
        super().__init__(database, reasons)
        self.args = (database, self.reasons, role)
        self.role = role

    def __str__(self) -> str:
        _, *lines, _ = super().__str__().splitlines()
        count = len(self.reasons)
        head = (
            f"read-only channel refused {self.role!r} on {self.database!r}: "
            f"{count} reason{'s'[: count != 1]}"
        )
        return "\n".join([head, *lines, "nothing but catalogs was read"])


def read_facts(connection: psycopg.Connection[Any]) -> Facts:
    """Return the facts of the connected database and role, from the catalogs.

    Takes a READ ONLY transaction of its own; the connection is idle before.
    """
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with own_names(connection):
            here = cursor.execute(_HERE).fetchone()
            addresses = read_server(connection).addresses
            powers = read_powers(connection)
        mighty = any(power.power == "superuser" for power in powers)
        past = NONE if mighty else read_past(connection)
    assert here is not None
    return Facts(**here, addresses=addresses, powers=powers, past=past)


def read_powers(connection: psycopg.Connection[Any]) -> tuple[Power, ...]:
    """Return every power by which the connected role could write, by one SELECT."""
    rows = connection.execute(resources.read_text(POWERS).encode()).fetchall()
    return tuple(Power(*row) for row in rows)


def admit(facts: Facts, rules: ChannelRules) -> None:
    """Raise ChannelRefused, with every reason, unless the channel may be used."""
    if reasons := judge(facts, rules):
        raise ChannelRefused(facts.database, reasons, facts.role)


def judge(facts: Facts, rules: ChannelRules) -> tuple[Reason, ...]:
    """Return every reason against reading with this role here."""
    return (*_database(facts, rules), *write_reasons(facts, rules))


def write_reasons(facts: Facts, rules: ChannelRules) -> tuple[Reason, ...]:
    """Return every reason why the role could do more than read, by what it may."""
    held, past = facts.powers, facts.past
    telling = [
        p for p in held if p.kind != "ROUTINE" or not rules.tolerated.names(p.object)
    ]
    return (*reasons_of(facts.role, telling), *past_reasons(past, rules.tolerated))


def _database(facts: Facts, rules: ChannelRules) -> Iterable[Reason]:
    if rules.clone_marker and (facts.comment or "").startswith(rules.clone_marker):
        yield Reason(
            "clone",
            f"{facts.database!r} carries the marker of a clone",
            "an acceptance of a clone would look like one of production",
            "for a rehearsal: pytest -m readonly --oneroof-clone "
            "--oneroof-clone-url URL",
        )
    allowed = rules.databases or rules.productions
    if facts.declared_as(allowed) is None:
        yield Reason(
            "database",
            f"[DENIED] database {facts.database!r} not allowed "
            f"(allowed: {', '.join(allowed) or 'none'})",
            "the channel reads the declared production and nothing else",
            "name it in the ini file: oneroof_productions, or "
            "oneroof_allowed_databases",
        )
