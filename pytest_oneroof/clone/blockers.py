"""What stands in the way of dropping or replacing a database, and what lifts it."""

from __future__ import annotations

from typing import Any

from psycopg import sql

from pytest_oneroof.clone.host import Found, Host


def application_of(nonce: str) -> str:
    """Return the application name of the sessions that make a clone of that nonce."""
    return f"pytest-oneroof {nonce}"


def blockers(host: Host, found: Found) -> list[str]:
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


def end_own_sessions(host: Host, found: Found) -> None:
    """End the sessions on a database that are our own, and wait for their end."""
    for pid, _, own in _sessions(host, found):
        if own:
            query = "SELECT pg_catalog.pg_terminate_backend(%s, 5000)"
            host.admin.execute(query, [pid])


def _sessions(host: Host, found: Found) -> list[tuple[int, str, bool]]:
    record = host.records.read(host.system_identifier, found.name)
    nonces = {found.marker.nonce} if found.marker else set()
    if record is not None and record.nonce[:8] in found.name:
        nonces.add(record.nonce)
    rows = host.admin.execute(
        "SELECT a.pid, u.rolname::text, a.application_name"
        "  FROM pg_catalog.pg_stat_get_activity(NULL) AS a"
        "  JOIN pg_catalog.pg_roles AS u ON u.oid = a.usesysid"
        " WHERE a.datid = %s AND a.leader_pid IS NULL"
        " ORDER BY a.pid",
        [found.oid],
    ).fetchall()
    own = {application_of(nonce) for nonce in nonces}
    role = found.marker.role if found.marker else None
    return [(pid, name, name == role or said in own) for pid, name, said in rows]


def _subscriptions(host: Host, found: Found) -> list[str]:
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
