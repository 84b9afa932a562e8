"""Axis suite: the axis substrate as a prototype, built and rolled back, B1 to B7."""

from __future__ import annotations

from typing import Any

import psycopg
from pytest_oneroof.suites.governed import Governed, read_governed, same
from pytest_oneroof.suites.rules import assert_rules
from pytest_oneroof.suites.support import rows, sql, value

Connection = psycopg.Connection[Any]


def test_b1_only_the_implicit_axis_is_there(oneroof_clone: Connection) -> None:
    """There is no axis table; the one axis there is, scope, is implicit."""
    assert_no_substrate(oneroof_clone)
    keys = rows(oneroof_clone, sql("axis/cell_key.sql"))
    scope = ("scope", "governance_responsibility_scope")
    assert keys == [
        ("uq_gov_obj_accountable", *scope),
        ("v_object_owner_gap", *scope),
    ], f"cells are not keyed by scope alone: {keys}"
    assert_rules(oneroof_clone, "governance_object_ownership")


def test_b2_cross_product_requires_every_cell(oneroof_clone: Connection) -> None:
    """Axis responsibility requires one cell per governed object and active scope."""
    governed = build_responsibility(oneroof_clone)
    required, _ = cells(oneroof_clone).get("responsibility", (0, 0))
    same("required cells", governed.cells, required, governed)


def test_b3_generalized_gap_is_the_canonical_gap(oneroof_clone: Connection) -> None:
    """The generalized gap equals v_object_owner_gap row by row, seeded and not."""
    governed = build_responsibility(oneroof_clone)
    assert_no_drift(oneroof_clone, "on the seeded clone")
    same("gap, seeded", 0, gap_of(oneroof_clone), governed)
    with oneroof_clone.transaction(force_rollback=True):
        oneroof_clone.execute("DELETE FROM public.governance_object_ownership")
        assert_no_drift(oneroof_clone, "with the seed deleted")
        same("gap, seed deleted", governed.cells, gap_of(oneroof_clone), governed)


def test_b4_candidate_axis_requires_nothing(oneroof_clone: Connection) -> None:
    """A candidate axis with three values and assignments adds no required cell."""
    governed = build_responsibility(oneroof_clone)
    oneroof_clone.execute(sql("axis/prototype/4_topic_candidate.sql"))
    held = value(
        oneroof_clone,
        "SELECT (SELECT count(*) FROM axis_value WHERE axis_code = 'topic')"
        "     * (SELECT count(*) FROM axis_assignment WHERE axis_code = 'topic')",
    )
    same("values times assignments of topic", 9, held, governed)
    same("required cells", governed.cells, required_of(oneroof_clone), governed)
    same("axes with a cell", {"responsibility"}, set(cells(oneroof_clone)), governed)


def test_b5_activation_requires_the_assigned_cells(oneroof_clone: Connection) -> None:
    """Activating topic adds its three assigned cells; an owner closes exactly one."""
    governed = build_topic(oneroof_clone)
    same("required cells", governed.cells + 3, required_of(oneroof_clone), governed)
    same("gap", 3, gap_of(oneroof_clone), governed)
    oneroof_clone.execute(
        "INSERT INTO axis_object_ownership"
        " VALUES ('collection', 'agents', 'topic', 'ai-ops', 'GOV-DOT')"
    )
    same("gap with one owner", 2, gap_of(oneroof_clone), governed)
    left = rows(
        oneroof_clone, "SELECT object_ref FROM v_axis_coverage_gap ORDER BY object_ref"
    )
    same("open objects", [("modules",), ("workflows",)], left, governed)


def test_b6_retired_parts_require_nothing(oneroof_clone: Connection) -> None:
    """A retired rule, value or axis contributes nothing, each by itself."""
    governed = build_topic(oneroof_clone)
    for what, change, expected in (
        ("rule", "UPDATE coverage_rule SET status = 'retired'", governed.cells),
        ("axis", "UPDATE axis_registry SET status = 'retired'", governed.cells),
        (
            "one value",
            "UPDATE axis_value SET status = 'retired' WHERE value_code = 'workflow'",
            governed.cells + 2,
        ),
        ("every value", "UPDATE axis_value SET status = 'retired'", governed.cells),
    ):
        only = " AND " if "WHERE" in change else " WHERE "
        with oneroof_clone.transaction(force_rollback=True):
            oneroof_clone.execute(f"{change}{only}axis_code = 'topic'".encode())
            found = required_of(oneroof_clone)
            same(f"required cells, {what} retired", expected, found, governed)
            assert_no_drift(oneroof_clone, f"with {what} of topic retired")


def test_b7_rollback_leaves_no_axis(oneroof_clone: Connection) -> None:
    """Rolled back, the prototype is gone: no axis table, ownership as it was."""
    governed = read_governed(oneroof_clone)
    with oneroof_clone.transaction(force_rollback=True):
        build_topic(oneroof_clone)
        tables = [k for k, _ in rows(oneroof_clone, sql("axis/present.sql"))]
        same("axis tables inside", 5, tables.count("table"), governed)
    assert_no_substrate(oneroof_clone)
    own, gap, conflict = rows(oneroof_clone, sql("axis/ownership_state.sql"))[0]
    same("own", governed.groups * governed.scopes, own, governed)
    same("gap", 0, gap, governed)
    same("conflict", 0, conflict, governed)


def build_responsibility(connection: Connection) -> Governed:
    """Build the prototype with axis responsibility; return what is governed."""
    governed = read_governed(connection)
    for name in ("1_tables", "2_views", "3_responsibility"):
        connection.execute(sql(f"axis/prototype/{name}.sql"))
    return governed


def build_topic(connection: Connection) -> Governed:
    """Build the prototype with both axes active; return what is governed."""
    governed = build_responsibility(connection)
    connection.execute(sql("axis/prototype/4_topic_candidate.sql"))
    connection.execute(sql("axis/prototype/5_axis_object_ownership.sql"))
    connection.execute(
        "UPDATE axis_registry SET status = 'active' WHERE axis_code = 'topic'"
    )
    return governed


def cells(connection: Connection) -> dict[str, tuple[int, int]]:
    """Return required and open cells by axis."""
    return {axis: (r, g) for axis, r, g in rows(connection, sql("axis/cells.sql"))}


def required_of(connection: Connection) -> int:
    """Return the required cells of all axes."""
    return sum(required for required, _ in cells(connection).values())


def gap_of(connection: Connection) -> int:
    """Return the open cells of all axes."""
    return sum(gap for _, gap in cells(connection).values())


def assert_no_substrate(connection: Connection) -> None:
    """Assert that no axis table and no axis view is there, in any schema."""
    found = rows(connection, sql("axis/present.sql"))
    assert not found, f"axis substrate: expected none, found {found}"


def assert_no_drift(connection: Connection, when: str) -> None:
    """Assert that generalized and canonical gap have the same rows."""
    drift = rows(connection, sql("axis/gap_drift.sql"))
    assert not drift, (
        f"{len(drift)} cells differ between generalized and canonical gap {when}: "
        f"{drift[:3]}"
    )
