"""The guarded transaction: arm, hand out, disarm and prove, check after check.

One session serves all checks of a run or worker. What happens between two
exit queries is one check's doing; `residue.py` judges it.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import psycopg
from psycopg import pq

from pytest_oneroof.clone import ledger, residue
from pytest_oneroof.clone.connection import SAVEPOINT, GuardedConnection, Guarding, Ward
from pytest_oneroof.clone.guard import GuardedClone, Rules, admit
from pytest_oneroof.clone.lease import Lease
from pytest_oneroof.clone.look import Look
from pytest_oneroof.clone.marker import PREFIX
from pytest_oneroof.clone.residue import Proof, Residue, State
from pytest_oneroof.errors import ResidueError, ServerError
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.postgres.connect import connect

OK = (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK)
Status = pq.TransactionStatus
T = TypeVar("T")


class Failed(ServerError):
    """A command of ours failed; carries the server's message."""


@dataclass
class Armed:
    """The running check: its connection, and whether deferred rules are checked."""

    connection: Guarding
    nonce: str
    constraints: bool
    xid: int
    row: ledger.Row | None = None
    examples: int = 0
    restored: tuple[Residue, ...] = ()


class Sandbox:
    """The session on the clone, and its proof. One check at a time.

    `strict` makes restored residue dirty. Close it at the run's end.
    """

    def __init__(
        self, lease: Lease, rules: Rules, look: Look, *, strict: bool = False
    ) -> None:
        self.lease = lease
        self.rules = rules
        self.look = look
        self.strict = strict
        self.closed_to_others = False
        self.clone: GuardedClone
        self._session: psycopg.Connection[Any]
        self._pgconn: Any = None
        self._armed: Armed | None = None
        self._in_example = False
        self._row: ledger.Row = ()
        self._names: list[str] = []
        self._connect()
        self._row = self._read_row(self._snapshot())
        self._positions = self._read_positions()

    def begin(
        self,
        check: str,
        *,
        savepoints: bool = False,
        constraints: bool = True,
        remember: bool = False,
        kind: type[Any] = GuardedConnection,
    ) -> Any:
        """Open the guarded transaction of one check, and arm its tripwire.

        With `savepoints` commit() and rollback() work on a savepoint; without
        `constraints` deferred constraints are not checked; with `remember` the
        connection's ward keeps the statements sent; `kind` is the connection's
        class. Raise ServerError when the server cannot be reached any more.
        """
        nonce = secrets.token_hex(8)
        command = (
            "BEGIN READ WRITE; "
            f"INSERT INTO oneroof.tripwire (nonce) VALUES ('{nonce}') "
            "RETURNING pg_catalog.pg_current_xact_id()"
        ).encode()
        if self._pgconn.transaction_status != Status.IDLE:
            self._reconnect()
        result = self._pgconn.exec_(command)
        if result.status not in OK:
            self._reconnect()
            result = self._run(command)
        if savepoints:
            self._run(SAVEPOINT)
        ward = Ward(check, savepoints=savepoints, nonce=nonce, remember=remember)
        connection = kind(self._pgconn, ward)
        xid = int(result.get_value(0, 0) or 0)
        self._armed = Armed(connection, nonce, constraints, xid)
        return connection

    def finish(self) -> Proof:
        """Roll the running check back, put back what can be, return its proof."""
        armed, self._armed = self._armed, None
        assert armed is not None
        ward = armed.connection.ward
        ward.over = True
        before = self._row
        told = self._roll_back(armed)
        lost = told is None
        if lost:
            self._reconnect()
            self._row = self._read_row(ledger.snapshot(before))
        intact = not lost and ledger.lxid(self._row) == ledger.lxid(before) + 2
        ids = ledger.count_ids(ledger.snapshot(before), ledger.snapshot(self._row))
        proof = Proof(
            ward.check,
            ids=ids,
            constraints=told or "not checked: session lost",
            examples=armed.examples,
            restored=_distinct(armed.restored),
        )
        if intact and not ward.setval and self._is_quiet(before):
            committed = len(ledger.suspects(self._row))
            return replace(proof, foreign=committed)
        return self._prove(proof, before, armed, intact=intact, lost=lost)

    @property
    def running(self) -> bool:
        """Whether a check is running."""
        return self._armed is not None

    @contextlib.contextmanager
    def example(self) -> Iterator[None]:
        """Run one example of the running check in a savepoint, and prove it.

        Raise ResidueError, within the example, when its proof is not clean or
        a deferred constraint is violated. Nests to no depth: an example within
        an example is part of it.
        """
        armed = self._armed
        if armed is None or self._in_example:
            yield
            return
        ward = armed.connection.ward
        stack, sent = ward.stack, len(ward.sent)
        self._in_example, ward.remember = True, True
        before = self._open_example(armed)
        try:
            yield
        except BaseException as error:
            self._close_example(armed, before, quiet=True)
            if not isinstance(error, GeneratorExit):
                _add_statements(error, ward.sent[sent:])
            raise
        else:
            self._close_example(armed, before, quiet=False)
        finally:
            self._in_example, ward.stack = False, stack
            del ward.sent[sent:]

    def _open_example(self, armed: Armed) -> ledger.Row:
        self._run(EXAMPLE)
        if armed.row is None:
            armed.row = self._read_row(ledger.snapshot(self._row))
        return armed.row

    def _close_example(
        self, armed: Armed, before: ledger.Row, *, quiet: bool
    ) -> None:
        """Undo one example and prove it; `quiet` where it failed anyway."""
        status = self._pgconn.transaction_status
        if status not in (Status.INTRANS, Status.INERROR):
            if not quiet:
                raise ResidueError(
                    f"{armed.connection.ward.check}: an example ended the transaction"
                )
            return
        execute = ledger.execute_text(ledger.snapshot(before))
        violated = ""
        result = None
        if status == Status.INTRANS and armed.constraints and not quiet:
            pass_ = b"SET LOCAL oneroof.pass = '%s'; " % armed.nonce.encode()
            command = pass_ + b"SET CONSTRAINTS ALL IMMEDIATE; " + UNDO_EXAMPLE + execute
            result = self._pgconn.exec_(command)
            if result.status not in OK:
                violated, result = _message(result), None
        if result is None:
            result = self._run(UNDO_EXAMPLE + execute)
        armed.connection.ward.spent = False
        after = armed.row = ledger.as_row(result)
        armed.examples += 1
        proof = self._judge_example(armed, before, after)
        if violated and not quiet:
            raise ResidueError(f"a deferred constraint is violated: {violated}")
        if proof is not None and proof.verdict != "clean" and not quiet:
            raise ResidueError(str(proof))

    def _judge_example(
        self, armed: Armed, before: ledger.Row, after: ledger.Row
    ) -> Proof | None:
        """Return the proof of an example where more than ids moved, else None."""
        ward = armed.connection.ward
        same = ledger.same_but_ids(before, after) and ledger.lxid(before) == ledger.lxid(after)
        if same and not ward.setval:
            return None
        was, now = self._state(before), self._state(after)
        changes = residue.session_changes(was, now)
        if ward.setval:
            changes = _merged(changes, self._moved_positions())
        shared = residue.shared_changes(was, now)
        self._put_back(changes, shared, everything=False, within=True)
        armed.restored += changes
        armed.row = self._read_row(ledger.snapshot(after))
        proof = Proof(ward.check, restored=changes, dirty=shared)
        return residue.verdict_of(proof, strict=self.strict)

    def end(self) -> Proof:
        """Prove the whole session: sequences, catalogs and schema as at entry."""
        before = self._row
        self._row = self._read_row(ledger.snapshot(before))
        state, now = self._state(before), self._state(self._row)
        proof = Proof("session", ids=ledger.count_ids(state.snapshot, now.snapshot))
        left = residue.session_changes(state, now) + residue.shared_changes(state, now)
        moved = self._moved_positions()
        found = self.aside(self.look.schema)
        return residue.verdict_of(
            replace(proof, dirty=(*left, *moved, *found)), strict=self.strict
        )

    def close(self) -> None:
        """End the session; idempotent."""
        if self._pgconn is not None:
            self._pgconn.finish()

    def aside(self, read: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Return what `read` reads on the session, outside of any check.

        The entry state of the next check is read again afterwards: the
        session's own transactions are counted.
        """
        try:
            return read(self._session)
        finally:
            if self._pgconn.transaction_status == Status.IDLE:
                self._row = self._read_row(ledger.snapshot(self._row))

    @property
    def pid(self) -> int:
        """The server process that serves the checks."""
        return int(self._pgconn.backend_pid)

    def _connect(self) -> None:
        """Connect, close the clone to others, and have the guard judge it."""
        session = connect(self.lease.url, application="pytest-oneroof check")
        try:
            self.closed_to_others = self.lease.close()
            facts = read_facts(session, prefix=PREFIX, own_pids=[])
            self.clone = admit(facts, self.rules)
            rows = session.execute(ledger.SEQUENCES).fetchall()
            self._names = [name for _, name, _ in rows]
            prepare = ledger.prepare_text(
                self.clone.oid,
                physical_slots=bool(self.clone.uncovered),
                all_readable=all(readable for _, _, readable in rows),
            )
            session.execute(prepare.encode())
            session.execute("SELECT pg_catalog.pg_stat_force_next_flush()")
        except BaseException:
            session.close()
            self.lease.open()
            raise
        self._session, self._pgconn = session, session.pgconn

    def _reconnect(self) -> None:
        """Make the session anew, its old server process ended first."""
        self._session.close()
        self.lease.open()
        self.lease.end_leftovers()
        self._connect()

    def _roll_back(self, armed: Armed) -> str | None:
        """Roll back and read the exit row; None when the session is lost.

        In a failed transaction the exit string would stop before its ROLLBACK.
        """
        status = self._pgconn.transaction_status
        execute = ledger.execute_text(ledger.snapshot(self._row))
        usable = (Status.IDLE, Status.INTRANS, Status.INERROR)
        if status not in usable or self._pgconn.pipeline_status:
            return None
        told = "not checked: the transaction had ended"
        if status == Status.INTRANS and armed.constraints:
            told, done = self._check_constraints(armed, execute)
            if done:
                return told
        elif status == Status.INTRANS:
            told = "not checked: the check's marker opts out"
        elif status == Status.INERROR:
            told = "not checked: transaction aborted"
        if status != Status.IDLE:
            execute = b"ROLLBACK; " + execute
        return told if self._take(self._pgconn.exec_(execute)) else None

    def _check_constraints(self, armed: Armed, execute: bytes) -> tuple[str, bool]:
        command = (
            b"SET LOCAL oneroof.pass = '%s'; SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK; %s"
            % (armed.nonce.encode(), execute)
        )
        result = self._pgconn.exec_(command)
        if self._take(result):
            return "checked", True
        return f"violated: {_message(result)}", False

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
        before, after = self._state(row_before), self._state(self._row)
        moved = self._moved_positions() if armed.connection.ward.setval else ()
        changes = _merged(residue.session_changes(before, after), moved)
        shared = residue.shared_changes(before, after)
        how = self._circumstances(before, after, intact=intact, lost=lost)
        proof = self._ledger(proof, after, armed, how)
        notes = ("its session was lost and made anew",) if lost else ()
        self._put_back(changes, shared, everything=not intact)
        self._row = self._read_row(ledger.snapshot(self._row))
        still = residue.session_changes(before, self._state(self._row))
        proof = replace(
            proof,
            restored=(*proof.restored, *(c for c in changes if c not in still)),
            dirty=(*proof.dirty, *shared, *still),
            notes=(*proof.notes, *notes),
        )
        if self.lease.spoiled and self.lease.host is not None:
            self._renew()
        return residue.verdict_of(proof, strict=self.strict)

    def _circumstances(
        self, before: State, after: State, *, intact: bool, lost: bool
    ) -> residue.Circumstances:
        expected = before.sessions_ever + lost
        strangers = bool(after.sessions) or after.sessions_ever > expected
        return residue.Circumstances(
            intact=intact, closed=self.closed_to_others, strangers=strangers
        )

    def _ledger(
        self, proof: Proof, after: State, armed: Armed, how: residue.Circumstances
    ) -> Proof:
        """Add what the transaction ids tell, and where they leave it open, a look."""
        committed = [i for i, status in after.suspects if status == "committed"]
        unknown = [i for i, status in after.suspects if status is None]
        own = armed.xid in committed
        dirty: tuple[Residue, ...] = ()
        reason = ""
        if own:
            dirty = (Residue("transaction", str(armed.xid), "open", "committed"),)
        if unknown:
            reason = f"the server no longer knows the ids {unknown[:5]}"
        if own or residue.needs_look(after, how):
            found = self.look.compare(self._session)
            dirty += _attributed(found, after, how)
            self.lease.spoiled = self.lease.spoiled or bool(found)
            if not found and not how.intact and not own:
                reason = reason or (
                    "the check ended its own transaction, and ids committed "
                    f"meanwhile ({len(committed)}) cannot be told from its own; the "
                    "tables and the schema are as before"
                )
        foreign = 0 if dirty else len(committed)
        return replace(
            proof,
            dirty=dirty,
            reason=reason,
            committed=len(committed) if dirty else 0,
            foreign=foreign,
        )

    def _put_back(
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
            self._run((text if within else f"BEGIN READ WRITE; {text}; ROLLBACK").encode())
            self._run(b"DISCARD SEQUENCES")
        for kind, command in PUT_BACK.items():
            if kind in kinds:
                self._run(command)
        if everything:
            self._run(b"RESET SESSION AUTHORIZATION")
            self._run(b"RESET ALL")
        for change in changes:
            if change.kind == "prepared statement":
                self._run(b"DEALLOCATE " + _quoted(change.object))
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
            self._run(command)

    def _renew(self) -> None:
        """Replace a clone that a check has changed, so that no later one suffers."""
        self._session.close()
        if self.lease.renew():
            self._connect()
            self._row = self._read_row(self._snapshot())
            self._positions = self._read_positions()
            return
        self._connect()
        self._row = self._read_row(self._snapshot())
        self.look.adopt(self._session)

    def _setval(self, name: str) -> str:
        value, called = self._positions[name]
        literal = _literal(name).decode()
        return f"pg_catalog.setval({literal}, {value}, {str(called).lower()})"

    def _moved_positions(self) -> tuple[Residue, ...]:
        now = self._read_positions()
        return tuple(
            Residue("sequence", name, _position(was), _position(now[name]))
            for name, was in self._positions.items()
            if name in now and now[name] != was
        )

    def _read_positions(self) -> dict[str, tuple[int, bool]]:
        """Return last value and is_called of every readable sequence."""
        rows = self._session.execute(ledger.SEQUENCES).fetchall()
        names = [name for _, name, readable in rows if readable]
        found: dict[str, tuple[int, bool]] = {}
        for start in range(0, len(names), 200):
            query = " UNION ALL ".join(
                f"SELECT {_literal(name).decode()}, last_value, is_called FROM {name}"
                for name in names[start : start + 200]
            )
            rows = self._session.execute(query.encode()).fetchall()
            found |= {name: (value, called) for name, value, called in rows}
        return found

    def _snapshot(self) -> str:
        result = self._run(b"SELECT pg_catalog.pg_current_snapshot()")
        return (result.get_value(0, 0) or b"").decode()

    def _read_row(self, snapshot: str) -> ledger.Row:
        return ledger.as_row(self._run(ledger.execute_text(snapshot)))

    def _state(self, row: ledger.Row) -> State:
        """Return a row as a State, our own opening and closing left out."""
        state = ledger.to_state(row, self._names)
        suspects = tuple(s for s in state.suspects if s[0] not in self.lease.own_ids)
        return replace(state, suspects=suspects)

    def _run(self, command: bytes) -> Any:
        result = self._pgconn.exec_(command)
        if result.status not in OK:
            raise Failed(_message(result))
        return result


EXAMPLE = b"SAVEPOINT oneroof_example"
UNDO_EXAMPLE = b"ROLLBACK TO SAVEPOINT oneroof_example; RELEASE SAVEPOINT oneroof_example; "
# RESET and the like for what lives in the session; sequences need their values.
PUT_BACK = {
    "advisory lock": b"SELECT pg_catalog.pg_advisory_unlock_all()",
    "listener": b"UNLISTEN *",
    "held cursor": b"CLOSE ALL",
    "temporary object": b"DISCARD TEMP",
}


def _add_statements(error: BaseException, sent: list[str]) -> None:
    """Note the statements that an example sent on the error that it raised."""
    if sent:
        lines = "\n".join(f"  {' '.join(text.split())[:200]}" for text in sent[-20:])
        error.add_note(f"statements of this example ({len(sent)}):\n{lines}")


def _attributed(
    found: tuple[Residue, ...], after: State, how: residue.Circumstances
) -> tuple[Residue, ...]:
    """Name the strangers where content changed while the check's own work did not."""
    if not how.intact or not how.strangers:
        return found
    present = ", ".join(f"pid {pid} of {role}" for pid, role in after.sessions.items())
    who = present or "a session that has ended"
    return tuple(
        replace(r, kind=f"foreign {r.kind}", after=f"{r.after} (by {who}, not this check)")
        for r in found
    )


def _merged(
    first: tuple[Residue, ...], second: tuple[Residue, ...]
) -> tuple[Residue, ...]:
    known = {(r.kind, r.object) for r in first}
    return first + tuple(r for r in second if (r.kind, r.object) not in known)


def _distinct(found: tuple[Residue, ...]) -> tuple[Residue, ...]:
    """Return one residue for each kind and object, as examples repeat them."""
    return tuple({(r.kind, r.object): r for r in found}.values())


def _position(position: tuple[int, bool]) -> str:
    value, called = position
    return str(value) if called else f"{value}, not called"


def _message(result: Any) -> str:
    text = result.get_error_message() if hasattr(result, "get_error_message") else ""
    return (text or pq.error_message(result)).strip()


def _literal(text: str) -> bytes:
    return b"'" + text.replace("'", "''").encode() + b"'"


def _quoted(name: str) -> bytes:
    return b'"' + name.replace('"', '""').encode() + b'"'
