"""Putting back what a check moved in its own session and in sequences.

Whether it was put back is not concluded here: the state is read again afterwards.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_oneroof.check import ledger
from pytest_oneroof.check.guarded_session import SET_UP, GuardedSession, Positions
from pytest_oneroof.clone import residue
from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.ownership import acts
from pytest_oneroof.postgres.results import Failed, literal, quoted, succeeded

# RESET and the like for what lives in the session; sequences need their values.
PUT_BACK = {
    "advisory lock": b"SELECT pg_catalog.pg_advisory_unlock_all()",
    "listener": b"UNLISTEN *",
    "held cursor": b"CLOSE ALL",
    "temporary object": b"DISCARD TEMP",
}
# Begin, end and undo of putting sequences back, within a check's transaction and
# after it: setval itself is never rolled back.
WITHIN = (
    b"SAVEPOINT oneroof_set; ",
    b"RELEASE SAVEPOINT oneroof_set",
    b"ROLLBACK TO SAVEPOINT oneroof_set; RELEASE SAVEPOINT oneroof_set",
)
AFTER = (b"BEGIN READ WRITE; ", b"ROLLBACK", b"ROLLBACK")
DISCARD = b"; DISCARD SEQUENCES; "
FORGET = (b"RESET SESSION AUTHORIZATION", b"RESET ROLE", b"RESET ALL", SET_UP)
# Custom settings (a.b) do not stand in pg_settings; RESET ALL resets them too.
SETTINGS = """
SELECT s.name, coalesce(o.setting, s.reset_val), s.setting
  FROM pg_catalog.pg_settings AS s
  LEFT JOIN (VALUES ('standard_conforming_strings', 'on'),
                    ('default_transaction_read_only', 'on')) AS o (name, setting)
    ON o.name = s.name
 WHERE s.source = 'session'
   AND s.setting IS DISTINCT FROM coalesce(o.setting, s.reset_val)
UNION ALL
SELECT 'role', session_user, current_user WHERE current_user <> session_user
 ORDER BY 1
"""


def changed_settings(session: GuardedSession) -> tuple[Residue, ...]:
    """Return the session's settings that are not as we have set them."""
    rows = session.connection.execute(SETTINGS).fetchall()
    return tuple(Residue("session setting", *row) for row in rows)


def put_back(
    session: GuardedSession,
    changes: tuple[Residue, ...],
    shared: tuple[Residue, ...] = (),
    *,
    everything: bool = False,
    within: Positions | None = None,
) -> None:
    """Put back what can be, after a check or, by the positions `within`, inside it.

    `everything` resets the session's settings too: its transaction was lost.
    """
    for command in FORGET if everything else ():
        session.run(command)
    sequences = [change.object for change in changes if change.kind == "sequence"]
    if sequences:
        _put_back_sequences(session, sequences, within)
    kinds = {change.kind for change in changes}
    for kind, command in PUT_BACK.items():
        if kind in kinds:
            session.run(command)
    for change in changes:
        if change.kind == "prepared statement":
            session.run(f"DEALLOCATE {quoted(change.object)}".encode())
    for left in shared:
        _remove(session, left)


@dataclass(frozen=True)
class Moved:
    """Sequences that moved, those that still are, and the row read afterwards."""

    changes: tuple[Residue, ...]
    still: tuple[Residue, ...]
    row: ledger.Row


def put_sequences_back(
    session: GuardedSession,
    before: ledger.Row,
    after: ledger.Row,
    *,
    within: Positions | None = None,
) -> Moved:
    """Put back, in one round trip, sequences that moved between two rows.

    For a check or example that moved nothing else: the usual one.
    """
    was = session.sequences(before)
    changes = residue.sequence_changes(was, session.sequences(after))
    names = [change.object for change in changes]
    calls = _setvals(names, session.positions if within is None else within)
    begin, end, back = AFTER if within is None else WITHIN
    result = session.send(begin + calls + end + DISCARD + _last_values(names))
    if _verified(result, names, was):
        return Moved(changes, (), ledger.with_sequences(after, before))
    if not succeeded(result):
        session.run(back)
        put_back(session, changes, within=within)
    row = session.read_row(ledger.snapshot(after))
    still = residue.sequence_changes(was, session.sequences(row))
    return Moved(changes, still, row)


def _last_values(names: list[str]) -> bytes:
    calls = (f"pg_catalog.pg_sequence_last_value({literal(name)})" for name in names)
    return f"SELECT {', '.join(calls)}".encode()


def _verified(result: Any, names: list[str], was: Mapping[str, int | None]) -> bool:
    """Tell whether the sequences that moved are seen to be where they were."""
    if not succeeded(result) or not result.ntuples:
        return False
    values = (result.get_value(0, column) for column in range(result.nfields))
    found = [None if value is None else int(value) for value in values]
    return found == [was[name] for name in names]


def _put_back_sequences(
    session: GuardedSession, names: list[str], within: Positions | None
) -> None:
    """Set sequences to where they were; one that may not be set stays moved."""
    begin, end, back = AFTER if within is None else WITHIN
    calls = _setvals(names, session.positions if within is None else within)
    if not succeeded(session.send(begin + calls + end)):
        session.run(back)
        for name in names if len(names) > 1 else ():
            _put_back_sequences(session, [name], within)
    # Else the session would go on with the values that it has cached.
    session.run(b"DISCARD SEQUENCES")


def _setvals(names: list[str], positions: Positions) -> bytes:
    calls = []
    for name in names:
        if name in positions:
            value, called = positions[name]
            where = f"{literal(name)}, {value}, {str(called).lower()}"
            calls.append(f"pg_catalog.setval({where})")
    return f"SELECT {', '.join(calls)}; ".encode()


def _remove(session: GuardedSession, left: Residue) -> None:
    """Remove what others could meet, as far as the check role may."""
    if left.kind == "prepared transaction":
        command = f"ROLLBACK PREPARED {literal(left.object)}"
    elif left.kind == "replication slot":
        command = f"SELECT pg_catalog.pg_drop_replication_slot({literal(left.object)})"
    else:
        pid = int(left.object.split()[1])
        command = acts.end_session_text(pid, session.clone.oid)
    with contextlib.suppress(Failed):
        session.run(command.encode())
