"""Tables compared with their record, row for row and column for column.

A count of rows does not tell what stands in them. `fixtures/recorded/` holds, for
each table that a suite leans on, what the baseline is known to hold:

    table, key      which table, and what tells one row from another
    phases          in other phases the table is empty; without it: in all the same
    same, rows      columns that all rows share, and those of each row
    closed          beginnings of keys beside which no further row may stand; without
                    it no further row at all
    inferred,       columns and rows that are not known of production: they are
    inferred_rows   compared on a clone alone

The value "(a moment)" stands for any time that is not in the future.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from psycopg import sql as composed
from pytest_oneroof.suites.figures import (
    Connection,
    compare_rows,
    expected_phase,
    tell,
)
from pytest_oneroof.suites.support import rows

from pytest_oneroof import resources
from pytest_oneroof.check.connection import GuardedConnection

MOMENT = "(a moment)"
ROW = "a row"
Cells = dict[str, Any]


def assert_recorded(connection: Connection, *names: str) -> None:
    """Assert that tables hold what their records tell of the target's phase."""
    phase = expected_phase(connection)
    proven = not isinstance(connection, GuardedConnection)
    for name in names:
        record = resources.read_json(f"fixtures/recorded/{name}.json")
        expected = expected_cells(record, phase, proven=proven)
        found = found_cells(record, read_rows(connection, record), expected)
        moved = compare_rows(record["table"], expected, found)
        tell(moved, f"{record['table']}, as recorded for phase {phase!r}")


def read_rows(connection: Connection, record: Mapping[str, Any]) -> list[Cells]:
    """Return each row of a table by the recorded columns, and the time as `now`."""
    columns = [*record["key"], *record["same"], *next(iter(record["rows"].values()))]
    pairs = [
        composed.SQL("{}, {}").format(
            composed.Literal(name), composed.Identifier("held", name)
        )
        for name in columns
    ]
    query = composed.SQL(
        "SELECT jsonb_build_object({}), to_jsonb(now()) FROM {} AS held"
    )
    table = composed.Identifier(*record["table"].split("."))
    text = query.format(composed.SQL(", ").join(pairs), table).as_string(connection)
    return [held | {"now": now} for held, now in rows(connection, text)]


def expected_cells(record: Mapping[str, Any], phase: str, *, proven: bool) -> Cells:
    """Return what has to be told of a phase: each row, and each cell of it."""
    if phase not in record.get("phases", (phase,)):
        return {}
    left_rows = frozenset(record.get("inferred_rows", ()) if proven else ())
    left = frozenset(record.get("inferred", ()) if proven else ())
    cells: Cells = {}
    for key, own in record["rows"].items():
        if key not in left_rows:
            cells[key] = ROW
            cells |= {
                f"{key}: {column}": value
                for column, value in (record["same"] | own).items()
                if column not in left
            }
    return cells


def found_cells(
    record: Mapping[str, Any], found: Iterable[Mapping[str, Any]], expected: Cells
) -> Cells:
    """Return what is there of what is expected, and the rows that should not be."""
    closed = tuple(record.get("closed", ("",)))
    cells: Cells = {}
    for row in found:
        key = ", ".join(str(row[column]) for column in record["key"])
        if key in expected or (
            key.startswith(closed) and key not in record.get("inferred_rows", ())
        ):
            # A second row of the same key is one too many.
            cells[key] = "two rows" if key in cells else ROW
        for column, value in row.items():
            name = f"{key}: {column}"
            if name in expected:
                cells[name] = told_value(value, expected[name], row["now"])
    missing = [key for key, value in expected.items() if value == ROW]
    absent = tuple(f"{key}: " for key in missing if key not in cells)
    if absent:
        # Of a row that is not there the row is told, not each cell.
        for name in [n for n in expected if n.startswith(absent)]:
            cells[name] = expected[name]
    return cells


def told_value(value: Any, expected: Any, now: str) -> Any:
    """Return a value as compared: a time as the same moment, whatever its zone."""
    if not isinstance(value, str) or not isinstance(expected, str):
        return value
    found = moment(value)
    if found is None:
        return value
    if expected == MOMENT:
        latest = moment(now)
        return MOMENT if latest is None or found <= latest else f"{value}, yet to come"
    return expected if found == moment(expected) else value


def moment(text: str) -> datetime | None:
    """Return the time that a text tells, None where it tells none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
