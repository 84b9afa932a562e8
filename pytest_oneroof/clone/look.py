"""The look: content and schema of a clone against its recorded baseline.

Taken only where transaction ids leave a question, at a session's end (schema
only) and after a crash; it costs the size of the database.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.fingerprint.content import ContentFingerprint, read_content
from pytest_oneroof.fingerprint.schema import SCHEMA_FORMULA, digest_of, read_schema
from pytest_oneroof.postgres.embedded import write_whole

Connection = psycopg.Connection[Any]


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

    @property
    def recorded(self) -> bool:
        """Whether a baseline is at hand."""
        return self._baseline is not None or self.file.exists()

    def compare(self, connection: Connection) -> Found:
        """Return what differs from the baseline: content, positions and schema.

        What cannot be read is named: equal by name, it may hold anything.
        """
        before = self.baseline(connection)
        read = read_content(connection)
        now = _contents(read)
        found = []
        for name in sorted(before.content.keys() | now.keys()):
            was, value = before.content.get(name), now.get(name)
            if was != value:
                found.append(Residue("content", name, _told(was), _told(value)))
        unreadable = tuple(
            f"{name} ({read.items[name]})"
            for name in read.unreadable
            # Of these the exit query tells the position, wherever a check may move it.
            if not name.startswith("sequence ")
        )
        return Found((*found, *self.schema(connection)), unreadable)

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


def _told(value: tuple[int | None, str] | None) -> str:
    if value is None:
        return "absent"
    rows, digest = value
    if rows is None and not digest:
        return "unreadable"
    return f"{digest[:12]}" if rows is None else f"{rows} rows ({digest[:12]})"
