"""The run's one session on the clone: opened, judged, read, and put in order."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import pq

from pytest_oneroof.clone import ledger
from pytest_oneroof.clone.guard import GuardedClone, Rules, admit
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.marker import PREFIX
from pytest_oneroof.clone.residue import Residue, State
from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.postgres.connect import connect

OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
Status = pq.TransactionStatus
FORGOTTEN = b"26000"


# RESET and the like for what lives in the session; sequences need their values.
PUT_BACK = {
    "advisory lock": b"SELECT pg_catalog.pg_advisory_unlock_all()",
    "listener": b"UNLISTEN *",
    "held cursor": b"CLOSE ALL",
    "temporary object": b"DISCARD TEMP",
}


class Failed(ServerError):
    """A command of ours failed; carries the server's message."""


class GuardedSession:
    """One session of the check role, on a clone that the guard admitted.

    Made anew (`reconnect`) when a check has broken it; the guard judges again.
    """

    def __init__(self, lease: Lease, rules: Rules) -> None:
        self.lease = lease
        self.rules = rules
        self.closed_to_others = False
        self.clone: GuardedClone
        self.connection: psycopg.Connection[Any]
        self.pgconn: Any = None
        self._names: list[str] = []
        self._positions: dict[str, tuple[int, bool]] = {}
        self.connect()
        self.remember_positions()

    @property
    def status(self) -> pq.TransactionStatus:
        """The session's transaction status; ACTIVE in a pipeline."""
        if self.pgconn.pipeline_status:
            return Status.ACTIVE
        return Status(self.pgconn.transaction_status)

    def connect(self) -> None:
        """Connect, close the clone to others, and have the guard judge it."""
        session = connect(self.lease.url, application="pytest-oneroof check")
        try:
            self.closed_to_others = self.lease.close()
            facts = read_facts(session, prefix=PREFIX, own_pids=[])
            self.clone = admit(facts, self.rules)
            rows = session.execute(ledger.SEQUENCES).fetchall()
            self._names = [name for _, name, _ in rows]
            self._prepare = ledger.prepare_text(
                self.clone.oid,
                physical_slots=bool(self.clone.uncovered),
                all_readable=all(readable for _, _, readable in rows),
            ).encode()
            session.execute(self._prepare)
            # The classifier reads string literals as the standard has them.
            session.execute("SET standard_conforming_strings = on")
            session.execute("SELECT pg_catalog.pg_stat_force_next_flush()")
        except BaseException:
            session.close()
            self.lease.open()
            raise
        self.connection, self.pgconn = session, session.pgconn

    def reconnect(self) -> None:
        """Make the session anew, its old server process ended first."""
        self.connection.close()
        self.lease.open()
        self.lease.end_leftovers()
        self.connect()

    def exit(self, command: bytes, begin: str) -> Any:
        """Send what ends a check, and the exit query, as one string.

        A check's DEALLOCATE ALL takes the prepared query too: it is made again.
        """
        execute = ledger.execute_text(begin)
        result = self.pgconn.exec_(command + execute)
        state = result.error_field(pq.DiagnosticField.SQLSTATE)
        if state == FORGOTTEN and self.status == Status.IDLE:
            self.run(self._prepare)
            result = self.pgconn.exec_(execute)
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

    def read_row(self, snapshot: str) -> ledger.Row:
        """Return the exit query's row, for the window that begins at a snapshot."""
        return ledger.as_row(self.run(ledger.execute_text(snapshot)))

    def state(self, row: ledger.Row) -> State:
        """Return a row as a State, our own opening and closing left out."""
        state = ledger.to_state(row, self._names)
        suspects = tuple(s for s in state.suspects if s[0] not in self.lease.own_ids)
        return replace(state, suspects=suspects)

    def run(self, command: bytes) -> Any:
        """Send a command of ours and return its last result; raise Failed."""
        result = self.pgconn.exec_(command)
        if result.status not in OK:
            raise Failed(message_of(result))
        return result

    def remember_positions(self) -> None:
        """Take the sequences' positions as those to put back."""
        self._positions = self._read_positions()

    def moved_positions(self) -> tuple[Residue, ...]:
        """Return the sequences that are not where they were, is_called included."""
        now = self._read_positions()
        return tuple(
            Residue("sequence", name, _position(was), _position(now[name]))
            for name, was in self._positions.items()
            if name in now and now[name] != was
        )

    def put_back(
        self,
        changes: tuple[Residue, ...],
        shared: tuple[Residue, ...],
        *,
        everything: bool,
        within: bool = False,
    ) -> None:
        """Put back what can be; `within` the check's transaction or after it."""
        kinds = {change.kind for change in changes}
        sequences = [c.object for c in changes if c.kind == "sequence"]
        if sequences:
            calls = ", ".join(self._setval(name) for name in sequences)
            text = f"SELECT {calls}"
            self.run((text if within else f"BEGIN READ WRITE; {text}; ROLLBACK").encode())
            self.run(b"DISCARD SEQUENCES")
        for kind, command in PUT_BACK.items():
            if kind in kinds:
                self.run(command)
        if everything:
            self.run(b"RESET SESSION AUTHORIZATION")
            self.run(b"RESET ALL")
        for change in changes:
            if change.kind == "prepared statement":
                self.run(b"DEALLOCATE " + _quoted(change.object))
        for left in shared:
            self._remove(left)

    def _remove(self, left: Residue) -> None:
        """Remove what others could meet, as far as the check role may."""
        if left.kind == "prepared transaction":
            command = b"ROLLBACK PREPARED %s" % _literal(left.object)
        elif left.kind == "replication slot":
            command = b"SELECT pg_drop_replication_slot(%s)" % _literal(left.object)
        else:
            pid = left.object.split()[1].encode()
            command = b"SELECT pg_terminate_backend(%s, 2000)" % pid
        with contextlib.suppress(Failed):
            self.run(command)

    def _setval(self, name: str) -> str:
        value, called = self._positions[name]
        literal = _literal(name).decode()
        return f"pg_catalog.setval({literal}, {value}, {str(called).lower()})"

    def _read_positions(self) -> dict[str, tuple[int, bool]]:
        """Return last value and is_called of every readable sequence."""
        rows = self.connection.execute(ledger.SEQUENCES).fetchall()
        names = [name for _, name, readable in rows if readable]
        found: dict[str, tuple[int, bool]] = {}
        for start in range(0, len(names), 200):
            query = " UNION ALL ".join(
                f"SELECT {_literal(name).decode()}, last_value, is_called FROM {name}"
                for name in names[start : start + 200]
            )
            rows = self.connection.execute(query.encode()).fetchall()
            found |= {name: (value, called) for name, value, called in rows}
        return found


def _position(position: tuple[int, bool]) -> str:
    value, called = position
    return str(value) if called else f"{value}, not called"


def message_of(result: Any) -> str:
    text = result.get_error_message() if hasattr(result, "get_error_message") else ""
    return (text or pq.error_message(result)).strip()


def _literal(text: str) -> bytes:
    return b"'" + text.replace("'", "''").encode() + b"'"


def _quoted(name: str) -> bytes:
    return b'"' + name.replace('"', '""').encode() + b'"'
