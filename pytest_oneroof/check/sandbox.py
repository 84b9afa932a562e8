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

from pytest_oneroof.check import ledger, restore
from pytest_oneroof.check.app_roles import quoted, stand_in_of
from pytest_oneroof.check.armed import Armed
from pytest_oneroof.check.connection import GuardedConnection
from pytest_oneroof.check.example_proof import proved_example
from pytest_oneroof.check.guarded_session import GuardedSession, Status
from pytest_oneroof.check.nested_check import nested_check
from pytest_oneroof.check.prover import ANEW, Prover
from pytest_oneroof.check.savepoint_mode import NAME, SAVEPOINT
from pytest_oneroof.check.ward import Ward
from pytest_oneroof.clone import residue
from pytest_oneroof.clone.guard import GuardedClone
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.look import Look
from pytest_oneroof.clone.residue import Proof
from pytest_oneroof.errors import CloneError
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.postgres.results import message_of, succeeded

T = TypeVar("T")

# The savepoint of the arming, whose name the check does not know, is found again
# only in the very transaction that was armed. Numbers of the session's own
# transactions would not do: it runs some by itself when others change catalogs.
SAME = {
    Status.INTRANS: b"RELEASE SAVEPOINT oneroof_%nonce; ",
    Status.INERROR: b"ROLLBACK TO SAVEPOINT oneroof_%nonce; ",
    Status.IDLE: b"",
}
CONSTRAINTS = (
    b"SET LOCAL statement_timeout = 0; SET LOCAL oneroof.pass = '%nonce'; "
    b"SET CONSTRAINTS ALL IMMEDIATE; "
)
TOLD = {
    Status.INTRANS: "not checked: the check's marker opts out",
    Status.INERROR: "not checked: transaction aborted",
    Status.IDLE: "not checked: the transaction had ended",
}
ANOTHER = "not checked: the transaction was not the check's own any more"
USABLE = (Status.IDLE, Status.INTRANS, Status.INERROR)


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
        self._session.watches_locks = strict
        self._prover = Prover(self._session, look, strict=strict)
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
        role: str = "",
        kind: type[Any] = GuardedConnection,
    ) -> Any:
        """Open the guarded transaction of one check, and arm its tripwire.

        With `savepoints` commit() and rollback() work on a savepoint; without
        `constraints` deferred constraints are not checked; with a `role` it acts as
        that role of the application; `kind` is the connection's class. Raise
        SettingsError where the clone has no such role, ServerError when the server
        cannot be reached, CloneError while another check runs.
        """
        if self._armed is not None:
            raise CloneError(
                f"{self._armed.check} has a guarded connection already\n"
                "a check has one: ask for oneroof_clone or for oneroof_clone_async"
            )
        act_as = self.act_as(role)
        nonce = secrets.token_hex(8)
        command = (
            f"BEGIN READ WRITE; SAVEPOINT oneroof_{nonce}; "
            f"INSERT INTO oneroof.tripwire (nonce) VALUES ('{nonce}') "
            "RETURNING pg_catalog.pg_current_xact_id()"
        ).encode()
        session = self._session
        result: Any = session.send(command) if session.status == Status.IDLE else None
        if not succeeded(result):
            session.reconnect()
            self._row = session.read_row(ledger.snapshot(self._row))
            result = session.run(command)
        if act_as:
            session.run(act_as)
        if savepoints:
            session.run(SAVEPOINT)
        roles = session.stand_ins
        ward = Ward(check, savepoints=savepoints, nonce=nonce, roles=roles)
        connection = kind(session.pgconn, ward)
        connection.example = self.example
        xid = int(result.get_value(0, 0) or 0)
        self._armed = Armed(connection, nonce, constraints, xid)
        return connection

    def stand_in_of(self, role: str) -> str:
        """Return the stand-in of a role; raise SettingsError where there is none."""
        return stand_in_of(role, self._session.stand_ins, self.clone.database)

    def act_as(self, role: str) -> bytes:
        """Return the command that lets a check act as a role; b'' for none."""
        return f"SET ROLE {quoted(self.stand_in_of(role))}".encode() if role else b""

    def finish(self) -> Proof:
        """Roll the running check back, put back what can be, return its proof."""
        armed, self._armed = self._armed, None
        assert armed is not None
        before = self._row
        told = self._roll_back(armed)
        lost = told is None
        if lost:
            self._session.reconnect()
            self._row = self._session.read_row(ledger.snapshot(before), armed.xid)
        intact = (
            not lost
            and armed.intact
            and (armed.xid, "committed") not in ledger.suspects(self._row)
        )
        proof = Proof(
            armed.check,
            ids=ledger.count_ids(ledger.snapshot(before), ledger.snapshot(self._row)),
            constraints=told or "not checked: session lost",
            examples=armed.examples,
            restored=armed.restored,
            foreign=len(ledger.suspects(self._row)) if intact else 0,
            notes=(ANEW,) if lost else (),
            swallowed=armed.connection.ward.swallowed.lines(),
        )
        unseen = self._session.may_set_sequences(armed.connection.ward)
        if not intact or unseen or not self._is_quiet(before):
            proof, self._row = self._prover.prove(
                proof, (before, self._row), armed, intact=intact, lost=lost
            )
            return proof
        if before[ledger.SEQUENCES_AT] == self._row[ledger.SEQUENCES_AT]:
            return residue.verdict_of(proof, strict=self.strict)
        return self._put_sequences_back(proof, before)

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

    @contextlib.contextmanager
    def nested(
        self,
        check: str,
        *,
        savepoints: bool = False,
        role: str = "",
        kind: type[Any] = GuardedConnection,
    ) -> Iterator[Any]:
        """Run a check within the running one, on what that has done; undo it.

        Yield its connection. Only the running check is proved.
        """
        outer = self._armed
        assert outer is not None
        act_as, roles = self.act_as(role), self._session.stand_ins
        ward = Ward(check, savepoints=savepoints, nonce=outer.nonce, roles=roles)
        with nested_check(self._session, outer, ward, kind) as inner:
            self._armed = inner
            inner.connection.example = self.example
            if act_as:
                self._session.run(act_as)
            try:
                yield inner.connection
            finally:
                self._armed = outer

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
        self.lease.open()
        self._session.connect()
        self._row = self._session.read_row(self._session.snapshot())

    def end(self) -> Proof:
        """Prove the whole session: sequences, catalogs and schema as at entry."""
        session, before = self._session, self._row
        self._row = session.read_row(ledger.snapshot(before))
        state, now = session.state(before), session.state(self._row)
        left = residue.session_changes(state, now) + residue.shared_changes(state, now)
        left = residue.merged(left, session.moved_from(session.positions))
        restore.put_back(session, left)
        changed = self.aside(self.look.schema)
        self.lease.spoiled = self.lease.spoiled or bool(left or changed)
        ids = ledger.count_ids(state.snapshot, now.snapshot)
        proof = Proof("session", ids=ids, dirty=(*left, *changed))
        return residue.verdict_of(proof, strict=self.strict)

    def close(self) -> None:
        """End the session; idempotent."""
        self._session.close()

    def _roll_back(self, armed: Armed) -> str | None:
        """Roll back and read the exit row; None when the session is lost.

        In a failed transaction the exit string would stop before its ROLLBACK.
        """
        connection = armed.connection
        if self._session.status not in USABLE or not connection.retire():
            connection.ward.over = True
            return None
        status, nonce = self._session.status, armed.nonce.encode()
        lost = connection.losing() if status != Status.IDLE else b""
        if lost and status == Status.INERROR:
            status = Status.INTRANS
        told, proof = TOLD[status], SAME[status].replace(b"%nonce", nonce)
        if status == Status.INTRANS and armed.constraints:
            told, proof = "checked", proof + CONSTRAINTS.replace(b"%nonce", nonce)
        proof = lost + proof
        end = b"" if status == Status.IDLE else b"ROLLBACK; "
        begin = ledger.snapshot(self._row)
        own = status != Status.IDLE
        result = self._session.exit(proof + end, begin, armed, own=own)
        if self._take(result):
            armed.intact = own
            return told
        if self._session.status != Status.INERROR:
            return None
        message = message_of(result)
        armed.intact = armed.nonce not in message and NAME not in message
        told = f"violated: {message}" if armed.intact else ANOTHER
        result = self._session.exit(b"ROLLBACK; ", begin, armed, own=False)
        return told if self._take(result) else None

    def _take(self, result: Any) -> bool:
        if not succeeded(result) or not result.ntuples:
            return False
        self._row = ledger.as_row(result, self._row)
        return True

    def _is_quiet(self, before: ledger.Row) -> bool:
        """Tell whether at most ids and sequences moved, and nobody else was there."""
        if not ledger.same_but_sequences(before, self._row):
            return False
        return self.closed_to_others or not self._row[ledger.SESSIONS]

    def _put_sequences_back(self, proof: Proof, before: ledger.Row) -> Proof:
        moved = restore.put_sequences_back(self._session, before, self._row)
        self._row = moved.row
        restored = tuple(
            change for change in moved.changes if change not in moved.still
        )
        restored = residue.merged(proof.restored, restored)
        proof = replace(proof, restored=restored, dirty=moved.still)
        return residue.verdict_of(proof, strict=self.strict)
