"""What writing a table sets off in the database, and whether any of it leads out.

Read from the catalogs: from the table to its triggers, rules and expressions, from
these to the routines they call, and on to the tables that those write. Bodies are
read by tokens; what is put together at run time cannot be read, and is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import psycopg
from pytest_oneroof.suites.support import rows, sql

from pytest_oneroof.statements import bodies, grammar, lexical
from pytest_oneroof.statements.grammar import Token
from pytest_oneroof.statements.tree import bare

# Calls by which something leaves the database: notifications, and what opens
# sessions, sends requests, writes files or schedules jobs.
NOTIFIES = ("pg_notify",)
LEADS_OUT = (
    *("dblink*", "pg_background*", "http", "http_*", "net.http*", "cron.*"),
    *("lo_export", "pg_file_*", "pg_logical_emit_message", "pgagent.*", "pgmq.*"),
)
READABLE = frozenset({"sql", "plpgsql"})


@dataclass(frozen=True)
class Routine:
    """A routine and its body; `extension` is the one it belongs to, if any."""

    oid: int
    name: str
    language: str
    body: str
    extension: str | None


@dataclass(frozen=True)
class Attached:
    """What runs by itself when `relation` is written; an event trigger has none."""

    relation: str
    kind: str
    name: str
    enabled: bool
    definition: str
    routine: int | None


@dataclass(frozen=True)
class Routines:
    """All routines of a database, and what is attached to its tables."""

    by_oid: dict[int, Routine]
    attached: tuple[Attached, ...]

    def named(self, name: str) -> Iterator[Routine]:
        """Yield the routines that a call by this name can mean."""
        for routine in self.by_oid.values():
            if name == (routine.name if "." in name else bare(routine.name)):
                yield routine

    def on(self, relation: str) -> tuple[Attached, ...]:
        """Return what is attached to a table."""
        return tuple(a for a in self.attached if a.relation == relation)


@dataclass
class Reach:
    """What was reached; `notifies` and `leads_out` name routine and means."""

    relations: set[str] = field(default_factory=set)
    routines: set[str] = field(default_factory=set)
    notifies: set[str] = field(default_factory=set)
    leads_out: set[str] = field(default_factory=set)


def read_routines(connection: psycopg.Connection[Any]) -> Routines:
    """Return all routines and attachments of the connected database."""
    routines = [Routine(*row) for row in rows(connection, sql("events/routines.sql"))]
    attached = [Attached(*row) for row in rows(connection, sql("events/attached.sql"))]
    return Routines({r.oid: r for r in routines}, tuple(attached))


def reach_of(
    known: Routines, relations: Iterable[str], *, event_triggers: bool = False
) -> Reach:
    """Return what writing these tables can set off, however indirectly.

    With `event_triggers` also what any DDL sets off.
    """
    reach = Reach()
    start = [a for a in known.attached if event_triggers and not a.relation]
    todo: list[str | Routine | Attached] = [*relations, *start]
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            if node not in reach.relations:
                reach.relations.add(node)
                todo += known.on(node)
        elif isinstance(node, Attached):
            todo += _of_attached(known, node, reach)
        elif node.name not in reach.routines:
            reach.routines.add(node.name)
            todo += _of_body(known, node, reach)
    return reach


def written_here(connection: psycopg.Connection[Any]) -> Counter[str]:
    """Return the rows this session has written and not yet reported, by table."""
    return Counter(dict(rows(connection, sql("events/written_here.sql"))))


def writers_of(known: Routines, relation: str) -> list[str]:
    """Return the routines whose body writes that table, by name."""
    return sorted(
        routine.name
        for routine in known.by_oid.values()
        if routine.language in READABLE
        and relation in _resolved(_written(_pieces(routine)), (relation,))
    )


def leads_out(routine: Routine) -> list[str]:
    """Return by what means the routine itself leads out, notifications left out."""
    if routine.language not in READABLE:
        return [f"{routine.name} is in language {routine.language}"]
    found = []
    for piece in _pieces(routine):
        read = lexical.read_piece(piece)
        found += [
            f"{routine.name} calls {name}"
            for name in sorted(read.functions)
            if _matches(name, LEADS_OUT)
        ]
        found += [
            f"{routine.name}: {trait}"
            for trait in (lexical.SERVER_FILE, lexical.SERVER_PROGRAM)
            if trait in read.traits
        ]
    return found


def _of_attached(
    known: Routines, attached: Attached, reach: Reach
) -> list[str | Routine | Attached]:
    where = f"{attached.kind} {attached.name} on {attached.relation or 'any DDL'}"
    text = Routine(0, where, "sql", attached.definition, None)
    found = _of_body(known, text, reach) if attached.definition else []
    if attached.routine in known.by_oid:
        found.append(known.by_oid[attached.routine])
    return found


def _of_body(
    known: Routines, routine: Routine, reach: Reach
) -> list[str | Routine | Attached]:
    reach.leads_out.update(leads_out(routine))
    found: list[str | Routine | Attached] = []
    if routine.language not in READABLE:
        return found
    pieces = _pieces(routine)
    for piece in pieces:
        called = lexical.read_piece(piece).functions
        if any(_matches(name, NOTIFIES) for name in called):
            reach.notifies.add(routine.name)
        if _notifies(piece):
            reach.notifies.add(routine.name)
        if _runs_built_text(piece):
            reach.leads_out.add(f"{routine.name} executes text built at run time")
        found += [r for name in sorted(called) for r in known.named(name)]
    relations = {a.relation for a in known.attached if a.relation}
    found += sorted(_resolved(_written(pieces), relations))
    return found


def _pieces(routine: Routine) -> list[list[Token]]:
    found, body = [], routine.body.encode()
    for piece in lexical.pieces(grammar.scan(routine.body), block=True):
        found.append(piece)
        executed = bodies.executed_text(body, piece)
        found += lexical.pieces(grammar.scan(executed), block=False)
    return found


# What stands before the name of a table that a statement changes.
_CHANGES = (("insert", "into"), ("merge", "into"), ("delete", "from"), ("update",))


def _written(pieces: Iterable[Sequence[Token]]) -> set[str]:
    """Return the names of tables that the pieces change, as written."""
    found = set()
    for piece in pieces:
        words = [t.text if t.kind == "name" else "" for t in piece]
        texts = [t.text for t in piece]
        for index in range(len(words)):
            for lead in (*_CHANGES, ("truncate",), ("copy",)):
                if tuple(words[index : index + len(lead)]) == lead:
                    found.add(_name_at(texts, index + len(lead)))
    return found


def _name_at(texts: list[str], index: int) -> str:
    while index < len(texts) and texts[index] in ("only", "table"):
        index += 1
    if texts[index + 1 : index + 2] == ["."]:
        return ".".join(texts[index : index + 3 : 2])
    return texts[index] if index < len(texts) else ""


def _resolved(names: Iterable[str], relations: Iterable[str]) -> set[str]:
    wanted = set(names)
    return {r for r in relations if r in wanted or bare(r) in wanted}


def _notifies(piece: Sequence[Token]) -> bool:
    # First in a statement, or the action of a rule.
    before = ("", "do", "also", "instead", "(")
    texts = ["", *(t.text for t in piece)]
    return any(
        token[:2] == ("name", "notify") and texts[index] in before
        for index, token in enumerate(piece)
    )


def _runs_built_text(piece: Sequence[Token]) -> bool:
    for index, token in enumerate(piece):
        if token[:2] != ("name", "execute"):
            continue
        after = piece[index + 1 : index + 3]
        if not after or after[0].text in ("function", "procedure"):
            continue
        fixed = after[0].kind == "string" and (
            len(after) == 1 or after[1].text in ("into", "using")
        )
        if not fixed:
            return True
    return False


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(
        fnmatchcase(name if "." in pattern else bare(name), pattern)
        for pattern in patterns
    )
