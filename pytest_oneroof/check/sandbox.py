"""The guarded transaction: arm, hand out, disarm and prove, check after check.

One session serves all checks of a run or worker. What happens between two
exit queries is one check's doing; `residue.py` judges it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import psycopg

from pytest_oneroof.check import ledger, restore
from pytest_oneroof.check.app_roles import quoted, stand_in_of
from pytest_oneroof.check.armed import Armed
from pytest_oneroof.check.connection import GuardedConnection
from pytest_oneroof.check.example_proof import proved_example
from pytest_oneroof.check.guarded_session import SET_UP, GuardedSession, Status
from pytest_oneroof.check.ledger import Locks
from pytest_oneroof.check.nested_check import nested_check
from pytest_oneroof.check.prover import Prover, with_sequences
from pytest_oneroof.check.savepoint_mode import SAVEPOINT
from pytest_oneroof.check.ward import Ward
from pytest_oneroof.clone import residue
from pytest_oneroof.clone.guard import GuardedClone
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.look import Look
from pytest_oneroof.clone.residue import Proof, Residue
from pytest_oneroof.errors import CloneError, ServerError
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.postgres.results import message_of, succeeded
from pytest_oneroof.statements.read import ANY

T = TypeVar("T")

# The locks of a transaction that has failed can be read once it has gone back to the
# savepoint of the arming, or, where a deferred constraint failed, to that of the end.
ARM = "BEGIN READ WRITE; SAVEPOINT oneroof_armed; "
END = b"SET LOCAL statement_timeout = 0; SAVEPOINT oneroof_end; "
CONSTRAINTS = b"%sSET CONSTRAINTS ALL IMMEDIATE; "
VIOLATED = b"ROLLBACK TO SAVEPOINT oneroof_end; "
FAILED = b"ROLLBACK TO SAVEPOINT oneroof_armed; "
ROLLBACK = b"ROLLBACK; "
TOLD = {
    Status.INTRANS: "not checked: the check's marker opts out",
    Status.INERROR: "not checked: transaction aborted",
    Status.IDLE: "not checked: the transaction had ended",
}
ANOTHER = "not checked: the transaction was not the check's own any more"
USABLE = (Status.IDLE, Status.INTRANS, Status.INERROR)


@dataclass(frozen=True)
class End:
    """How a check's transaction ended: what is told of its deferred constraints.

    `locks` is None where the one rolled back is not proved to be the check's own.
    """

    constraints: str
    locks: Locks | None = None


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
        self._prover = Prover(self._session, look, strict=strict)
        self._armed: Armed | None = None
        self._in_example = False
        # Whether a check's transaction was not proved to be its own.
        self._doubted = False
        # The server process of a session that no other check may have: it knows a
        # custom setting, or a check has its libpq handle.
        self._marked = 0
        self._row = self._session.first_row()

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
        ward = Ward(check, savepoints=savepoints)
        session = self._session
        if session.pid == self._marked and session.status == Status.IDLE:
            # Where the server is gone meanwhile, the session is: it is opened anew.
            with contextlib.suppress(psycopg.OperationalError, ServerError):
                session.renew()
                self._row = session.read_row(self._row)
        xid = self._open(ward, act_as)
        ward.roles, ward.computing = session.stand_ins, session.watched.computing
        connection = kind(session.pgconn, ward)
        connection.example = self.example
        self._armed = Armed(connection, constraints, xid, act_as)
        return connection

    def _open(self, ward: Ward, act_as: bytes) -> int:
        """Open and arm a transaction; return its id."""
        command = (
            f"{ARM}INSERT INTO oneroof.tripwire (lock) VALUES ('{ward.keys.lock()}') "
            "RETURNING pg_catalog.pg_current_xact_id()"
        ).encode()
        session = self._session
        result: Any = session.send(command) if session.status == Status.IDLE else None
        if not succeeded(result):
            self._reconnect()
            result = session.run(command)
        if act_as:
            session.run(act_as)
        if ward.savepoints:
            session.run(SAVEPOINT)
        return int(result.get_value(0, 0) or 0)

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
        end = self._roll_back(armed)
        ward = armed.ward
        if end and (ward.raw or ANY in ward.custom or ledger.settings(self._row)):
            self._marked = self.pid
        proof = Proof(
            armed.check,
            constraints=end.constraints if end else "not checked: session lost",
            examples=armed.examples,
            restored=armed.restored,
            swallowed=armed.ward.swallowed.lines(),
        )
        locks = end.locks if end and not self._committed(armed) else None
        self._doubted = self._doubted or locks is None
        if locks is None or locks.advisory or not self._is_quiet(before):
            proof, self._row = self._prover.prove(
                proof, before, armed, locks, lost=end is None
            )
            return proof
        snapshots = ledger.snapshot(before), ledger.snapshot(self._row)
        others = (i for i, _ in ledger.suspects(self._row))
        foreign = len(set(others) - self.lease.own_ids)
        proof = replace(proof, ids=ledger.count_ids(*snapshots), foreign=foreign)
        if locks.relations.isdisjoint(self._session.positions):
            return residue.verdict_of(proof, strict=self.strict)
        moved = self._prover.put_sequences_back(locks)
        if moved.still:
            self._row = self._prover.renew()
        return residue.verdict_of(with_sequences(proof, moved), strict=self.strict)

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
            self._forget_settings(self._armed)
            with proved_example(
                self._session, self._armed, self._row, strict=self.strict
            ):
                yield
        finally:
            self._in_example = False

    def _forget_settings(self, armed: Armed) -> None:
        """Begin anew before an example where one before it has set a custom setting.

        Its session can be replaced as long as examples alone have done anything: they
        are undone. Not where others may enter: what they do meanwhile is to be seen.
        """
        session, ward = self._session, armed.ward
        armed.alone = armed.alone and armed.sent == ward.count
        known = armed.row is not None and ledger.settings(armed.row)
        if not armed.alone or not (known or ANY in ward.custom):
            return
        if not self.closed_to_others or self.clone.uncovered:
            return
        if session.status != Status.INTRANS or session.locks().xid != armed.xid:
            return
        session.run(ROLLBACK)
        session.settle_client()
        session.renew()
        armed.row = session.read_row(self._row)
        self._row = ledger.with_sessions_ever(self._row, armed.row)
        armed.xid = self._open(ward, armed.act_as)
        armed.connection.move_to(session.pgconn)
        ward.custom.clear()

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
        ward = Ward(
            check,
            savepoints=savepoints,
            keys=outer.ward.keys,
            roles=roles,
            computing=outer.ward.computing,
        )
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
                self._session.run(SET_UP)
                self._row = self._session.read_row(self._row)

    def pause(self, work: Callable[[], None]) -> None:
        """Do something that needs the clone without sessions, between checks."""
        self._session.close()
        work()
        self.lease.open()
        self._session.connect()
        self._row = self._session.first_row()

    def end(self) -> Proof:
        """Prove the whole session: sequences, catalogs and schema as at entry."""
        if not succeeded(self._session.send(b"SELECT true")):
            self._reconnect()
        return self._session.despite_crashes(self._end)

    def _reconnect(self) -> None:
        """Make a session anew that was lost between checks.

        After a crash sequences go on behind the values that were written down ahead.
        """
        self._session.reconnect()
        self._prover.put_sequences_back(None)
        self._row = self._session.read_row(self._row)

    def _end(self) -> Proof:
        session, before = self._session, self._row
        self._row = session.read_row(before)
        state, now = session.state(before), session.state(self._row)
        left = residue.session_changes(state, now) + residue.shared_changes(state, now)
        restore.put_back(session, left)
        moved = self._prover.put_sequences_back(None)
        # Content costs its size: it is compared where a check could have committed.
        # Not where others may write: what they do is told with the check beside it.
        whole = self._doubted and self.closed_to_others and self.look.recorded
        changed = self.aside(self._compare if whole else self.look.schema)
        left += moved.changes
        self.lease.spoiled = self.lease.spoiled or bool(left or changed)
        ids = ledger.count_ids(state.snapshot, now.snapshot)
        proof = Proof("session", ids=ids, dirty=(*left, *changed))
        return residue.verdict_of(proof, strict=self.strict)

    def _compare(self, connection: psycopg.Connection[Any]) -> tuple[Residue, ...]:
        return self.look.compare(connection).changed

    def close(self) -> None:
        """End the session; idempotent."""
        self._session.close()

    def _roll_back(self, armed: Armed) -> End | None:
        """Roll back and read the exit row; None when the session is lost.

        In a failed transaction the exit string would stop before its ROLLBACK.
        """
        if self._session.status not in USABLE or not armed.connection.retire():
            armed.ward.over = True
            return None
        self._session.settle_client()
        status, told = self._session.status, ""
        forget = armed.ward.deallocating(everything=True)
        query = forget + self._session.exit(
            ledger.snapshot(self._row),
            armed.xid,
            names=self._session.watched.names | armed.ward.custom,
        )
        lost = armed.connection.losing() if status != Status.IDLE else b""
        for command, constraints in _ends(armed, status, lost):
            found = self._exit(armed, command, query)
            if isinstance(found, End):
                constraints = told or constraints
                return replace(
                    found, constraints=constraints if found.locks else ANOTHER
                )
            if self._session.status != Status.INERROR:
                return None
            told = told or f"violated: {message_of(found)}"
        # The transaction is gone, or another has failed in its place.
        result = self._session.send(ROLLBACK + query)
        if not succeeded(result):
            return None
        self._row = ledger.as_row(result, self._row)
        return End(TOLD[status] if status == Status.IDLE else ANOTHER)

    def _exit(self, armed: Armed, command: bytes, query: bytes) -> End | Any:
        """Send what ends a transaction; return how it ended, or the result that failed.

        The one that was armed is known by its id, which no other can have. Numbers of
        the session's own transactions would not do: it runs some by itself when others
        change catalogs.
        """
        results = self._session.send_all(command + ledger.LOCKS + ROLLBACK + query)
        if not results or not succeeded(results[-1]):
            return results[-1] if results else None
        self._row = ledger.as_row(results[-1], self._row)
        found = (r for r in results if r.nfields == ledger.LOCKS_FIELDS)
        locks = ledger.as_locks(next(found))
        return End("", locks if locks.xid == armed.xid else None)

    def _committed(self, armed: Armed) -> bool:
        return ledger.has_committed(self._row, (armed.xid,))

    def _is_quiet(self, before: ledger.Row) -> bool:
        """Tell whether at most ids moved, and nobody else was there."""
        if not ledger.same_but_ids(before, self._row):
            return False
        return self.closed_to_others or self._row[ledger.SESSIONS] == ledger.NOBODY


def _ends(armed: Armed, status: Status, lost: bytes) -> Iterator[tuple[bytes, str]]:
    """Yield what ends a transaction in that status, and if that fails the next.

    `lost` undoes work that was not committed, in isolation 'savepoint'.
    """
    if lost and status == Status.INERROR:
        status = Status.INTRANS
    if status == Status.INTRANS and armed.constraints:
        checked = CONSTRAINTS % armed.ward.keys.opening()
        yield lost + END + checked, "checked"
        yield VIOLATED, ""
    elif status == Status.INTRANS:
        yield lost + END, TOLD[status]
    elif status == Status.INERROR:
        yield FAILED, TOLD[status]
