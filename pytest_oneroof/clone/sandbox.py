"""The guarded transaction: arm, hand out, disarm and prove, check after check.

One session serves all checks of a run or worker. What happens between two
exit queries is one check's doing; `residue.py` judges it.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import psycopg

from pytest_oneroof.clone import ledger, residue
from pytest_oneroof.clone.armed import Armed
from pytest_oneroof.clone.connection import SAVEPOINT, GuardedConnection, Ward
from pytest_oneroof.clone.example_proof import proved_example
from pytest_oneroof.clone.guard import GuardedClone, Rules
from pytest_oneroof.clone.guarded_session import (
    OK,
    GuardedSession,
    Status,
    message_of,
)
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.look import Look
from pytest_oneroof.clone.residue import Proof, Residue, State

T = TypeVar("T")


class Sandbox:
    """The session on the clone, and its proof. One check at a time.

    `strict` makes restored residue dirty. Close it at the run's end.
    """

    def __init__(
        self, lease: Lease, rules: Rules, look: Look, *, strict: bool = False
    ) -> None:
        self.lease = lease
        self.look = look
        self.strict = strict
        self._session = GuardedSession(lease, rules)
        self._armed: Armed | None = None
        self._in_example = False
        self._row = self._session.read_row(self._session.snapshot())

    @property
    def clone(self) -> GuardedClone:
        """The clone that the guard admitted."""
        return self._session.clone

    @property
    def closed_to_others(self) -> bool:
        """Whether nobody else can connect to the clone."""
        return self._session.closed_to_others

    @property
    def running(self) -> bool:
        """Whether a check is running."""
        return self._armed is not None

    @property
    def pid(self) -> int:
        """The server process that serves the checks."""
        return self._session.pid

    def begin(
        self,
        check: str,
        *,
        savepoints: bool = False,
        constraints: bool = True,
        kind: type[Any] = GuardedConnection,
    ) -> Any:
        """Open the guarded transaction of one check, and arm its tripwire.

        With `savepoints` commit() and rollback() work on a savepoint; without
        `constraints` deferred constraints are not checked; `kind` is the
        connection's class. Raise ServerError when the server cannot be reached.
        """
        nonce = secrets.token_hex(8)
        command = (
            "BEGIN READ WRITE; "
            f"INSERT INTO oneroof.tripwire (nonce) VALUES ('{nonce}') "
            "RETURNING pg_catalog.pg_current_xact_id()"
        ).encode()
        session = self._session
        if session.status != Status.IDLE:
            session.reconnect()
        result = session.pgconn.exec_(command)
        if result.status not in OK:
            session.reconnect()
            result = session.run(command)
        if savepoints:
            session.run(SAVEPOINT)
        ward = Ward(check, savepoints=savepoints, nonce=nonce)
        connection = kind(session.pgconn, ward)
        xid = int(result.get_value(0, 0) or 0)
        self._armed = Armed(connection, nonce, constraints, xid)
        return connection

    def finish(self) -> Proof:
        """Roll the running check back, put back what can be, return its proof."""
        armed, self._armed = self._armed, None
        assert armed is not None
        armed.connection.ward.over = True
        before = self._row
        told = self._roll_back(armed)
        lost = told is None
        if lost:
            self._session.reconnect()
            self._row = self._session.read_row(ledger.snapshot(before))
        intact = not lost and ledger.lxid(self._row) == ledger.lxid(before) + 2
        proof = Proof(
            armed.check,
            ids=ledger.count_ids(ledger.snapshot(before), ledger.snapshot(self._row)),
            constraints=told or "not checked: session lost",
            examples=armed.examples,
            restored=armed.restored,
            notes=("its session was lost and made anew",) if lost else (),
        )
        if intact and not armed.connection.ward.setval and self._is_quiet(before):
            return replace(proof, foreign=len(ledger.suspects(self._row)))
        return self._prove(proof, before, armed, intact=intact, lost=lost)

    @contextlib.contextmanager
    def example(self) -> Iterator[None]:
        """Run one Hypothesis example of the running check, and prove it.

        An example within an example is part of it; without a running check
        nothing is done.
        """
        if self._armed is None or self._in_example:
            yield
            return
        self._in_example = True
        try:
            with proved_example(
                self._session, self._armed, self._row, strict=self.strict
            ):
                yield
        finally:
            self._in_example = False

    def aside(self, read: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Return what `read` reads on the session, outside of any check.

        The entry state of the next check is read again afterwards, as the
        session's own transactions are counted.
        """
        try:
            return read(self._session.connection)
        finally:
            if self._session.status == Status.IDLE:
                self._row = self._session.read_row(ledger.snapshot(self._row))

    def pause(self, work: Callable[[], None]) -> None:
        """Do something that needs the clone without sessions, between checks."""
        self._session.close()
        work()
        self._session.connect()
        self._row = self._session.read_row(self._session.snapshot())

    def end(self) -> Proof:
        """Prove the whole session: sequences, catalogs and schema as at entry."""
        session, before = self._session, self._row
        self._row = session.read_row(ledger.snapshot(before))
        state, now = session.state(before), session.state(self._row)
        left = residue.session_changes(state, now) + residue.shared_changes(state, now)
        moved = session.moved_positions()
        changed = self.aside(self.look.schema)
        ids = ledger.count_ids(state.snapshot, now.snapshot)
        proof = Proof("session", ids=ids, dirty=(*left, *moved, *changed))
        return residue.verdict_of(proof, strict=self.strict)

    def close(self) -> None:
        """End the session; idempotent."""
        self._session.close()

    def _roll_back(self, armed: Armed) -> str | None:
        """Roll back and read the exit row; None when the session is lost.

        In a failed transaction the exit string would stop before its ROLLBACK.
        """
        status = self._session.status
        if status not in (Status.IDLE, Status.INTRANS, Status.INERROR):
            return None
        told = "not checked: the transaction had ended"
        if status == Status.INTRANS and armed.constraints:
            told, done = self._check_constraints(armed)
            if done:
                return told
        elif status == Status.INTRANS:
            told = "not checked: the check's marker opts out"
        elif status == Status.INERROR:
            told = "not checked: transaction aborted"
        rollback = b"" if self._session.status == Status.IDLE else b"ROLLBACK; "
        result = self._session.exit(rollback, ledger.snapshot(self._row))
        return told if self._take(result) else None

    def _check_constraints(self, armed: Armed) -> tuple[str, bool]:
        command = (
            b"SET LOCAL oneroof.pass = '%s'; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK; "
            % armed.nonce.encode()
        )
        result = self._session.exit(command, ledger.snapshot(self._row))
        if self._take(result):
            return "checked", True
        return f"violated: {message_of(result)}", False

    def _take(self, result: Any) -> bool:
        if result.status not in OK or not result.ntuples:
            return False
        self._row = ledger.as_row(result)
        return True

    def _is_quiet(self, before: ledger.Row) -> bool:
        """Tell whether nothing but ids moved, and nobody else was there."""
        if not ledger.same_but_ids(before, self._row):
            return False
        return self.closed_to_others or not self._row[ledger.SESSIONS]

    def _prove(
        self,
        proof: Proof,
        row_before: ledger.Row,
        armed: Armed,
        *,
        intact: bool,
        lost: bool,
    ) -> Proof:
        """Return the proof where more than ids moved, or the session was lost."""
        session = self._session
        before, after = session.state(row_before), session.state(self._row)
        moved = session.moved_positions() if armed.connection.ward.setval else ()
        changes = residue.merged(residue.session_changes(before, after), moved)
        shared = residue.shared_changes(before, after)
        strangers = bool(after.sessions) or after.sessions_ever > (
            before.sessions_ever + lost
        )
        how = residue.Circumstances(
            intact=intact, closed=self.closed_to_others, strangers=strangers
        )
        proof = self._ledger(proof, after, armed, how)
        session.put_back(changes, shared, everything=not intact)
        self._row = session.read_row(ledger.snapshot(self._row))
        still = residue.session_changes(before, session.state(self._row))
        put_back = tuple(change for change in changes if change not in still)
        proof = replace(
            proof,
            restored=residue.merged(proof.restored, put_back),
            dirty=(*proof.dirty, *shared, *still),
        )
        if self.lease.spoiled:
            self._renew()
        return residue.verdict_of(proof, strict=self.strict)

    def _ledger(
        self, proof: Proof, after: State, armed: Armed, how: residue.Circumstances
    ) -> Proof:
        """Add what the transaction ids tell, and where they leave it open, a look."""
        committed = [i for i, status in after.suspects if status == "committed"]
        own = armed.xid in committed
        dirty: tuple[Residue, ...] = ()
        reason = residue.unknown_ids(after)
        if own:
            dirty = (Residue("transaction", str(armed.xid), "open", "committed"),)
        if own or residue.needs_look(after, how):
            found = self.look.compare(self._session.connection)
            self.lease.spoiled = self.lease.spoiled or bool(found)
            dirty += residue.attributed(found, after, how)
            if not dirty and not how.intact:
                reason = reason or (
                    f"the check ended its own transaction, and {len(committed)} ids "
                    "committed meanwhile cannot be told from its own; tables and "
                    "schema are as before"
                )
        return replace(
            proof,
            dirty=dirty,
            reason=reason,
            committed=len(committed) if dirty else 0,
            foreign=0 if dirty else len(committed),
        )

    def _renew(self) -> None:
        """Replace a clone that has changed, so that no later check suffers.

        Where that cannot be, later checks are compared with it as it is now.
        """
        self._session.close()
        renewed = self.lease.renew()
        self._session.connect()
        self._session.remember_positions()
        self._row = self._session.read_row(self._session.snapshot())
        if not renewed:
            self.aside(self.look.adopt)
