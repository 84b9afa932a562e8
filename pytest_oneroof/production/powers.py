"""The powers by which a role could write, as reasons: found, why, remedy. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

ROLE = "sql/roles/acceptance_role.sql"
SHOWN = 3


@dataclass(frozen=True)
class Power:
    """One way in which the role could write: what, on what, held by whom."""

    power: str
    kind: str
    object: str
    holder: str


@dataclass(frozen=True)
class Reason:
    """One broken condition: a word for it, what was found, why, and the remedy."""

    code: str
    found: str
    why: str
    remedy: str


def reasons_of(role: str, found: Iterable[Power]) -> tuple[Reason, ...]:
    """Return every reason why the role could write.

    Of a superuser that alone is told, and of an owner not its rights on its own.
    """
    powers = tuple(found)
    superusers = {p.holder for p in powers if p.power == "superuser"}
    telling = [
        p for p in powers if p.holder not in superusers or p.power == "superuser"
    ]
    ordered = sorted(telling, key=_group)
    return tuple(_reason(role, tuple(same)) for _, same in groupby(ordered, key=_group))


def _group(power: Power) -> tuple[str, str, str]:
    separate = power.kind in ("ROLE", "ROUTINE")
    return (power.kind, power.holder, power.power if separate else "")


def _reason(role: str, powers: tuple[Power, ...]) -> Reason:
    first = powers[0]
    return Reason(
        _CODES[first.kind],
        _told(role, powers),
        _WHY[first.kind],
        _remedy(role, powers),
    )


def _told(role: str, powers: tuple[Power, ...]) -> str:
    first = powers[0]
    if first.kind == "ROLE":
        own = first.holder == role
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
        return f"{_holder(role, first)} owns {names}{more}"
    rights = ", ".join(sorted({power.power for power in powers}))
    what = f"{first.kind.lower()} {names}{more}"
    return f"{_holder(role, first)} has {rights} on {what}"


def _holder(role: str, power: Power) -> str:
    if power.holder == "PUBLIC":
        return "PUBLIC, and so every role,"
    if power.holder == role:
        return "the role"
    return f"role {power.holder}, of which it is a member,"


def _remedy(role: str, powers: tuple[Power, ...]) -> str:
    first = powers[0]
    fitting = f"or make a fitting role: psql -f {ROLE}"
    if first.kind in ("ROLE", "OBJECT"):
        if first.holder != role:
            return f'REVOKE "{first.holder}" FROM "{role}"; {fitting}'
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
} | dict.fromkeys(
    ("LARGE OBJECT", "TABLE", "COLUMN", "SEQUENCE", "SCHEMA", "DATABASE"), _GRANT
)
