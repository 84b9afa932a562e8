"""Sequences by oid: where they are, and putting back those that a check has moved.

A transaction keeps its lock on each sequence that it moves until its end, so that
these alone are read, however many the database has. They are known by oid: a check
may rename one, or drop it and make another of the same name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg

from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.postgres.results import Failed, message_of, succeeded

# SELECT lets a sequence be read whole; USAGE alone lets it be advanced, and tells
# its last value, but not one that setval has set without calling it. One without any
# right is locked too by who tries to draw from it, and does not move.
LISTED = """
SELECT q.seqrelid::bigint, pg_catalog.format('%I.%I', n.nspname, c.relname),
       pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT'),
       pg_catalog.has_sequence_privilege(q.seqrelid, 'USAGE'),
       CASE WHEN pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT, USAGE')
            THEN pg_catalog.pg_sequence_last_value(q.seqrelid) END
  FROM pg_catalog.pg_sequence AS q
  JOIN pg_catalog.pg_class AS c ON c.oid = q.seqrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE pg_catalog.has_sequence_privilege(q.seqrelid, 'SELECT, USAGE, UPDATE')
"""
BATCH = 200


@dataclass(frozen=True)
class Position:
    """Where a sequence was: its last value, and whether that was called.

    `read` is the query that reads it, empty where the check role may not. `value`
    is None where it was never called and its start cannot be read.
    """

    name: str
    value: int | None
    called: bool
    read: str

    def __str__(self) -> str:
        if self.value is None:
            return "never called" if self.read else "not readable"
        return str(self.value) if self.called else f"{self.value}, not called"


class Session(Protocol):
    """What puts sequences back: the session that moved them."""

    def send_all(self, command: bytes) -> list[Any]:
        """Send one string; return all its results."""
        ...

    def run(self, command: bytes) -> Any:
        """Send one string; return its last result, or raise Failed."""
        ...


Positions = Mapping[int, Position]
Row = tuple[int | None, bool]


@dataclass(frozen=True)
class Place:
    """Where sequences are put back: setval itself is never rolled back.

    `last` is sent when they are: the session goes on otherwise with values that it
    has cached, and tells them by currval and lastval.
    """

    begin: bytes
    end: bytes
    last: bytes = b"; DISCARD SEQUENCES"

    def around(self, command: bytes) -> bytes:
        """Return commands as they are sent there."""
        return self.begin + command + self.end

    def result(self, results: list[Any], number: int) -> Any:
        """Return the result of one of these commands."""
        return results[self.begin.count(b"; ") + number]


AFTER = Place(b"BEGIN READ WRITE; ", b"; ROLLBACK")
# Within a check's transaction, which may have set itself to another role.
WITHIN = Place(
    b"SAVEPOINT oneroof_set; SET LOCAL ROLE NONE; ",
    b"; ROLLBACK TO SAVEPOINT oneroof_set; RELEASE SAVEPOINT oneroof_set",
)


@dataclass(frozen=True)
class Moved:
    """Sequences that had moved, and those of them that could not be put back.

    `hidden` are names of those that may have moved, and cannot be read.
    """

    changes: tuple[Residue, ...] = ()
    still: tuple[Residue, ...] = ()
    hidden: tuple[str, ...] = ()

    def __add__(self, other: Moved) -> Moved:
        return Moved(
            self.changes + other.changes,
            self.still + other.still,
            self.hidden + other.hidden,
        )


def read_positions(connection: psycopg.Connection[Any]) -> dict[int, Position]:
    """Return the position of every sequence that the connected role can move."""
    found, unread = {}, {}
    for oid, name, whole, usable, value in connection.execute(LISTED).fetchall():
        read = read_whole(oid, name) if whole else _read_value(oid) if usable else ""
        found[oid] = Position(name, value, value is not None, read)
        if whole and value is None:
            unread[oid] = found[oid]
    oids = list(unread)
    for start in range(0, len(oids), BATCH):
        part = {oid: unread[oid] for oid in oids[start : start + BATCH]}
        for row in connection.execute(_reads(p.read for p in part.values())).fetchall():
            oid, value, called = row
            found[oid] = Position(found[oid].name, value, called, found[oid].read)
    return found


def read_whole(oid: int, name: str) -> str:
    """Return the query that reads a sequence by its name, quoted and qualified."""
    return f"SELECT {oid}, last_value, is_called FROM {name}"


def moved_since(
    before: Positions, now: Positions
) -> tuple[dict[int, Position], tuple[Residue, ...]]:
    """Return the sequences that are not where they were, and how they moved."""
    moved = {
        oid: was
        for oid, was in before.items()
        if oid in now and (now[oid].value, now[oid].called) != (was.value, was.called)
    }
    changes = (_residue(was, (now[o].value, now[o].called)) for o, was in moved.items())
    return moved, tuple(changes)


def put_back(session: Session, positions: Positions, place: Place = AFTER) -> Moved:
    """Put sequences back, in one round trip, and see where they are then.

    One that may not be set stays where it is.
    """
    hidden = tuple(was.name for was in positions.values() if not was.read)
    known = {oid: was for oid, was in positions.items() if was.read}
    return Moved(hidden=hidden) + _put_back(session, known, place)


def _put_back(session: Session, known: Positions, place: Place) -> Moved:
    if not known:
        return Moved()
    reads = _reads(was.read for was in known.values())
    text = reads + b"; " + _setvals(known) + b"; " + reads
    results = session.send_all(place.around(text + place.last))
    if results and succeeded(results[-1]):
        now, then = place.result(results, 0), place.result(results, 2)
        return Moved(_changes(known, _rows(now)), _changes(known, _rows(then)))
    session.run(place.end[2:])
    if len(known) > 1:
        parts = (_put_back(session, {oid: was}, place) for oid, was in known.items())
        return sum(parts, Moved())
    session.run(place.around(place.last[2:]))
    changes = _changes(known, read_rows(session, known, place))
    return Moved(changes, changes)


def read_rows(
    session: Session, positions: Positions, place: Place = AFTER
) -> dict[int, Row]:
    """Return where sequences are now, of those that can be read."""
    reads = _reads(was.read for was in positions.values())
    results = session.send_all(place.around(reads))
    if not results or not succeeded(results[-1]):
        session.run(place.end[2:])
        raise Failed(message_of(results[-1] if results else None))
    return _rows(place.result(results, 0))


def _reads(reads: Iterable[str]) -> bytes:
    return " UNION ALL ".join(reads).encode()


def _read_value(oid: int) -> str:
    return f"SELECT {oid}, pg_catalog.pg_sequence_last_value({oid}), NULL::boolean"


def _setvals(positions: Positions) -> bytes:
    calls = (setval(o, p.value, called=p.called) for o, p in positions.items())
    return f"SELECT {', '.join(calls)}".encode()


def setval(oid: int, value: int | None, *, called: bool) -> str:
    """Return the call that sets a sequence; a number as its name is its oid."""
    if value is None:
        return "NULL"
    return f"pg_catalog.setval('{oid}', {value}, {str(called).lower()})"


def _rows(result: Any) -> dict[int, Row]:
    rows = (
        [result.get_value(row, c) for c in range(3)] for row in range(result.ntuples)
    )
    return {
        int(oid): (
            None if value is None else int(value),
            value is not None if called is None else called == b"t",
        )
        for oid, value, called in rows
    }


def _changes(positions: Positions, now: Mapping[int, Row]) -> tuple[Residue, ...]:
    return tuple(
        _residue(was, now[oid])
        for oid, was in positions.items()
        if now[oid] != (was.value, was.called)
    )


def _residue(was: Position, now: Row) -> Residue:
    after = Position(was.name, *now, was.read)
    return Residue("sequence", was.name, str(was), str(after))
