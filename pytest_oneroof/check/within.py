"""Sequences within a check's open transaction: as they are before an example.

An example is undone to a savepoint, which gives back neither sequences nor what
currval and lastval tell. Both are put back to where they were before it: also of
sequences that the check has made, or moved, by then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pytest_oneroof.check import sequences
from pytest_oneroof.check.guarded_session import GuardedSession
from pytest_oneroof.check.sequences import WITHIN, Moved, Position
from pytest_oneroof.postgres.results import succeeded

LOCKED = b"SELECT id, name FROM oneroof.locked_sequences() WHERE readable"


@dataclass(frozen=True)
class Base:
    """Sequences before an example, where the check has touched any.

    `positions` are those of the sequences that it has locked and that are there;
    `gone` are oids of those that it has dropped; `current` is what currval told of
    them, `last` the one of which lastval told.
    """

    positions: dict[int, Position] = field(default_factory=dict)
    gone: frozenset[int] = frozenset()
    current: dict[int, int] = field(default_factory=dict)
    last: int | None = None


def read_base(session: GuardedSession) -> Base:
    """Read the sequences that the open transaction has touched so far."""
    touched = session.locks().relations
    found = session.run(LOCKED)
    names = {
        int(found.get_value(row, 0)): found.get_value(row, 1).decode()
        for row in range(found.ntuples)
    }
    current = {
        oid: value
        for oid in sorted(touched & names.keys())
        if (value := _told(session, f"pg_catalog.currval('{oid}')")) is not None
    }
    last = _told(session, "pg_catalog.lastval()") if current else None
    return Base(
        positions=_positions(session, names, current),
        gone=(touched & session.positions.keys()) - names.keys(),
        current=current,
        last=next((oid for oid, value in current.items() if value == last), None),
    )


def put_back(session: GuardedSession, base: Base, touched: frozenset[int]) -> Moved:
    """Put back what an example moved, of the sequences among these relations."""
    positions = {
        oid: base.positions.get(oid) or session.positions[oid]
        for oid in touched - base.gone
        if oid in base.positions or oid in session.positions
    }
    last = "; ".join((WITHIN.last.decode(), *_remembering(base))).encode()
    return sequences.put_back(session, positions, replace(WITHIN, last=last))


def _positions(
    session: GuardedSession, names: dict[int, str], current: dict[int, int]
) -> dict[int, Position]:
    if not names:
        return {}
    unread = {
        oid: Position(name, None, False, sequences.read_whole(oid, name))
        for oid, name in names.items()
    }
    found = sequences.read_rows(session, unread, WITHIN)
    return {
        oid: replace(unread[oid], value=value, called=called)
        for oid, row in found.items()
        for value, called in [_resumed(row, current.get(oid))]
    }


def _resumed(row: sequences.Row, current: int | None) -> sequences.Row:
    """Return where the session goes on: with CACHE before the end of its values."""
    value, called = row
    return (current, True) if called and current is not None else (value, called)


def _told(session: GuardedSession, call: str) -> int | None:
    """Return what currval or lastval tells, None where it is not defined."""
    results = session.send_all(f"SAVEPOINT oneroof_told; SELECT {call}".encode())
    value = None
    if succeeded(results[-1]):
        value = int(results[-1].get_value(0, 0))
    session.run(b"ROLLBACK TO SAVEPOINT oneroof_told; RELEASE SAVEPOINT oneroof_told")
    return value


def _remembering(base: Base) -> Iterator[str]:
    """Yield the commands after which currval and lastval tell what they told."""
    for oid, value in base.current.items():
        calls = [sequences.setval(oid, value, called=oid != base.last)]
        if oid == base.last:
            # It alone becomes the one of lastval, and gives this very value.
            calls.append(f"pg_catalog.nextval('{oid}')")
        was = base.positions.get(oid)
        if was is not None:
            calls.append(sequences.setval(oid, was.value, called=was.called))
        yield f"SELECT {', '.join(calls)}"
