"""The run's one session on the clone: opened, judged, read, and put in order."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import pq

from pytest_oneroof.check import ledger, setval
from pytest_oneroof.check.armed import Armed
from pytest_oneroof.check.ward import Ward
from pytest_oneroof.clone.guard import (
    GuardedClone,
    admit,
    refuse_sessions,
    untried_tripwire,
)
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.residue import Residue, State
from pytest_oneroof.errors import GuardRefused
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.ownership.same_server import require_direct
from pytest_oneroof.postgres.catalog import read_facts, read_sessions
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.results import (
    Failed,
    literal,
    message_of,
    sqlstate,
    succeeded,
)
from pytest_oneroof.postgres.search_path import own_names
from pytest_oneroof.postgres.stand_ins import read_stand_ins

Status = pq.TransactionStatus
Positions = dict[str, tuple[int, bool]]
FORGOTTEN = b"26000"
REFUSED = b"2D000"
# What the session is, whatever the server's or the role's defaults are. The
# classifier reads string literals as the standard has them.
SET_UP = b"SET standard_conforming_strings = on; SET default_transaction_read_only = on"
TRY_TRIPWIRE = b"BEGIN READ WRITE; INSERT INTO oneroof.tripwire VALUES (''); COMMIT"
RESTARTING = 30.0


class GuardedSession:
    """One session of the check role, on a clone that the guard admitted.

    Made anew (`reconnect`) when a check has broken it; the guard judges again.
    `positions` are the sequences' last values, and whether they were called.
    """

    def __init__(self, lease: Lease, rules: Rules) -> None:
        self.lease = lease
        self.rules = rules
        self.closed_to_others = False
        self.clone: GuardedClone
        self.connection: psycopg.Connection[Any]
        self.pgconn: Any = None
        self._names: list[str] = []
        self.positions: Positions = {}
        self.watches_locks = False
        self._locking = False
        self._queries: dict[str, str] = {}
        self._routines = setval.NONE
        self.stand_ins: dict[str, str] = {}
        self.connect()
        self.remember_positions()

    @property
    def status(self) -> pq.TransactionStatus:
        """The session's transaction status; ACTIVE in a pipeline."""
        if self.pgconn.pipeline_status:
            return Status.ACTIVE
        return Status(self.pgconn.transaction_status)

    def connect(self) -> None:
        """Connect, have the guard judge the clone, and close it to others.

        Nothing is altered before the verdict; whoever came in between is refused.
        """
        session = connect(self.lease.url, application="pytest-oneroof check")
        # A check may prepare statements of its own under psycopg's names.
        session.prepare_threshold = None
        try:
            require_direct(session)
            self.clone = admit(read_facts(session), self.rules)
            self.lease.require_same(session)
            self.closed_to_others = self.lease.close()
            refuse_sessions(self.clone.database, read_sessions(session))
            _try_tripwire(session.pgconn, self.clone.database)
            rows = session.execute(ledger.SEQUENCES).fetchall()
            self._names = [name for name, _, _ in rows]
            self._queries = ledger.prepare_texts(
                self.clone.oid,
                physical_slots=bool(self.clone.uncovered),
                all_readable=all(readable for _, _, readable in rows),
            )
            for query in self._queries.values():
                session.execute(query.encode())
            session.execute(SET_UP)
            with own_names(session):
                owner = self.clone.marker.owner
                self.stand_ins = read_stand_ins(session, owner, self.clone.role)
            self._routines = setval.read_routines(session)
            row = session.execute(ledger.LOCKING_ROUTINES).fetchone()
            self._locking = bool(row and row[0])
            session.execute("SELECT pg_catalog.pg_stat_force_next_flush()")
        except BaseException:
            session.close()
            self.lease.open()
            raise
        self.connection, self.pgconn = session, session.pgconn

    def reconnect(self) -> None:
        """Make the session anew, its old server process ended first.

        A server that recovers from a crash is waited for. Raise ServerError when
        it is gone.
        """
        self.connection.close()
        _wait_for_server(self.lease.url)
        self.lease.revive()
        self.lease.open()
        self.lease.end_leftovers()
        self.connect()

    def exit(self, command: bytes, begin: str, armed: Armed, *, own: bool) -> Any:
        """Send what ends a check, and the exit query, as one string.

        `own`: the command fails in any but the check's own transaction. A check's
        DEALLOCATE ALL takes the prepared queries too: they are made again.
        """
        short = own and self.suffices_short(armed.connection.ward)
        execute = ledger.execute_text(begin, armed.xid, short=short)
        result = self.send(command + execute)
        if sqlstate(result) == FORGOTTEN and self.status == Status.IDLE:
            self.remember_queries()
            result = self.send(execute)
        return result

    def close(self) -> None:
        """End the session; idempotent."""
        if self.pgconn is not None:
            self.pgconn.finish()

    @property
    def pid(self) -> int:
        """The server process that serves the checks."""
        return int(self.pgconn.backend_pid)

    def snapshot(self) -> str:
        """Return the current snapshot."""
        result = self.run(b"SELECT pg_catalog.pg_current_snapshot()")
        return (result.get_value(0, 0) or b"").decode()

    def read_row(self, snapshot: str, own: int | None = None) -> ledger.Row:
        """Return the exit query's row, for the window that begins at a snapshot."""
        return ledger.as_row(self.run(ledger.execute_text(snapshot, own)))

    def remember_queries(self) -> None:
        """Prepare the exit queries again, where a check has dropped them."""
        for name, query in self._queries.items():
            found = self.run(
                b"SELECT 1 FROM pg_catalog.pg_prepared_statements WHERE name = '%s'"
                % name.encode()
            )
            if not found.ntuples:
                self.run(query.encode())

    def suffices_short(self, ward: Ward) -> bool:
        """Tell whether the short query tells all, if the transaction is the check's.

        Not on a clone that others can enter, not for a role whose powers reach out of
        its transaction, and not where advisory locks may have been taken: those are
        told. `watches_locks` has them looked for after every check.
        """
        may_lock = self.watches_locks or self._locking or ward.locks
        return self.closed_to_others and not self.clone.uncovered and not may_lock

    def may_set_sequences(self, ward: Ward) -> bool:
        """Tell whether a check may have called setval, which moves them unseen."""
        return ward.setval or self._routines.may_run(ward.functions)

    def state(self, row: ledger.Row) -> State:
        """Return a row as a State, our own opening and closing left out."""
        state = ledger.to_state(row, self._names)
        suspects = tuple(s for s in state.suspects if s[0] not in self.lease.own_ids)
        return replace(state, suspects=suspects)

    def sequences(self, row: ledger.Row) -> dict[str, int | None]:
        """Return the sequences' positions that a row tells."""
        return ledger.positions(row, self._names)

    def send(self, command: bytes) -> Any:
        """Send a command of ours; return its last result, None without a server."""
        try:
            return self.pgconn.exec_(command)
        except psycopg.OperationalError:
            return None

    def run(self, command: bytes) -> Any:
        """Send a command of ours and return its last result; raise Failed."""
        result = self.send(command)
        if not succeeded(result):
            raise Failed(message_of(result))
        return result

    def remember_positions(self) -> None:
        """Take the sequences' positions as those to put back."""
        self.positions = self.read_positions()

    def moved_from(self, positions: Positions) -> tuple[Residue, ...]:
        """Return the sequences that are not where they were, is_called included."""
        now = self.read_positions()
        return tuple(
            Residue("sequence", name, _position(was), _position(now[name]))
            for name, was in positions.items()
            if name in now and now[name] != was
        )

    def read_positions(self) -> Positions:
        """Return last value and is_called of every sequence that can be read."""
        rows = self.connection.execute(ledger.SEQUENCES).fetchall()
        names = [name for name, readable, _ in rows if readable]
        found: Positions = {}
        for start in range(0, len(names), 200):
            query = " UNION ALL ".join(
                f"SELECT {literal(name)}, last_value, is_called FROM {name}"
                for name in names[start : start + 200]
            )
            rows = self.connection.execute(query.encode()).fetchall()
            found |= {name: (value, called) for name, value, called in rows}
        return found


def _try_tripwire(pgconn: Any, database: str) -> None:
    """See the tripwire refuse a commit; raise GuardRefused where it does not.

    That its table is there says neither that its trigger is enabled nor what its
    function does.
    """
    result = pgconn.exec_(TRY_TRIPWIRE)
    if pgconn.transaction_status != Status.IDLE:
        pgconn.exec_(b"ROLLBACK")
    if sqlstate(result) != REFUSED:
        told = "it let a commit through" if succeeded(result) else message_of(result)
        raise GuardRefused(database, (untried_tripwire(told),))


def _wait_for_server(url: str) -> None:
    """Wait while a server is up but takes no connections: it recovers."""
    end = time.monotonic() + RESTARTING
    while pq.PGconn.ping(url.encode()) == pq.Ping.REJECT and time.monotonic() < end:
        time.sleep(0.05)


def _position(position: tuple[int, bool]) -> str:
    value, called = position
    return str(value) if called else f"{value}, not called"
