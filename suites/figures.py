"""Expected figures of the shipped checks, by phase, and their comparison.

What is expected stands in ``fixtures/<suite>.json``, by the read file of
``sql/<suite>/`` that finds it: one figure has one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

import psycopg
import pytest
from pytest_oneroof.suites.support import PACK, rows, sql

from pytest_oneroof import note, resources
from pytest_oneroof.check.connection import GuardedConnection
from pytest_oneroof.production.figures import PARTIAL, Figures

Connection = psycopg.Connection[Any]
Moved = dict[str, tuple[Any, Any]]

# So many figures that moved are told by name; of 30 anchors all are.
MOST_TOLD = 40


def row(name: str) -> pytest.MarkDecorator:
    """Give a check the id that the list of checks calls it by."""
    return pytest.mark.parametrize((), [pytest.param(id=name)])


def expected_phase(connection: Connection) -> str:
    """Return the phase whose figures have to hold on this target.

    A clone is measured by its baseline, whatever state it is in: one that has
    moved fails, and the checks never adapt to it. A production is measured by
    the phase that its own figures tell; a partial one fails here, and the text
    says which half is there.
    """
    if isinstance(connection, GuardedConnection):
        return str(resources.read_json("fixtures/coverage.json")["baseline"])
    phase = Figures(PACK).phase_of(connection)
    assert phase is not None
    if phase.name == PARTIAL:
        pytest.fail(f"production is in no known phase: {phase}", pytrace=False)
    return phase.name


def expected_figures(name: str, phase: str) -> dict[str, Any]:
    """Return the figures of one read file in a phase, by column.

    `name` is ``suite/file``, or ``suite/file.column`` for one column. Raise
    KeyError for what the fixture does not tell.
    """
    path, _, column = name.partition(".")
    suite, _, file = path.partition("/")
    data = resources.read_json(f"fixtures/{suite}.json")
    figures: dict[str, Any] = {}
    for group in data["phases"][phase]:
        figures |= data["figures"][group].get(file, {})
    if not figures:
        raise KeyError(f"fixtures/{suite}.json tells no figures of {path} in {phase!r}")
    return {column: figures[column]} if column else figures


def read_figures(
    connection: Connection, name: str, values: Any = None
) -> dict[str, Any]:
    """Return the one row of a read file, ``suite/file``, by column."""
    cursor = connection.execute(sql(f"{name}.sql"), values)
    found = cursor.fetchall()
    assert len(found) == 1, f"{name}: one row expected, found {len(found)}"
    names = [column.name for column in cursor.description or ()]
    return dict(zip(names, found[0], strict=True))


def compare(expected: Mapping[str, Any], found: Mapping[str, Any]) -> Moved:
    """Return the figures that differ, each with (expected, found)."""
    compared = [note(name, value, found.get(name)) for name, value in expected.items()]
    return {figure.name: figure[1:] for figure in compared if figure.differs}


def compare_rows(
    what: str, expected: Mapping[str, Any], found: Mapping[str, Any]
) -> Moved:
    """Return the rows that differ, by name, each with (expected, found).

    A row is told as a text; the report gets one figure of all: how many agree.
    """
    names = sorted(expected.keys() | found.keys())
    moved = {
        name: (expected.get(name, "no row"), found.get(name, "no row"))
        for name in names
        if expected.get(name) != found.get(name)
    }
    agree = len(names) - len(moved)
    note(what, f"{len(expected)} as recorded", f"{agree} as recorded")
    return moved


def tell(moved: Moved, where: str, more: Iterable[str] = ()) -> None:
    """Fail the check, naming the figures that moved; return when none did."""
    if not moved:
        return
    count = len(moved)
    lines = [f"{count} figure{'s'[: count != 1]} moved, {where}:"]
    lines += [
        f"  {name}: expected {expected}, found {found}"
        for name, (expected, found) in islice(moved.items(), MOST_TOLD)
    ]
    if count > MOST_TOLD:
        lines.append(f"  and {count - MOST_TOLD} more")
    pytest.fail("\n".join((*lines, *more)), pytrace=False)


def expect(
    connection: Connection, *names: str, phase: str = "", listing: str = ""
) -> None:
    """Assert the figures of read files, given as ``suite/file[.column]``.

    They are those of `phase`, by default of the target's own; `listing` is a
    read file whose rows are named when a figure has moved.
    """
    phase = phase or expected_phase(connection)
    moved: Moved = {}
    for name in names:
        found = read_figures(connection, name.partition(".")[0])
        moved |= compare(expected_figures(name, phase), found)
    more = []
    if moved and listing:
        named = ", ".join(str(found[0]) for found in rows(connection, sql(listing)))
        more = [f"  {listing}: {named or 'none'}"]
    tell(moved, f"phase {phase!r}", more)
