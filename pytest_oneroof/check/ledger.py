"""The exit query: one round trip that reads all that can outlive a rollback.

Its parts are functions of schema `oneroof` (clone/exit.sql). The status of every
transaction id between two snapshots (manual, 9.27.8: pg_xact_status) costs the number
of ids, whatever the size of the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pytest_oneroof.clone.residue import State
from pytest_oneroof.postgres.results import literal

# Column of the exit query -> attribute of State, for the plain lists.
_LISTS = {
    3: "prepared_statements",
    4: "prepared_transactions",
    5: "slots",
    8: "advisory_locks",
    9: "listeners",
    10: "cursors",
    11: "temporary",
}
IDS_AT, SETTINGS_AT, STATE_AT = 1, 2, 3
SESSIONS, SESSIONS_EVER = 6, 7
# Snapshot, ids, settings and prepared statements: what a transaction that was rolled
# back whole can have moved in its own session, on a clone closed to others. The rest
# of the state is rolled back with it, but for advisory locks, of which `touched` tells.
SHORT_FIELDS = 4
LOCKS_FIELDS = 3
NOBODY = b"{}"
LOCKS = b"SELECT * FROM oneroof.touched(); "

Row = tuple[bytes | None, ...]


@dataclass(frozen=True)
class Locks:
    """What the locks of a transaction told before it was rolled back.

    `xid` is its id; `relations` are the oids that it wrote to, sequences among them;
    `advisory` tells that it held an advisory lock.
    """

    xid: int
    relations: frozenset[int]
    advisory: bool


@dataclass(frozen=True)
class Exit:
    """An exit query: its window begins at the snapshot `begin`.

    The status of the ids in `own` is listed first: it is told however many ids others
    have committed. Of the settings in `names` those are told that are known.
    `physical` is None for the short query, which is for a transaction that is proved
    to have been the check's own; else it tells whether physical slots count.
    """

    begin: str
    own: tuple[int, ...] = ()
    names: frozenset[str] = frozenset()
    physical: bool | None = None

    def text(self) -> bytes:
        """Return the query."""
        _, xmax, open_ids = self.begin.split(":")
        ids = ",".join(filter(None, (*map(str, self.own), open_ids)))
        names = ",".join(literal(name) for name in sorted(self.names))
        text = (
            f"SELECT * FROM oneroof.exit('{{{ids}}}', {xmax}, ARRAY[{names}]::text[])"
        )
        if self.physical is not None:
            text += f", oneroof.state({str(self.physical).lower()})"
        return text.encode()


def as_locks(result: Any) -> Locks:
    """Return what `LOCKS` found."""
    xid, relations, advisory = (result.get_value(0, column) for column in range(3))
    found = (relations or NOBODY)[1:-1]
    return Locks(
        int(xid or 0),
        frozenset(map(int, found.split(b","))) if found else frozenset(),
        advisory == b"t",
    )


def count_ids(before: str, after: str) -> int:
    """Return how many transaction ids the window between two snapshots has."""
    _, first, open_ids = before.split(":")
    still_open = len(open_ids.split(",")) if open_ids else 0
    return int(after.split(":")[1]) - int(first) + still_open


def with_sessions_ever(row: Row, now: Row) -> Row:
    """Return a row with the sessions that there were ever, as they are now."""
    return (*row[:SESSIONS_EVER], now[SESSIONS_EVER], *row[SESSIONS_EVER + 1 :])


def same_but_ids(before: Row, after: Row) -> bool:
    """Tell whether at most transaction ids and settings moved between two rows."""
    return before[STATE_AT:] == after[STATE_AT:]


def snapshot(row: Row) -> str:
    """Return the snapshot in which the row was read."""
    return _value(row, 0).decode()


def settings(row: Row) -> frozenset[str]:
    """Return those of the settings asked for that the session knew."""
    return frozenset(_array(row[SETTINGS_AT]))


def to_state(row: Row) -> State:
    """Return the exit query's row as a State."""
    lists = {name: frozenset(_array(row[index])) for index, name in _LISTS.items()}
    sessions = (entry.partition(":") for entry in _array(row[SESSIONS]))
    return State(
        snapshot=snapshot(row),
        suspects=suspects(row),
        sessions={int(pid): role for pid, _, role in sessions},
        sessions_ever=int(_value(row, SESSIONS_EVER)),
        **lists,
    )


def suspects(row: Row) -> tuple[tuple[int, str | None], ...]:
    """Return the ids that did not abort, with their status (None: not known)."""
    pairs = (entry.split(":") for entry in _array(row[IDS_AT]))
    # Each once: the check's own id stands in the window too.
    found = {int(i): None if s == "?" else s for i, s in pairs}
    # One may have ended between the query's two looks at it.
    return tuple((i, status) for i, status in found.items() if status != "aborted")


def has_committed(row: Row, ids: Iterable[int]) -> bool:
    """Tell whether one of these transaction ids committed."""
    return not {(i, "committed") for i in ids}.isdisjoint(suspects(row))


def as_row(result: Any, before: Row | None = None) -> Row:
    """Return the one row of a raw result.

    What the short query does not read is as it was in `before`.
    """
    row = tuple(result.get_value(0, column) for column in range(result.nfields))
    if before is None or len(row) != SHORT_FIELDS:
        return row
    return (*row, *before[SHORT_FIELDS:])


def _value(row: Row, column: int) -> bytes:
    value = row[column]
    # No NULL is taken for an empty or idle one: the query gives none there.
    assert value is not None
    return value


def _array(value: bytes | None) -> list[str]:
    """Return the elements of a one-dimensional array literal (manual, 8.15.6)."""
    if value is None:
        return []
    parts: list[str] = []
    text = value.decode()[1:-1]
    while text:
        if text[0] == '"':
            element, end = json.JSONDecoder(strict=False).raw_decode(text)
        else:
            end = text.find(",") if "," in text else len(text)
            element = text[:end]
        parts.append(element)
        text = text[end + 1 :]
    return parts
