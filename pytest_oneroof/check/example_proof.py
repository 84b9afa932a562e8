"""One Hypothesis example of a check: run in a savepoint, undone and proved."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pytest_oneroof.check import ledger, restore
from pytest_oneroof.check.armed import Armed
from pytest_oneroof.check.guarded_session import GuardedSession, Status
from pytest_oneroof.check.savepoint_mode import SAVEPOINT
from pytest_oneroof.clone import residue
from pytest_oneroof.errors import ResidueError
from pytest_oneroof.postgres.results import message_of, succeeded

OPEN = b"SAVEPOINT oneroof_example; "
OVER = "an example, or the check before it, has ended or broken it"
UNDO = b"ROLLBACK TO SAVEPOINT oneroof_example; RELEASE SAVEPOINT oneroof_example; "
BACK = b"ROLLBACK TO SAVEPOINT oneroof_example"
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
    ward = armed.connection.ward
    if session.status != Status.INTRANS:
        raise ResidueError(f"{armed.check}: its transaction is not open: {OVER}")
    armed.connection.rearm_if_spent()
    # Names set before the example are outside of its savepoint: not its own.
    stack, closed, sent, ward.stack = ward.stack, ward.closed, len(ward.sent), ()
    played, ward.played = ward.played, ward.played.within()
    setval, functions = ward.setval, set(ward.functions)
    ward.remember = True
    session.run(OPEN + SAVEPOINT if ward.savepoints else OPEN)
    if armed.row is None or armed.sent != ward.count:
        armed.row = session.read_row(ledger.snapshot(armed.row or entry))
        armed.positions = session.read_positions()
    before = armed.row
    try:
        yield
    except BaseException as error:
        _undo(session, armed, before)
        _add_statements(error, ward.sent[sent:])
        raise
    else:
        violated = _undo_checked(session, armed, before)
        _judge(session, armed, before, strict=strict)
        # What it called has been looked at; the next one need not be.
        ward.setval, ward.functions = setval, functions
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
        _remember_query(session, armed)
        _read(session, armed, before)
        _put_back(session, armed, before)


def _undo_checked(session: GuardedSession, armed: Armed, before: ledger.Row) -> str:
    """Undo an example; return what its deferred constraints say, or ''."""
    if session.status not in (Status.INTRANS, Status.INERROR):
        raise ResidueError(f"{armed.check}: an example ended the check's transaction")
    _remember_query(session, armed)
    lost = armed.connection.losing()
    if lost:
        session.run(lost)
    if session.status == Status.INTRANS and armed.constraints:
        command = (
            b"SET LOCAL statement_timeout = 0; SET LOCAL oneroof.pass = '%s'; "
            b"SET CONSTRAINTS ALL IMMEDIATE; " % armed.nonce.encode()
        )
        execute = _execute_text(session, armed, before)
        result = session.send(command + UNDO + execute)
        if succeeded(result):
            armed.row = ledger.as_row(result, before)
            armed.examples += 1
            return ""
        violated = message_of(result)
        _read(session, armed, before)
        return violated
    _read(session, armed, before)
    return ""


def _remember_query(session: GuardedSession, armed: Armed) -> None:
    """Have the exit query ready, also where the example dropped it."""
    ward = armed.connection.ward
    if ward.forgot:
        if session.status == Status.INERROR:
            session.run(BACK)
        session.remember_queries()
        ward.forgot = False


def _read(session: GuardedSession, armed: Armed, before: ledger.Row) -> None:
    execute = _execute_text(session, armed, before)
    armed.row = ledger.as_row(session.run(UNDO + execute), before)
    armed.examples += 1


def _execute_text(session: GuardedSession, armed: Armed, before: ledger.Row) -> bytes:
    short = session.suffices_short(armed.connection.ward)
    return ledger.execute_text(ledger.snapshot(before), short=short)


def _judge(
    session: GuardedSession, armed: Armed, before: ledger.Row, *, strict: bool
) -> None:
    """Put back what the example moved; raise ResidueError for what it left."""
    restored, left = _put_back(session, armed, before)
    proof = residue.Proof(armed.check, restored=restored, dirty=left)
    proof = residue.verdict_of(proof, strict=strict)
    if proof.verdict != "clean":
        raise ResidueError(str(proof))


def _put_back(session: GuardedSession, armed: Armed, before: ledger.Row) -> Moved:
    """Put back what the example moved; return that, and what others could meet."""
    after, ward = armed.row, armed.connection.ward
    assert after is not None
    unseen = session.may_set_sequences(ward)
    if unseen or not ledger.same_but_sequences(before, after):
        restored, left = _put_all_back(session, armed, before, unseen=unseen)
    elif before[ledger.SEQUENCES_AT] == after[ledger.SEQUENCES_AT]:
        return (), ()
    else:
        moved = restore.put_sequences_back(
            session, before, after, within=armed.positions
        )
        restored, left, armed.row = moved.changes, moved.still, moved.row
    armed.restored = residue.merged(armed.restored, restored)
    return restored, left


def _put_all_back(
    session: GuardedSession, armed: Armed, before: ledger.Row, *, unseen: bool
) -> Moved:
    """Put back all that an example moved; return that, and what others could meet."""
    assert armed.row is not None
    was, now = session.state(before), session.state(armed.row)
    changes = residue.session_changes(was, now)
    if unseen:
        changes = residue.merged(changes, session.moved_from(armed.positions))
    shared = residue.shared_changes(was, now)
    restore.put_back(session, changes, shared, within=armed.positions)
    armed.connection.forget_prepared()
    armed.row = session.read_row(ledger.snapshot(armed.row))
    return changes, shared


def _add_statements(error: BaseException, sent: list[str]) -> None:
    """Note the statements that an example sent on the error that it raised."""
    if sent and not isinstance(error, GeneratorExit):
        lines = "\n".join(f"  {' '.join(text.split())[:200]}" for text in sent[-SHOWN:])
        error.add_note(f"statements of this example ({len(sent)}):\n{lines}")
