"""The server that clones live on, as its administrator sees it.

Locks are session advisory locks in database `postgres`: one for making and
sweeping databases, one per clone (its key the clone's oid) for using it. They
are held elsewhere than on the clone, so that holding one leaves no session there.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg import sql

from pytest_oneroof.errors import CloneError, GuardRefused
from pytest_oneroof.ownership import acts
from pytest_oneroof.ownership.acting import Acting
from pytest_oneroof.ownership.belonging import Database, require_connected
from pytest_oneroof.ownership.marker import Marker, parse_marker
from pytest_oneroof.ownership.proofs import (
    NewName,
    OurDatabase,
    Seen,
    judge_ours,
    marked_productions,
)
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.ownership.same_server import require_direct
from pytest_oneroof.postgres.connect import connect, pinned, unbound, with_database
from pytest_oneroof.redaction import Url

_LOCK = 0x6F6E6572 << 32
MAINTENANCE = "postgres"
LONGEST_NAME = 63


class Host:
    """A server with an administrator: its databases, locks and records.

    `rules` say which databases may be ours, and which are productions.
    """

    def __init__(self, admin_url: str, records: Records, rules: Rules) -> None:
        self._url = admin_url
        self.records = records
        self.rules = rules
        self.acting = self._connect()
        self._url = pinned(admin_url, self.admin)
        self.system_identifier = self.acting.server.system_identifier
        self.user = str(self._value("SELECT session_user"))

    @property
    def admin(self) -> psycopg.Connection[Any]:
        """The administrator's connection, on the maintenance database."""
        return self.acting.connection

    def twin(self) -> Host:
        """Return another connection to the same server, with the same records."""
        return Host(self._url, self.records, self.rules)

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
        self.acting = self._connect()

    def close(self) -> None:
        """Close the administrator's connection, and with it all its locks."""
        self.admin.close()

    def find(self, name: str) -> Seen | None:
        """Return the database of that name, whoever's it is, or None."""
        return self.acting.find(name)

    def ours(self, name: str) -> OurDatabase:
        """Return the database of that name, which is ours.

        Raise SettingsError where there is none, GuardRefused where it is not ours.
        """
        return self.acting.ours(name)

    def find_ours(self, name: str) -> OurDatabase | None:
        """Return the database of that name where it is there and ours, or None."""
        seen = self.find(name)
        return self._ours(seen) if seen is not None else None

    def new_name(self, name: str) -> NewName:
        """Return the licence to create a database; GuardRefused where there is none."""
        return self.acting.new_name(check_name(name))

    def all_ours(self) -> list[OurDatabase]:
        """Return the databases that are ours, by name."""
        found = (self._ours(seen) for seen in self.acting.all())
        return [ours for ours in found if ours is not None]

    def strays(self) -> list[Seen]:
        """Return the databases with a marker of ours that are not ours, by name."""
        return [
            seen
            for seen in self.acting.all()
            if parse_marker(seen.comment) is not None and self._ours(seen) is None
        ]

    def markers(self) -> list[tuple[str, Marker]]:
        """Return every marker on the server and the database it is on, also astray."""
        found = ((seen.name, parse_marker(seen.comment)) for seen in self.acting.all())
        return [(name, marker) for name, marker in found if marker is not None]

    def refuse_marked_productions(self) -> None:
        """Raise GuardRefused where a declared production carries a marker of ours."""
        all_seen = self.acting.all()
        if reasons := marked_productions(all_seen, self.rules):
            names = [
                seen.name
                for seen in all_seen
                if parse_marker(seen.comment)
                and self.rules.production_of(seen.identity)
            ]
            raise GuardRefused(", ".join(names), reasons)

    @contextlib.contextmanager
    def entered(
        self, database: Database, *, application: str = "pytest-oneroof"
    ) -> Iterator[Acting]:
        """Yield the administrator's session on a database, shown to be that one."""
        url = self.url(database.name)
        with unbound(url, application) as connection:
            acting = Acting(connection, self.rules)
            require_connected(acting, database)
            yield acting

    def size(self, oid: int) -> int:
        """Return a database's size in bytes. It reads the file system of the server."""
        return int(self._value("SELECT pg_catalog.pg_database_size(%s::oid)", [oid]))

    def allow_connections(self, ours: OurDatabase, *, allowed: bool) -> int:
        """Open or close a database; return the id of the transaction that did it."""
        return acts.allow_connections(self.acting, ours, allowed=allowed)

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

    def end_sessions(self, ours: OurDatabase, role: str) -> list[int]:
        """End the sessions of one role on a database of ours, and wait for their end.

        For a clone's own check role, whose run holds no lock any more.
        """
        ended = [pid for pid, name in self.sessions_on(ours.oid) if name == role]
        if ended:
            acts.end_sessions(self.acting, ours, ended)
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

    def roll_back_prepared(self, ours: OurDatabase, gid: str) -> None:
        """Roll back a prepared transaction, on the database that holds it."""
        with self.entered(ours) as inside:
            inside.connection.execute(sql.SQL("ROLLBACK PREPARED {}").format(gid))

    def drop_slot(self, ours: OurDatabase, slot: str) -> None:
        """Drop a replication slot of a database of ours."""
        self.acting.confirm(ours)
        self.admin.execute(
            "SELECT pg_catalog.pg_drop_replication_slot(slot_name)"
            "  FROM pg_catalog.pg_replication_slots"
            " WHERE slot_name = %s AND datoid = %s",
            [slot, ours.oid],
        )

    def _ours(self, seen: Seen) -> OurDatabase | None:
        verdict = judge_ours(seen, self.rules)
        return verdict if isinstance(verdict, OurDatabase) else None

    def _connect(self) -> Acting:
        admin = connect(self.url(MAINTENANCE))
        try:
            require_direct(admin)
        except BaseException:
            admin.close()
            raise
        # A crash must not take back what was made, noted or locked: the embedded
        # server would otherwise lose its last commits. And no object of a database
        # may stand in for one of the catalog.
        admin.execute("SET synchronous_commit = on; SET search_path = pg_catalog")
        return Acting(admin, self.rules)

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
    if (found := len(name.encode())) > LONGEST_NAME:
        raise CloneError(
            f"a database name has at most {LONGEST_NAME} bytes, this has {found}: "
            f"{name}"
        )
    return name
