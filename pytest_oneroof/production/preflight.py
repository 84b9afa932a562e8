"""The channel's preflight: may this role read this database, and do nothing else?

READ ONLY alone is not read-only (a superuser still writes through files, locks,
other sessions and servers), so the role itself has to be powerless. `judge` is
pure; `read_facts` asks the server, on the very connection that will read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import psycopg
from psycopg.rows import dict_row

from pytest_oneroof import errors as e
from pytest_oneroof import resources
from pytest_oneroof.settings import Settings

POWERS = "sql/roles/acceptance_powers.sql"
ROLE = "sql/roles/acceptance_role.sql"
SHOWN = 3

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
       pg_catalog.shobj_description(base.oid, 'pg_database') AS comment
  FROM pg_catalog.pg_database AS base
 WHERE base.datname = pg_catalog.current_database()
"""


@dataclass(frozen=True)
class ChannelRules:
    """What the read-only channel admits, and its limits.

    `databases` and `productions` are names, host:port/name, or system
    identifier/name (or /oid); `databases` empty means the productions.
    `clone_marker` begins the comment of databases that are clones, which no
    channel reads. Times are milliseconds.
    """

    productions: tuple[str, ...] = ("directus",)
    databases: tuple[str, ...] = ()
    clone_marker: str = ""
    statement_timeout: int = 5_000
    lock_timeout: int = 1_000
    idle_timeout: int = 60_000
    transaction_timeout: int = 300_000
    rows: int = 500

    @classmethod
    def of(cls, settings: Settings, *, clone_marker: str) -> ChannelRules:
        """Return the rules that a run's settings give."""
        return cls(
            productions=settings.productions,
            databases=settings.allowed_databases,
            clone_marker=clone_marker,
        )


@dataclass(frozen=True)
class Power:
    """One way in which the role could write: what, on what, held by whom."""

    power: str
    kind: str
    object: str
    holder: str


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
    address: str
    powers: tuple[Power, ...]

    def declared_as(self, entries: Iterable[str]) -> str | None:
        """Return the entry that names this database, or None."""
        host = self.address.rpartition("/")[0]
        known = {
            self.database,
            f"{host}/{self.database}",
            f"{self.system_identifier}/{self.database}",
            f"{self.system_identifier}/{self.oid}",
        }
        return next((entry for entry in entries if entry in known), None)


@dataclass(frozen=True)
class Reason:
    """One broken condition: a word for it, what was found, why, and the remedy."""

    code: str
    found: str
    why: str
    remedy: str


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
        cursor.execute("SET LOCAL search_path = pg_catalog")
        here = cursor.execute(_HERE).fetchone()
        powers = read_powers(connection)
    assert here is not None
    info = connection.info
    return Facts(
        **here,
        address=f"{info.host}:{info.port}/{here['database']}",
        powers=powers,
    )


def read_powers(connection: psycopg.Connection[Any]) -> tuple[Power, ...]:
    """Return every power by which the connected role could write, by one SELECT."""
    rows = connection.execute(resources.read_text(POWERS).encode()).fetchall()
    return tuple(Power(*row) for row in rows)


def admit(facts: Facts, rules: ChannelRules) -> None:
    """Raise ChannelRefused, with every reason, unless the channel may be used."""
    if reasons := judge(facts, rules):
        raise ChannelRefused(facts.database, reasons, facts.role)


def judge(facts: Facts, rules: ChannelRules) -> tuple[Reason, ...]:
    """Return every reason against reading with this role here (design, section 6)."""
    return (*_database(facts, rules), *write_reasons(facts))


def write_reasons(facts: Facts) -> tuple[Reason, ...]:
    """Return every reason why the role could write, by its powers.

    Of a superuser that alone is told, and of an owner not its rights on its own.
    """
    superusers = {p.holder for p in facts.powers if p.power == "superuser"}
    telling = [
        p for p in facts.powers if p.holder not in superusers or p.power == "superuser"
    ]
    ordered = sorted(telling, key=_group)
    return tuple(
        _power(facts, tuple(powers)) for _, powers in groupby(ordered, key=_group)
    )


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


def _group(power: Power) -> tuple[str, str, str]:
    separate = power.kind in ("ROLE", "ROUTINE")
    return (power.kind, power.holder, power.power if separate else "")


def _power(facts: Facts, powers: tuple[Power, ...]) -> Reason:
    first = powers[0]
    return Reason(
        _CODES[first.kind],
        _told(facts, powers),
        _WHY[first.kind],
        _remedy(facts, powers),
    )


def _told(facts: Facts, powers: tuple[Power, ...]) -> str:
    first = powers[0]
    if first.kind == "ROLE":
        own = first.holder == facts.role
        through = "" if own else f" (through role {first.holder})"
        return f"the role is {_ROLE_WORDS.get(first.power, first.power)}{through}"
    objects = list(dict.fromkeys(power.object for power in powers))
    names = ", ".join(objects[:SHOWN])
    more = f" and {len(objects) - SHOWN} more" if len(objects) > SHOWN else ""
    if first.kind == "ROUTINE":
        return (
            f"the role may execute {names}{more}: {first.power}, owned by "
            f"{first.holder}"
        )
    if first.kind == "OBJECT":
        return f"{_holder(facts, first)} owns {names}{more}"
    rights = ", ".join(sorted({power.power for power in powers}))
    what = f"{first.kind.lower()} {names}{more}"
    return f"{_holder(facts, first)} has {rights} on {what}"


def _holder(facts: Facts, power: Power) -> str:
    if power.holder == "PUBLIC":
        return "PUBLIC, and so every role,"
    if power.holder == facts.role:
        return "the role"
    return f"role {power.holder}, of which it is a member,"


def _remedy(facts: Facts, powers: tuple[Power, ...]) -> str:
    first = powers[0]
    fitting = f"or make a fitting role: psql -f {ROLE}"
    if first.kind in ("ROLE", "OBJECT"):
        if first.holder != facts.role:
            return f'REVOKE "{first.holder}" FROM "{facts.role}"; {fitting}'
        return f"log in as a role that only reads: psql -f {ROLE} makes one"
    if first.kind == "ROUTINE":
        lines = [
            f"REVOKE EXECUTE ON ROUTINE {power.object} FROM PUBLIC;"
            for power in powers[:SHOWN]
        ]
        return "\n".join([*lines, "and GRANT it to the roles that need it"])
    who = "PUBLIC" if first.holder == "PUBLIC" else f'"{first.holder}"'
    lines = [_revoke(power, who) for power in powers[:SHOWN]]
    return "\n".join([*lines, fitting])


def _revoke(power: Power, who: str) -> str:
    if power.kind == "COLUMN":
        table, _, column = power.object.rpartition(".")
        return f"REVOKE {power.power} ({column}) ON TABLE {table} FROM {who};"
    return f"REVOKE {power.power} ON {power.kind} {power.object} FROM {who};"


_ROLE_WORDS = {
    "superuser": "a superuser",
    "createdb": "allowed to create databases (CREATEDB)",
    "createrole": "allowed to create roles (CREATEROLE)",
    "replication": "allowed to replicate (REPLICATION)",
    "bypassrls": "exempt from row security (BYPASSRLS)",
} | {
    name: f"a member of {name}"
    for name in (
        "pg_checkpoint",
        "pg_create_subscription",
        "pg_execute_server_program",
        "pg_maintain",
        "pg_read_server_files",
        "pg_signal_autovacuum_worker",
        "pg_signal_backend",
        "pg_write_all_data",
        "pg_write_server_files",
    )
}
_CODES = {
    "ROLE": "power",
    "OBJECT": "owner",
    "ROUTINE": "routine",
    "PARAMETER": "grant",
    "LARGE OBJECT": "grant",
    "TABLE": "grant",
    "COLUMN": "grant",
    "SEQUENCE": "grant",
    "SCHEMA": "grant",
    "DATABASE": "grant",
}
_GRANT = "a role that may write can do so wherever READ ONLY is not in force"
_WHY = {
    "ROLE": "READ ONLY does not stop such a role: locks, files, other sessions, "
    "its own settings",
    "OBJECT": "an owner may change, lock and drop what it owns, and grant itself "
    "every right on it",
    "ROUTINE": "what runs there with other rights is not stopped by READ ONLY",
    "PARAMETER": "it changes the server's configuration, which READ ONLY does not stop",
} | dict.fromkeys(
    ("LARGE OBJECT", "TABLE", "COLUMN", "SEQUENCE", "SCHEMA", "DATABASE"), _GRANT
)
