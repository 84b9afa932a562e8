"""Recorded figures: what a team expects of its database, in a file that is reviewed.

Each figure has its value, the query that gave it, and where and when it was read.
Pure: what is read of a database is handed in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Recorded:
    """One figure as it was read: its query's file, the database, and the time (UTC)."""

    value: int
    query: str
    database: str
    read_at: str


@dataclass(frozen=True)
class Moved:
    """A figure that is not as recorded; None where it is missing on one side."""

    name: str
    recorded: int | None
    found: int | None

    def __str__(self) -> str:
        if self.recorded is None:
            return f"{self.name}: not recorded, found {self.found}"
        if self.found is None:
            return f"{self.name}: recorded {self.recorded}, no longer measured"
        return f"{self.name}: recorded {self.recorded}, found {self.found}"


def parse_recorded(text: str) -> dict[str, Recorded]:
    """Return the figures in a file's text; '' holds none.

    Raise ValueError for what is no such file.
    """
    if not text.strip():
        return {}
    try:
        entries = json.loads(text)["figures"]
        return {name: Recorded(**entry) for name, entry in entries.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"it holds no recorded figures: {error}") from error


def render_recorded(figures: Mapping[str, Recorded]) -> str:
    """Return the file's text: sorted by name, so that a review sees what moved."""
    entries = {name: asdict(figures[name]) for name in sorted(figures)}
    return json.dumps({"figures": entries}, indent=2, ensure_ascii=False) + "\n"


def record(
    before: Mapping[str, Recorded], found: Mapping[str, Recorded]
) -> dict[str, Recorded]:
    """Return the new record: a figure whose value is as before keeps its entry."""
    return {
        name: before[name]
        if name in before and before[name].value == new.value
        else new
        for name, new in found.items()
    }


def moved(recorded: Mapping[str, Recorded], found: Mapping[str, int]) -> list[Moved]:
    """Return the figures that differ, by name."""
    values = {name: entry.value for name, entry in recorded.items()}
    return [
        Moved(name, values.get(name), found.get(name))
        for name in sorted(values.keys() | found.keys())
        if values.get(name) != found.get(name)
    ]
