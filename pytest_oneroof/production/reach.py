"""Routines that reach past READ ONLY by what they call, as far as their text shows it.

READ ONLY stops what writes. It does not stop locks that others meet, messages in the
log of changes, nor a routine that catches the cancellation at its timeout; and of these
nothing need be left when the check ends. (A setting that was moved is.) What code in C
could do is not asked here: whether the role may execute it is (`postgres/outward.py`).
Pure but for `read_routines`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import class_row

from pytest_oneroof.postgres.extensions import EXTENSIONS
from pytest_oneroof.postgres.search_path import own_names
from pytest_oneroof.statements import grammar, lexical
from pytest_oneroof.statements.bodies import UNKNOWN, executed_text
from pytest_oneroof.statements.read import Text, read_whole

# Functions of the server's own, by name, and what a call of them does.
CALLS = {
    "pg_*advisory*": "it takes or frees a lock that other sessions meet",
    "pg_logical_emit_message": "what it writes to the log of changes stays there",
}
CANCELLED = frozenset({"query_canceled", "57014"})
# Functions that run SQL which they are given.
RUNNERS = "query_to_xml* table_to_xml* cursor_to_xml* ts_stat ts_rewrite".split()
# What a text must hold so that it is read at all.
MENTIONS = (
    "advisory|pg_logical_emit_message|query_canceled|57014|execute|_to_xml|ts_stat|"
    "ts_rewrite"
)


@dataclass(frozen=True)
class Routine:
    """A routine or view of the database: who may run it, and its whole text."""

    signature: str
    name: str
    language: str
    executable: bool
    definer: bool
    text: str


@dataclass(frozen=True)
class Reach:
    """A routine that reaches past READ ONLY, and how, in words."""

    routine: str
    how: str


def read_routines(connection: psycopg.Connection[Any]) -> tuple[Routine, ...]:
    """Return the routines and views whose text may reach past READ ONLY.

    All of them where one that the role may not execute does: a SECURITY DEFINER
    routine may call it by any number of others.
    """
    found = _read(connection, MENTIONS)
    hidden = any(not routine.executable and _how(routine) for routine in found)
    return _read(connection, None) if hidden else found


def _read(
    connection: psycopg.Connection[Any], pattern: str | None
) -> tuple[Routine, ...]:
    values = {"pattern": pattern, "reviewed": [row.extension for row in EXTENSIONS]}
    cursor = connection.cursor(row_factory=class_row(Routine))
    with own_names(connection):
        return tuple(cursor.execute(_query(), values).fetchall())


def reaching(routines: Iterable[Routine]) -> tuple[Reach, ...]:
    """Return those that the role may run and whose text reaches past READ ONLY.

    A routine that runs with its caller's rights reaches through another only where
    the caller may execute that one, which then is told itself. A SECURITY DEFINER
    routine reaches what its owner may execute.
    """
    known = tuple(routines)
    how = {r.name: told for r in known if (told := _how(r))}
    grown = True
    while grown:
        grown = False
        for routine in known:
            if routine.name in how:
                continue
            through = sorted(_text(routine).functions & how.keys())
            if through:
                how[routine.name] = f"it calls {through[0]}: {how[through[0]]}"
                grown = True
    return tuple(
        Reach(r.signature, how[r.name])
        for r in known
        if r.executable and r.name in how and (r.definer or _how(r))
    )


def undecided(routines: Iterable[Routine]) -> tuple[str, ...]:
    """Return those that the role may run and whose reach their text does not show."""
    return tuple(r.signature for r in routines if r.executable and _is_undecided(r))


def _how(routine: Routine) -> str:
    return next(_ways(_text(routine).functions, _words(routine)), "")


def _ways(called: frozenset[str], words: frozenset[str]) -> Iterator[str]:
    for pattern, why in CALLS.items():
        if found := sorted(n for n in called if fnmatchcase(n, pattern)):
            yield f"it calls {found[0]}(): {why}"
    if words & CANCELLED:
        yield "it catches query_canceled, by which the statement timeout ends it"


def _is_undecided(routine: Routine) -> bool:
    called = _text(routine).functions
    return (
        routine.language not in ("sql", "plpgsql")
        or any(fnmatchcase(name, pattern) for name in called for pattern in RUNNERS)
        or any(map(_is_open, _executed(routine)))
    )


def _is_open(text: str) -> bool:
    """Tell whether an executed text is made of more than names and values."""
    shown = text.replace(f'"{UNKNOWN}"', "").replace(f"'{UNKNOWN}'", "")
    return not text or UNKNOWN in shown or UNKNOWN in read_whole(text).functions


def _executed(routine: Routine) -> Iterator[str]:
    for statement in _text(routine).statements:
        if statement.language == "plpgsql":
            raw = statement.body.encode()
            for piece in lexical.pieces(grammar.scan(statement.body), block=True):
                if lexical.executed(piece):
                    yield executed_text(raw, piece)


@cache
def _text(routine: Routine) -> Text:
    return read_whole(routine.text)


def _words(routine: Routine) -> frozenset[str]:
    bodies = (s.body for s in _text(routine).statements if s.language == "plpgsql")
    return frozenset(t.text for body in bodies for t in grammar.scan(body))


@cache
def _query() -> bytes:
    return Path(__file__).with_name("routines.sql").read_bytes()
