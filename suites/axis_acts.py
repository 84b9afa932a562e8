"""What the axis substrate's checks do to their clone, and how they compare it."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from pytest_oneroof.suites.axis_journey import PLAN, Journey
from pytest_oneroof.suites.governed import same
from pytest_oneroof.suites.support import rows, sql, value

from pytest_oneroof import resources
from pytest_oneroof.statements.scripts import body

Connection = psycopg.Connection[Any]
FILES = sorted({name for stage in PLAN["stages"] for name in stage["files"]})
BUILD = "sql/axis/A1_axis_tables_clone_COMMIT.sql"
ASSIGN = (
    "INSERT INTO axis_assignment (object_type, object_ref, axis_code, value_code, zone,"
    " assigned_kind, assigned_at, provenance, created_by)"
    " VALUES ('collection', %s, %s, %s, %s, 'agent', now(), %s, 'TEST_CLONE_AXIS_N')"
)
OWN = (
    "INSERT INTO axis_object_ownership (object_type, object_ref, axis_code, value_code,"
    " owner_gov_code, owner_kind, provenance, created_by)"
    " VALUES ('collection', %s, %s, %s, 'GOV-SIV', %s, '{}', 'TEST_CLONE_AXIS_N')"
)
ZONE = ("23514", "axis_assignment_zone_check")
PROVENANCE = ("23514", "chk_axis_assignment_provenance")
KIND = ("23514", "axis_object_ownership_owner_kind_check")
VALUE = ("23503", "axis_assignment_axis_code_value_code_fkey")
TWO_OWNERS = ("23505", "uq_axis_obj_accountable")
LIFECYCLE = (
    "INSERT INTO axis_value (axis_code, value_code, provenance, created_by)"
    " VALUES ('topic', 'proposed', '{}', 'TEST_CLONE_AXIS_N')",
    "UPDATE axis_value SET status = 'active' WHERE value_code = 'proposed'",
    "UPDATE axis_value SET status = 'deprecated' WHERE value_code = 'observability'",
    "UPDATE axis_value SET status = 'deprecated', provenance = provenance"
    " || '{\"merged_into\": \"workflow\"}' WHERE value_code = 'workflow-exec'",
    "UPDATE axis_value SET status = 'candidate' WHERE value_code = 'data-platform'",
    "INSERT INTO axis_value (axis_code, value_code, parent_value_code, status,"
    " provenance, created_by) VALUES ('topic', 'governance-law', 'governance',"
    " 'active', '{\"split_from\": \"governance\"}', 'TEST_CLONE_AXIS_N')",
)


def no_clone() -> Any:
    """Raise RuntimeError: a clone is made where none may be."""
    raise RuntimeError("a clone was made, though the drop script is missing")


def refusal(connection: Connection, name: str, sqlstate: str = "P0001") -> str:
    """Return how a file is refused, run in a transaction that is rolled back."""
    text = body(resources.read_text(name), name)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(text.encode())
    except psycopg.Error as error:
        state, said = error.sqlstate, error.diag.message_primary or ""
    else:
        pytest.fail(f"{name} ran on {connection.info.dbname}, though it had to refuse")
    assert state == sqlstate, f"{name}: {state} {said}"
    return said


def cells_of(connection: Connection) -> tuple[int, int]:
    """Return required and open cells of all axes."""
    found = rows(connection, sql("axis/cells.sql"))
    return sum(r for _, r, _ in found), sum(g for _, _, g in found)


def gap_of(connection: Connection, axis: str) -> int:
    """Return the open cells of one axis."""
    query = "SELECT count(*) FROM v_axis_coverage_gap WHERE axis_code = %s"
    return int(value(connection, query, [axis]))


def census(connection: Connection) -> dict[str, int]:
    """Return how many topics have each status."""
    query = (
        "SELECT status, count(*) FROM axis_value WHERE axis_code = 'topic' GROUP BY 1"
    )
    return dict(rows(connection, query))


def assert_dropped(journey: Journey, stage: str) -> None:
    """Assert that no substrate is there at a stage, and ownership as it was."""
    connection, governed = journey.reach(stage), journey.governed
    assert not rows(connection, sql("axis/present.sql")), "something of it is left"
    found = rows(connection, sql("axis/ownership_state.sql"))[0]
    same(
        "own, gap, conflict", (governed.groups * governed.scopes, 0, 0), found, governed
    )


def assert_schema(journey: Journey, before: str, after: str) -> None:
    """Assert that two milestones have the same schema fingerprint."""
    was, now = journey.prints[before].schema, journey.prints[after].schema
    assert was.objects, "the schema fingerprint is empty"
    assert now.digest == was.digest, f"schema {was.digest} -> {now.digest}"


def assert_equal(journey: Journey, before: str, after: str) -> None:
    """Assert that two milestones have the same schema and content, all of it read."""
    now = journey.prints[after]
    unread = now.content.unreadable
    assert not unread, f"not readable, so that nothing is proved of it: {unread[:3]}"
    left = now.differences(journey.prints[before])
    assert not left, f"{len(left)} differences to {before!r}: {left[:3]}"
