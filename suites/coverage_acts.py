"""What the coverage checks do to the clone, inside their transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pytest_oneroof.suites.figures import (
    Connection,
    compare,
    expect,
    expected_figures,
    read_figures,
    tell,
)
from pytest_oneroof.suites.support import rows, sql

from pytest_oneroof import resources


def data(name: str) -> Any:
    """Return a value of the suite's fixture."""
    return resources.read_json("fixtures/coverage.json")[name]


def scan_again(connection: Connection) -> dict[str, Any]:
    """Run the scanner's write half once more; return what it says it wrote.

    Asserts that the clone held its baseline before, and gained one run by it.
    """
    expect(connection, "coverage/write_shape")
    scan = data("scan")
    written = rows(connection, sql("coverage/scanner_write_half.sql"), scan)
    before = expected_figures("coverage/write_shape.scan_run", data("baseline"))
    after = read_figures(connection, "coverage/write_shape")
    tell(compare({"scan_run": before["scan_run"] + 1}, after), "one run more")
    return {"groups_scanned": written[0][0], "objects_materialized": written[0][1]}


def double_owner(connection: Connection, owner: str) -> tuple[str, str, str]:
    """Insert a second active accountable owner of a cell that has another.

    Return the cell. Fails where none has one: nothing inserted is not refused.
    """
    query = sql("coverage/duplicate_owner.sql")
    made = rows(connection, query, {"owner_gov_code": owner})
    if not made:
        pytest.fail("nothing was inserted: no cell has an owner that could be doubled")
    kind, ref, scope = made[0]
    return kind, ref, scope


def call_worker(connection: Connection, call: str) -> tuple[int, dict[str, Any]]:
    """Let the worker report a watermark; return rows written, and its cursor.

    `call` is 'stale', two hours before the stored watermark, 'replayed', the same
    again, or 'newer', one hour after it. Asserts that the one cursor was at its
    baseline.
    """
    state = read_figures(connection, "coverage/cursor_state")
    tell(compare(data("cursor")["kept"], state), "the cursor before the call")
    times = read_figures(connection, "coverage/cursor_times")
    values = times | data("cursor")[call] | {"watermark_ts": times[call]}
    written = rows(connection, sql("coverage/cursor_advance.sql"), values)
    return len(written), read_figures(connection, "coverage/cursor_state")


def check_call(connection: Connection, call: str, column: str) -> None:
    """Assert rows written and one column after a call of the worker."""
    written, state = call_worker(connection, call)
    kept = call != "newer"
    expected = data("cursor")["kept" if kept else "advanced"]
    tell(
        compare(
            {"rows written": 0 if kept else 1, column: expected[column]},
            {"rows written": written, column: state[column]},
        ),
        f"after a {call} watermark",
    )


@contextlib.contextmanager
def seed_deleted(connection: Connection) -> Iterator[None]:
    """Delete the seed for the length of the block, and undo that at its end.

    Asserts that all of it was there and went.
    """
    with connection.transaction():
        gone = rows(
            connection,
            sql("coverage/delete_seed.sql"),
            {"created_by": data("seed_tag")},
        )
        own = expected_figures("coverage/ownership_anchors.own", data("baseline"))
        tell(compare(own, {"own": len(gone)}), f"deleted by {data('seed_tag')}")
        yield
        raise psycopg.Rollback
