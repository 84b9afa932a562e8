"""What stands in the way of dropping or replacing a database, and what lifts it."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from pytest_oneroof.clone.host import Host
from pytest_oneroof.ownership import acts
from pytest_oneroof.ownership.proofs import HalfMade, OurDatabase

Droppable = OurDatabase | HalfMade


def application_of(nonce: str) -> str:
    """Return the application name of the sessions that make a clone of that nonce."""
    return f"pytest-oneroof {nonce}"


def blockers(host: Host, found: Droppable) -> list[str]:
    """Return what stands in the way of dropping a database, with its statement.

    Sessions of our own do not count: those of the clone's check role, and those
    that were making it. PostgreSQL lets no prepared transaction, used slot or
    subscription be dropped with its database (manual, DROP DATABASE).
    """
    lines = [
        f"session {pid} of {role}: SELECT pg_terminate_backend({pid})"
        for pid, role, own in _sessions(host, found)
        if not own
    ]
    prepared, slots = host.standing(found.name)
    lines += [
        f"prepared transaction {gid!r}: on {found.name}: "
        f"ROLLBACK PREPARED {_literal(host, gid)}"
        for gid in prepared
    ]
    lines += [
        f"replication slot {slot!r}: SELECT pg_drop_replication_slot('{slot}')"
        for slot in slots
    ]
    lines += [
        f"subscription {name!r}: on {found.name}: DROP SUBSCRIPTION {_name(host, name)}"
        for name in _subscriptions(host, found)
    ]
    return lines


def end_own_sessions(host: Host, ours: OurDatabase) -> None:
    """End the sessions on a database that are our own, and wait for their end."""
    if own := [pid for pid, _, is_own in _sessions(host, ours) if is_own]:
        acts.end_sessions(host.acting, ours, own)


def _sessions(host: Host, found: Droppable) -> list[tuple[int, str, bool]]:
    marker = found.marker if isinstance(found, OurDatabase) else None
    rows = host.admin.execute(
        "SELECT a.pid, u.rolname::text, a.application_name"
        "  FROM pg_catalog.pg_stat_get_activity(NULL) AS a"
        "  JOIN pg_catalog.pg_roles AS u ON u.oid = a.usesysid"
        " WHERE a.datid = %s AND a.leader_pid IS NULL"
        " ORDER BY a.pid",
        [found.oid],
    ).fetchall()
    making = application_of(marker.nonce) if marker else None
    role = marker.role if marker else None
    return [(pid, name, name == role or said == making) for pid, name, said in rows]


def _subscriptions(host: Host, found: Droppable) -> list[str]:
    rows = host.admin.execute(
        "SELECT subname::text FROM pg_catalog.pg_subscription"
        " WHERE subdbid = %s ORDER BY subname",
        [found.oid],
    ).fetchall()
    return [name for (name,) in rows]


def _literal(host: Host, value: str) -> Any:
    return sql.Literal(value).as_string(host.admin)


def _name(host: Host, value: str) -> str:
    return sql.Identifier(value).as_string(host.admin)
