"""Which relations a check has touched: by its locks, and by the texts that it sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_oneroof.controls.noted import Path
from pytest_oneroof.postgres.results import succeeded

# What is left of a part that was rolled back are the texts alone.
LOCKS = b"""
SELECT c.oid::regclass::text,
       lock.mode = 'RowExclusiveLock'
  FROM pg_catalog.pg_locks AS lock
  JOIN pg_catalog.pg_class AS c ON c.oid = lock.relation
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE lock.pid = pg_catalog.pg_backend_pid()
   AND lock.locktype = 'relation'
   AND c.relkind IN ('r', 'p', 'v', 'm')
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'oneroof')
 ORDER BY 1, 2
"""
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")
_WRITES = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|MERGE\s+INTO)"
    r"\s+(?:ONLY\s+)?(?:\"?\w+\"?\.)?\"?(\w+)\"?",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?:FROM|JOIN|UPDATE|INTO)\s+(?:ONLY\s+)?(?:\"?\w+\"?\.)?\"?(\w+)\"?"
    r"\s+AS\s+\"?(\w+)\"?",
    re.IGNORECASE,
)
_QUALIFIED = re.compile(r"\b(\w+)\"?\.\"?(\w+)")
_GRANTS = re.compile(r"\b(?:relacl|aclexplode)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Touched:
    """Relations, by their bare names, that a check has used, and has written.

    `granted` are words of its texts that read grants, relations among them; `columns`
    those that its texts name by the alias of their table; `figures` values of files,
    with the file's name.
    """

    used: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    granted: frozenset[str] = frozenset()
    columns: frozenset[tuple[str, str]] = frozenset()
    figures: frozenset[tuple[str, Path]] = frozenset()


def touched_by(connection: Any) -> Touched:
    """Return what a check's connection has touched so far, `remember` being set."""
    used, written = words_of(connection.ward.sent)
    result = connection.pgconn.exec_(LOCKS)
    if succeeded(result):
        for number in range(result.ntuples):
            name = _bare(result.get_value(number, 0).decode())
            used.add(name)
            if result.get_value(number, 1) == b"t":
                written.add(name)
    texts = tuple(connection.ward.sent)
    granted = {w for t in texts if _GRANTS.search(t) for w in _WORD.findall(t)}
    return Touched(
        frozenset(used),
        frozenset(written),
        frozenset(granted),
        frozenset(pair for text in texts for pair in columns_of(text)),
    )


def columns_of(text: str) -> set[tuple[str, str]]:
    """Return the columns that a text names by the alias of their table."""
    aliases = {alias: table for table, alias in _NAMED.findall(text)}
    return {
        (aliases[alias], column)
        for alias, column in _QUALIFIED.findall(text)
        if alias in aliases
    }


def words_of(texts: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return the words of texts, and those that stand where a table is written."""
    used: set[str] = set()
    written: set[str] = set()
    for text in texts:
        used.update(_WORD.findall(text))
        written.update(_WRITES.findall(text))
    return used, written


def with_views(touched: Touched, views: Mapping[str, frozenset[str]]) -> Touched:
    """Return what was touched, with the tables that lie behind the views used."""
    used, todo = set(touched.used), list(touched.used)
    while todo:
        for behind in views.get(todo.pop(), frozenset()):
            if behind not in used:
                used.add(behind)
                todo.append(behind)
    return replace(touched, used=frozenset(used))


def _bare(name: str) -> str:
    return name.rpartition(".")[2].strip('"')
