"""The run's one session on the clone: opened, judged, read, and put in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import psycopg
from psycopg import pq

from pytest_oneroof.check import ledger, sequences
from pytest_oneroof.check.custom_settings import Watched, read_watched
from pytest_oneroof.check.ledger import Exit, Locks, Row
from pytest_oneroof.check.sequences import Position
from pytest_oneroof.clone.guard import (
    GuardedClone,
    admit,
    refuse_sessions,
    untried_tripwire,
)
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.residue import State
from pytest_oneroof.errors import GuardRefused, OneroofError, ServerError
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.ownership.same_server import require_direct
from pytest_oneroof.postgres.catalog import read_facts, read_sessions
from pytest_oneroof.postgres.connect import answers, connect, wait_for_recovery
from pytest_oneroof.postgres.results import (
    Failed,
    exec_all,
    exec_one,
    message_of,
    sqlstate,
    succeeded,
)
from pytest_oneroof.postgres.search_path import own_names
from pytest_oneroof.postgres.stand_ins import read_stand_ins
from pytest_oneroof.statements.read import ANY

T = TypeVar("T")

Status = pq.TransactionStatus
REFUSED = b"2D000"
# What the session is, whatever the server's or the role's defaults are, and whatever
# was read on it. The classifier reads string literals as the standard has them.
SET_UP = (
    b"RESET ALL; SET standard_conforming_strings = on; "
    b"SET default_transaction_read_only = on"
)
TRY_TRIPWIRE = b"BEGIN READ WRITE; INSERT INTO oneroof.tripwire VALUES (''); COMMIT"
# Of the server, that one read of ours outlives.
CRASHES = 3
# Of connecting again, while the server answers; the seconds between two.
ATTEMPTS, PAUSE = 10, 0.2


class GuardedSession:
    """One session of the check role, on a clone that the guard admitted.

    Made anew (`reconnect`) when a check has broken it; the guard judges again.
    `positions` are the sequences by oid, as they are to be put back.
    """

    def __init__(self, lease: Lease, rules: Rules) -> None:
        self.lease = lease
        self.rules = rules
        self.closed_to_others = False
        self.clone: GuardedClone
        self.connection: psycopg.Connection[Any]
        self.pgconn: Any = None
        self.positions: dict[int, Position] = {}
        self.stand_ins: dict[str, str] = {}
        self.watched = Watched()
        self.connect()
        self.remember_positions()

    @property
    def status(self) -> pq.TransactionStatus:
        """The session's transaction status; ACTIVE in a pipeline."""
        if self.pgconn.pipeline_status:
            return Status.ACTIVE
        return Status(self.pgconn.transaction_status)

    @property
    def pid(self) -> int:
        """The server process that serves the checks."""
        return int(self.pgconn.backend_pid)

    def connect(self, *, judged: bool = False) -> None:
        """Connect, have the guard judge the clone, and close it to others.

        Nothing is altered before the verdict; whoever came in between is refused.
        `judged`: it is known as it is, and only shown to be the same.
        """
        session = connect(self.lease.url, application="pytest-oneroof check")
        # A check may prepare statements of its own under psycopg's names.
        session.prepare_threshold = None
        try:
            require_direct(session)
            if not judged:
                self.clone = admit(read_facts(session), self.rules)
            self.lease.require_same(session)
            self.closed_to_others = self.lease.close()
            refuse_sessions(self.clone.database, read_sessions(session))
            _try_tripwire(session.pgconn, self.clone.database)
            session.execute(SET_UP)
            if not judged:
                self._read_names(session)
            session.execute("SELECT pg_catalog.pg_stat_force_next_flush()")
        except BaseException:
            session.close()
            self.lease.open()
            raise
        self.connection, self.pgconn = session, session.pgconn

    def renew(self) -> None:
        """Make the session of a clone anew that was proved to be as it was judged.

        Without an administrator's proof that it is the same one, it is judged again.
        """
        self.connection.close()
        self.lease.open()
        self.lease.end_leftovers()
        self.connect(judged=self.closed_to_others)

    def _read_names(self, session: psycopg.Connection[Any]) -> None:
        with own_names(session):
            owner = self.clone.marker.owner
            self.stand_ins = read_stand_ins(session, owner, self.clone.role)
            self.watched = read_watched(session)

    def reconnect(self) -> None:
        """Make the session anew, its old server process ended first.

        A server that recovers from a crash is waited for, also where it crashes in
        the middle of this. Raise ServerError when it is gone.
        """
        self.connection.close()
        for attempt in range(ATTEMPTS):
            wait_for_recovery(self.lease.url)
            try:
                self.lease.revive()
                self.lease.open()
                self.lease.end_leftovers()
                self.connect()
            except (psycopg.OperationalError, ServerError) as error:
                if attempt == ATTEMPTS - 1 or not answers(self.lease.url):
                    raise _plain(error) from None
                # It takes the server a moment to notice that it has to recover.
                time.sleep(PAUSE)
            else:
                return

    def despite_crashes(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, done again where the server crashes meanwhile.

        Others on it may make it crash; the session is made anew before each try.
        """
        for _ in range(CRASHES):
            try:
                return work()
            except (Failed, psycopg.OperationalError, OneroofError):
                if self.pgconn.status == pq.ConnStatus.OK:
                    raise
                self.reconnect()
        return work()

    def close(self) -> None:
        """End the session; idempotent."""
        if self.pgconn is not None:
            self.pgconn.finish()

    def remember_positions(self) -> None:
        """Take the sequences' positions as those to put back."""
        self.positions = sequences.read_positions(self.connection)

    def exit(
        self,
        begin: str,
        *own: int,
        names: frozenset[str] = frozenset(),
        whole: bool = False,
    ) -> bytes:
        """Return the exit query for the window that begins at a snapshot.

        `own` are the check's transaction ids; of the settings in `names` those are
        told that are known. The short query tells all of a transaction that was
        rolled back whole, unless others can enter the clone, or the role's powers
        reach out of its transaction.
        """
        uncovered = bool(self.clone.uncovered)
        whole = whole or not self.closed_to_others or uncovered
        known = names - {ANY}
        return Exit(begin, own, known, uncovered if whole else None).text()

    def read_row(self, before: Row, *own: int) -> Row:
        """Return the exit query's whole row, for the window that begins at a row."""
        return ledger.as_row(
            self.run(self.exit(ledger.snapshot(before), *own, whole=True))
        )

    def first_row(self) -> Row:
        """Return the row of a window that begins now."""
        found = self.run(b"SELECT pg_catalog.pg_current_snapshot()")
        snapshot = (found.get_value(0, 0) or b"").decode()
        return ledger.as_row(self.run(self.exit(snapshot, whole=True)))

    def locks(self) -> Locks:
        """Return what the locks of the open transaction tell of it."""
        return ledger.as_locks(self.run(ledger.LOCKS))

    def state(self, row: Row) -> State:
        """Return a row as a State, our own opening and closing left out."""
        state = ledger.to_state(row)
        suspects = tuple(s for s in state.suspects if s[0] not in self.lease.own_ids)
        return replace(state, suspects=suspects)

    def settle_client(self) -> None:
        """Undo what a check can have set in libpq itself: tracing, and blocking calls.

        A trace would go on into a file that the check has closed since.
        """
        if self.pgconn.status != pq.ConnStatus.OK:
            return
        self.pgconn.nonblocking = 1
        self.pgconn.untrace()

    def send(self, command: bytes) -> Any:
        """Send a command of ours; return its last result, None without a server."""
        return exec_one(self.pgconn, command)

    def send_all(self, command: bytes) -> list[Any]:
        """Send commands of ours; return all results, none without a server."""
        try:
            return exec_all(self.pgconn, command)
        except psycopg.OperationalError:
            return []

    def run(self, command: bytes) -> Any:
        """Send a command of ours and return its last result; raise Failed."""
        result = self.send(command)
        if not succeeded(result):
            raise Failed(message_of(result))
        return result


def _try_tripwire(pgconn: Any, database: str) -> None:
    """See the tripwire refuse a commit; raise GuardRefused where it does not.

    That its table is there says neither that its trigger is enabled nor what its
    function does. A clone that an older version has made lacks what a check's end
    asks.
    """
    result = pgconn.exec_(TRY_TRIPWIRE)
    if pgconn.transaction_status != Status.IDLE:
        pgconn.exec_(b"ROLLBACK")
    if sqlstate(result) != REFUSED:
        told = "it let a commit through" if succeeded(result) else message_of(result)
        raise GuardRefused(database, (untried_tripwire(told),))
    result = pgconn.exec_(ledger.LOCKS)
    if not succeeded(result):
        raise GuardRefused(database, (untried_tripwire(message_of(result)),))


def _plain(error: Exception) -> OneroofError:
    if isinstance(error, OneroofError):
        return error
    return ServerError(f"the server has ended our sessions: {error}")
