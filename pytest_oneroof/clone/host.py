"""The server that clones live on, as its administrator sees it.

Locks are session advisory locks in database `postgres`: one for making and
sweeping databases, one per clone (its key the clone's oid) for using it. They
are held elsewhere than on the clone, so that holding one leaves no session there.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.clone.marker import PREFIX, Marker, parse_marker
from pytest_oneroof.clone.records import Records
from pytest_oneroof.errors import CloneError
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.redaction import Url

_LOCK = 0x6F6E6572 << 32
MAINTENANCE = "postgres"


@dataclass(frozen=True)
class Found:
    """One database on the server: name, oid, marker, size in bytes."""

    name: str
    oid: int
    marker: Marker | None
    size: int


class Host:
    """A server with an administrator: its databases, locks and records."""

    def __init__(self, admin_url: str, records: Records) -> None:
        self._url = admin_url
        self.records = records
        self.admin = self._connect()
        self.system_identifier = str(
            self._value("SELECT system_identifier FROM pg_catalog.pg_control_system()")
        )
        self.user = str(self._value("SELECT session_user"))

    def twin(self) -> Host:
        """Return another connection to the same server, with the same records."""
        return Host(self._url, self.records)

    def url(self, database: str) -> Url:
        """Return the administrator's URL for a database."""
        return with_database(self._url, database)

    def alive(self) -> bool:
        """Tell whether the administrator's session still answers."""
        with contextlib.suppress(psycopg.OperationalError):
            return bool(self._value("SELECT true"))
        return False

    def reconnect(self) -> None:
        """Connect again; all locks were lost with the session."""
        self.admin.close()
        self.admin = self._connect()

    def close(self) -> None:
        """Close the administrator's connection, and with it all its locks."""
        self.admin.close()

    def find(self, name: str) -> Found | None:
        """Return the database of that name, or None."""
        return next((found for found in self.databases(name)), None)

    def databases(self, name: str | None = None) -> list[Found]:
        """Return databases (or the one named) with their markers, by name."""
        rows = self.admin.execute(
            "SELECT d.datname, d.oid::bigint,"
            "       pg_catalog.shobj_description(d.oid, 'pg_database'),"
            "       pg_catalog.pg_database_size(d.oid)"
            "  FROM pg_catalog.pg_database AS d"
            " WHERE %(name)s::text IS NULL OR d.datname = %(name)s"
            " ORDER BY d.datname",
            {"name": name},
        ).fetchall()
        return [Found(row[0], row[1], parse_marker(row[2]), row[3]) for row in rows]

    def marked(self) -> list[Found]:
        """Return the databases that carry our marker, by name."""
        rows = self.admin.execute(
            "SELECT d.datname FROM pg_catalog.pg_database AS d"
            " WHERE pg_catalog.starts_with("
            "         pg_catalog.shobj_description(d.oid, 'pg_database'), %s)"
            " ORDER BY d.datname",
            [PREFIX],
        ).fetchall()
        found = (self.find(name) for (name,) in rows)
        return [f for f in found if f is not None and f.marker is not None]

    def mark(self, database: str, marker: Marker) -> None:
        """Write the marker on a database."""
        self.admin.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(database), marker.text()
            )
        )

    def allow_connections(self, database: str, *, allowed: bool) -> int:
        """Open or close a database to new connections (ALTER DATABASE).

        Return the id of the transaction that did it, so that it can be told
        from those of a check.
        """
        with self.admin.transaction():
            self.admin.execute(
                sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}").format(
                    sql.Identifier(database), sql.SQL("true" if allowed else "false")
                )
            )
            return int(self._value("SELECT pg_catalog.pg_current_xact_id()::text"))

    @contextlib.contextmanager
    def making(self) -> Iterator[None]:
        """Hold the lock under which databases are made, taken and swept."""
        self.admin.execute("SELECT pg_catalog.pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            if not self.admin.closed:
                self.admin.execute("SELECT pg_catalog.pg_advisory_unlock(%s)", [_LOCK])

    def try_lock(self, oid: int) -> bool:
        """Take the lock of one clone for this session; False if another has it."""
        return bool(
            self._value("SELECT pg_catalog.pg_try_advisory_lock(%s)", [_LOCK | oid])
        )

    def unlock(self, oid: int) -> None:
        """Give a clone's lock back."""
        self._value("SELECT pg_catalog.pg_advisory_unlock(%s)", [_LOCK | oid])

    def lock_holder(self, oid: int) -> int | None:
        """Return the backend pid that holds a clone's lock, or None."""
        row = self.admin.execute(
            "SELECT pid FROM pg_catalog.pg_locks"
            " WHERE locktype = 'advisory' AND granted AND objsubid = 1"
            "   AND classid = %s::bigint::oid AND objid = %s::bigint::oid",
            [_LOCK >> 32, oid],
        ).fetchone()
        return row[0] if row else None

    def sessions_on(self, oid: int) -> list[tuple[int, str]]:
        """Return pid and role of the sessions on a database."""
        return self.admin.execute(
            "SELECT a.pid, u.rolname::text"
            "  FROM pg_catalog.pg_stat_get_activity(NULL) AS a"
            "  JOIN pg_catalog.pg_roles AS u ON u.oid = a.usesysid"
            " WHERE a.datid = %s AND a.leader_pid IS NULL ORDER BY a.pid",
            [oid],
        ).fetchall()

    def end_sessions(self, oid: int, role: str) -> list[int]:
        """End the sessions of one role on one database, and wait for their end.

        For a clone's own check role, whose run holds no lock any more.
        """
        ended = [pid for pid, name in self.sessions_on(oid) if name == role]
        for pid in ended:
            self._value("SELECT pg_catalog.pg_terminate_backend(%s, 5000)", [pid])
        return ended

    def standing(self, database: str) -> tuple[list[str], list[str]]:
        """Return the prepared transactions and the slots of a database, by name."""
        prepared = self.admin.execute(
            "SELECT gid FROM pg_catalog.pg_prepared_xacts"
            " WHERE database = %s ORDER BY gid",
            [database],
        ).fetchall()
        slots = self.admin.execute(
            "SELECT slot_name::text FROM pg_catalog.pg_replication_slots"
            " WHERE database = %s ORDER BY slot_name",
            [database],
        ).fetchall()
        return [gid for (gid,) in prepared], [slot for (slot,) in slots]

    def roll_back_prepared(self, database: str, gid: str) -> None:
        """Roll back a prepared transaction, on the database that holds it."""
        with contextlib.closing(connect(self.url(database))) as connection:
            connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(gid))

    def drop_slot(self, slot: str) -> None:
        """Drop a replication slot."""
        self._value("SELECT pg_catalog.pg_drop_replication_slot(%s)", [slot])

    def _connect(self) -> psycopg.Connection[Any]:
        admin = connect(self.url(MAINTENANCE))
        # A crash must not take back what was made, noted or locked: the embedded
        # server would otherwise lose its last commits.
        admin.execute("SET synchronous_commit = on")
        return admin

    def _value(self, query: str, values: Any = None) -> Any:
        row = self.admin.execute(query, values).fetchone()
        assert row is not None
        return row[0]


def new_nonce() -> str:
    """Return 16 random hexadecimal digits."""
    return secrets.token_hex(8)


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_name(name: str) -> str:
    """Return a database name that PostgreSQL keeps whole (63 bytes at most)."""
    if len(name.encode()) > 63:
        found = len(name.encode())
        raise CloneError(
            f"a database name has at most 63 bytes, this has {found}: {name}"
        )
    return name
