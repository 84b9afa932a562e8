"""The look: content and schema of a clone against its recorded baseline.

Taken only where transaction ids leave a question, at a session's end (schema
only) and after a crash; it costs the size of the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.fingerprint.content import ContentFingerprint, read_content
from pytest_oneroof.fingerprint.schema import SCHEMA_FORMULA, digest_of, read_schema
from pytest_oneroof.postgres.embedded import write_whole

Connection = psycopg.Connection[Any]
Counters = dict[str, tuple[int, ...]]
# What the server counts of changes to each relation that the role may not read; a
# TRUNCATE or rewrite shows in its file.
COUNTED = """
SELECT pg_catalog.concat(n.nspname, '.', c.relname),
       pg_catalog.pg_relation_filenode(c.oid)::bigint,
       pg_catalog.pg_stat_get_tuples_inserted(c.oid),
       pg_catalog.pg_stat_get_tuples_updated(c.oid),
       pg_catalog.pg_stat_get_tuples_deleted(c.oid)
  FROM pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm')
   AND (n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
        OR c.oid = 'pg_catalog.pg_largeobject'::regclass)
   AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
            AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
            AND NOT pg_catalog.row_security_active(c.oid))
   AND pg_catalog.current_setting('track_counts') = 'on'
"""
# Else the session's own changes are counted up to a second later.
COUNT_NOW = "SELECT pg_catalog.pg_stat_force_next_flush()"


# Rows and digest of what could not be read.
UNREAD = None, ""


@dataclass(frozen=True)
class Baseline:
    """Content (object to rows and digest) and schema (object to definition)."""

    content: dict[str, tuple[int | None, str]] = field(default_factory=dict)
    schema: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """What a comparison found: what changed, and what no comparison could be made of.

    While `unreadable` is not empty, nothing changed is no proof.
    """

    changed: tuple[Residue, ...] = ()
    unreadable: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why nothing changed proves nothing, or ''."""
        if not self.unreadable:
            return ""
        first = "; ".join(self.unreadable[:3])
        more = len(self.unreadable) - 3
        told = f"{first}; {more} more" if more > 0 else first
        return f"what is held cannot be compared: {told}"


class Look:
    """A clone's baseline, kept in a file, and comparisons with it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._baseline: Baseline | None = None
        self._counters: Counters = {}
        self._found: dict[str, str] | None = None

    def record(self, connection: Connection) -> Baseline:
        """Read the clone as it is now, and keep that as its baseline."""
        self.adopt(connection)
        assert self._baseline is not None
        text = json.dumps(
            {"content": self._baseline.content, "schema": self._baseline.schema}
        )
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.file, text)
        return self._baseline

    def adopt(self, connection: Connection) -> None:
        """Compare with the clone as it is now from here on, in this run only."""
        self._baseline = read_baseline(connection)
        self.count(connection)

    def count(self, connection: Connection) -> Counters:
        """Return, and compare with from here on, the counters of what is unreadable."""
        connection.execute(COUNT_NOW)
        rows = connection.execute(COUNTED).fetchall()
        before, self._counters = self._counters, {name: tuple(c) for name, *c in rows}
        return before

    @property
    def recorded(self) -> bool:
        """Whether a baseline is at hand."""
        return self._baseline is not None or self.file.exists()

    def compare(self, connection: Connection, *, alone: bool = False) -> Found:
        """Return what differs from the baseline: content, positions and schema.

        What cannot be read is named: equal by name, it may hold anything. Where
        nobody else was there, and no counter was lost by a crash (`alone`), what the
        server has counted no change of is left out.
        """
        before = self.baseline(connection)
        counted = self.count(connection)
        untouched = {n for n, c in self._counters.items() if c == counted.get(n)}
        read = read_content(connection)
        unreadable = {name: str(read.items[name]) for name in read.unreadable}
        for name, value in before.content.items():
            if value == UNREAD and name in read.items:
                unreadable.setdefault(name, "unreadable when the baseline was recorded")
        told = tuple(
            f"{name} ({reason})"
            for name, reason in unreadable.items()
            # Of these the exit query tells the position, wherever a check may move it.
            if not name.startswith("sequence ")
            and not (alone and _relation(name) in untouched)
        )
        changed = _changes(before.content, _contents(read))
        return Found((*changed, *self.schema(connection)), told)

    def schema(self, connection: Connection) -> tuple[Residue, ...]:
        """Return what differs from the baseline's schema, object by object."""
        before = self.baseline(connection).schema
        now = self._found = dict(read_schema(connection).objects)
        return tuple(
            Residue("schema", name, before.get(name, "absent"), now.get(name, "absent"))
            for name in sorted(before.keys() | now.keys())
            if before.get(name) != now.get(name)
        )

    def digests(self) -> list[str]:
        """Return the digest of the baseline's schema, and of that found last."""
        if self._baseline is None or self._found is None:
            return []
        return [
            digest_of(SCHEMA_FORMULA, objects.items())
            for objects in (self._baseline.schema, self._found)
        ]

    def baseline(self, connection: Connection) -> Baseline:
        """Return the baseline; where none is recorded, the clone as it is now."""
        if self._baseline is None:
            try:
                values: dict[str, Any] = json.loads(self.file.read_text())
            except (OSError, ValueError):
                return self.record(connection)
            content = {
                k: (rows, digest) for k, (rows, digest) in values["content"].items()
            }
            self._baseline = Baseline(content, values["schema"])
            self.count(connection)
        return self._baseline


def file_of(folder: Path, database: str, nonce: str) -> Path:
    """Return the file that keeps the baseline of a clone on the user's server."""
    return folder / "baselines" / f"{database}-{nonce}.json"


def read_baseline(connection: Connection) -> Baseline:
    """Return content and schema of the connected database as they are now."""
    content = _contents(read_content(connection))
    return Baseline(content, dict(read_schema(connection).objects))


def _contents(read: ContentFingerprint) -> dict[str, tuple[int | None, str]]:
    return {name: (item.rows, item.digest) for name, item in read.items.items()}


Value = tuple[int | None, str]


def _relation(name: str) -> str:
    """Return the relation that holds what a content's name stands for."""
    kind, _, relation = name.partition(" ")
    return f"pg_catalog.{relation}" if kind == "large_objects" else relation


def _changes(before: dict[str, Value], now: dict[str, Value]) -> Iterator[Residue]:
    """Yield what differs, of what could be read both times."""
    for name in sorted(before.keys() | now.keys()):
        was, value = before.get(name), now.get(name)
        if was != value and not (was and value and UNREAD in (was, value)):
            yield Residue("content", name, _told(was), _told(value))


def _told(value: tuple[int | None, str] | None) -> str:
    if value is None:
        return "absent"
    rows, digest = value
    if value == UNREAD:
        return "unreadable"
    return f"{digest[:12]}" if rows is None else f"{rows} rows ({digest[:12]})"
