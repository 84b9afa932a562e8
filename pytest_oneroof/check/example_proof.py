"""One Hypothesis example of a check: run in a savepoint, undone and proved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pytest_oneroof.check import ledger, restore, within
from pytest_oneroof.check.armed import Armed
from pytest_oneroof.check.client_state import as_before
from pytest_oneroof.check.guarded_session import GuardedSession, Status
from pytest_oneroof.check.ledger import Locks
from pytest_oneroof.check.savepoint_mode import SAVEPOINT
from pytest_oneroof.check.within import Base
from pytest_oneroof.clone import residue
from pytest_oneroof.errors import ResidueError
from pytest_oneroof.postgres.results import Failed, message_of, succeeded

OPEN = b"SAVEPOINT oneroof_example; "
OVER = "an example, or the check before it, has ended or broken it"
UNDO = b"ROLLBACK TO SAVEPOINT oneroof_example; RELEASE SAVEPOINT oneroof_example; "
CONSTRAINTS = b"SET LOCAL statement_timeout = 0; %sSET CONSTRAINTS ALL IMMEDIATE"
SHOWN = 20
# What was put back, and what others could meet.
Moved = tuple[tuple[residue.Residue, ...], tuple[residue.Residue, ...]]


@contextlib.contextmanager
def proved_example(
    session: GuardedSession, armed: Armed, entry: ledger.Row, *, strict: bool
) -> Iterator[None]:
    """Run one example of the running check in a savepoint, and prove it.

    `entry` is the state at the check's begin. Raise ResidueError, within the
    example, when its proof is not clean or a deferred constraint is violated.
    An error of the example gets a note with the statements that it sent.
    """
    ward = armed.ward
    if session.status != Status.INTRANS:
        raise ResidueError(f"{armed.check}: its transaction is not open: {OVER}")
    armed.connection.rearm_if_spent()
    # Names set before the example are outside of its savepoint: not its own.
    stack, closed, sent, ward.stack = ward.stack, ward.closed, len(ward.sent), ()
    played, ward.played = ward.played, ward.played.within()
    ward.remember = True
    session.run(OPEN + SAVEPOINT if ward.savepoints else OPEN)
    if armed.row is None or armed.sent != ward.count:
        armed.row = session.read_row(armed.row or entry)
        armed.base = within.read_base(session) if ward.count else Base()
    before = armed.row
    try:
        with as_before(armed.connection):
            yield
        session.settle_client()
    except BaseException as error:
        _undo(session, armed, before)
        _add_statements(error, ward.sent[sent:])
        raise
    else:
        touched, violated = _undo_checked(session, armed, before)
        _judge(session, armed, before, touched, strict=strict)
        if violated:
            raise ResidueError(f"a deferred constraint is violated: {violated}")
    finally:
        ward.stack, ward.closed, ward.played = stack, closed, played
        ward.remember = ward.spent = False
        armed.sent = ward.count
        del ward.sent[sent:]


def _undo(session: GuardedSession, armed: Armed, before: ledger.Row) -> None:
    """Undo an example that failed or was rejected; its transaction may be gone.

    What it left is not judged: the error is told, or the check's proof tells it.
    """
    if session.status in (Status.INTRANS, Status.INERROR):
        touched = _read(session, armed, before)
        _put_back(session, armed, before, touched)


def _undo_checked(
    session: GuardedSession, armed: Armed, before: ledger.Row
) -> tuple[Locks, str]:
    """Undo an example; return what it touched, and what deferred constraints say."""
    if session.status not in (Status.INTRANS, Status.INERROR):
        raise ResidueError(f"{armed.check}: an example ended the check's transaction")
    violated, lost = "", armed.connection.losing()
    if lost:
        session.run(lost)
    if session.status == Status.INTRANS and armed.constraints:
        command = CONSTRAINTS % armed.ward.keys.opening()
        result = session.send(command)
        if not succeeded(result):
            violated = message_of(result)
    return _read(session, armed, before), violated


def _read(session: GuardedSession, armed: Armed, before: ledger.Row) -> Locks:
    """Undo the example and read the state after it; return what it touched."""
    names = session.watched.names | armed.ward.custom
    query = session.exit(ledger.snapshot(before), names=names)
    undo = UNDO + armed.ward.deallocating()
    results = session.send_all(undo + ledger.LOCKS + query)
    if not results or not succeeded(results[-1]):
        raise Failed(message_of(results[-1] if results else None))
    armed.examples += 1
    armed.row = ledger.as_row(results[-1], before)
    return ledger.as_locks(results[-2])


def _judge(
    session: GuardedSession,
    armed: Armed,
    before: ledger.Row,
    touched: Locks,
    *,
    strict: bool,
) -> None:
    """Put back what the example moved; raise ResidueError for what it left."""
    restored, left = _put_back(session, armed, before, touched)
    proof = residue.Proof(armed.check, restored=restored, dirty=left)
    proof = residue.verdict_of(proof, strict=strict)
    if proof.verdict != "clean":
        raise ResidueError(str(proof))


def _put_back(
    session: GuardedSession, armed: Armed, before: ledger.Row, touched: Locks
) -> Moved:
    """Put back what the example moved; return that, and what others could meet."""
    assert armed.row is not None
    moved = within.put_back(session, armed.base, touched.relations)
    restored, left = moved.changes, moved.still
    if touched.advisory or not ledger.same_but_ids(before, armed.row):
        changes, shared = _put_all_back(session, armed, before)
        restored, left = restored + changes, left + shared
    armed.restored = residue.merged(armed.restored, restored)
    return restored, left


def _put_all_back(session: GuardedSession, armed: Armed, before: ledger.Row) -> Moved:
    """Put back all that an example moved; return that, and what others could meet."""
    row = session.read_row(before)
    was, now = session.state(before), session.state(row)
    changes = residue.session_changes(was, now)
    shared = residue.shared_changes(was, now)
    restore.put_back(session, changes)
    restore.remove(session, shared)
    armed.row = session.read_row(row)
    return changes, shared


def _add_statements(error: BaseException, sent: list[str]) -> None:
    """Note the statements that an example sent on the error that it raised."""
    if sent and not isinstance(error, GeneratorExit):
        lines = "\n".join(f"  {' '.join(text.split())[:200]}" for text in sent[-SHOWN:])
        error.add_note(f"statements of this example ({len(sent)}):\n{lines}")
