"""Coverage: 26 checks of ownership, scanner, events, cursor, uniqueness and undo.

The rows of the list of checks, in its order, each under its id. What they expect
stands in `fixtures/coverage.json`, what they read in `sql/coverage/`.
"""

from __future__ import annotations

import pytest
from pytest_oneroof.suites.coverage_acts import (
    check_call,
    data,
    double_owner,
    scan_again,
    seed_deleted,
)
from pytest_oneroof.suites.emitting import assert_refused
from pytest_oneroof.suites.figures import (
    Connection,
    compare,
    expect,
    expected_figures,
    read_figures,
    row,
    tell,
)
from pytest_oneroof.suites.recorded import assert_recorded
from pytest_oneroof.suites.rules import assert_rules
from pytest_oneroof.suites.support import refused, rows, sql

from pytest_oneroof.check.connection import GuardedConnection

readonly = pytest.mark.readonly


@row("r1.1")
@readonly
def test_ownership_rows(oneroof_target: Connection) -> None:
    """Five groups are owned in six scopes: 30 active accountable anchors."""
    expect(
        oneroof_target,
        "coverage/ownership_anchors",
        "coverage/anchor_grid",
        listing="coverage/unanchored.sql",
    )
    if isinstance(oneroof_target, GuardedConnection):
        assert_recorded(oneroof_target, "ownership")
    assert_rules(oneroof_target, "governance_object_ownership")


@row("r1.2")
@readonly
def test_owner_gap(oneroof_target: Connection) -> None:
    """No cell of 35 objects and 6 scopes is without an accountable owner."""
    expect(
        oneroof_target,
        "coverage/owner_gap",
        "coverage/base_figures",
        listing="coverage/open_cells.sql",
    )
    assert_rules(oneroof_target, "governance_responsibility_scope")
    assert_recorded(oneroof_target, "scopes", "governance_registry")


@row("r1.3")
@readonly
def test_owner_conflict(oneroof_target: Connection) -> None:
    """No cell has two accountable owners, and the index that forbids it stands."""
    expect(
        oneroof_target,
        "coverage/owner_conflict",
        "coverage/accountable_index",
        "coverage/ownership_anchors.own",
    )


@row("r1.4")
@readonly
def test_coverage_percentage(oneroof_target: Connection) -> None:
    """Coverage is 100.00 percent, and covered and open cells make up 35 x 6."""
    expect(oneroof_target, "coverage/coverage_rollup", "coverage/base_figures")
    found = read_figures(oneroof_target, "coverage/coverage_rollup")
    required = read_figures(oneroof_target, "coverage/base_figures")["required_cells"]
    told = found["covered_cells"] + found["gap_cells"]
    tell(compare({"covered + gap": required}, {"covered + gap": told}), "one read")


@row("r2.1")
@readonly
def test_effective_owners(oneroof_target: Connection) -> None:
    """Groups and cells together have 240 effective owners."""
    expect(oneroof_target, "coverage/effective_owner.total")


@row("r2.2")
@readonly
def test_direct_owners(oneroof_target: Connection) -> None:
    """Thirty owners are direct, at depth 0, and all of them are of groups."""
    expect(
        oneroof_target,
        "coverage/effective_owner.direct",
        "coverage/effective_owner.direct_groups",
    )


@row("r2.3")
@readonly
def test_inherited_owners(oneroof_target: Connection) -> None:
    """All 210 cells inherit, at depth 1, the owner of their group's anchor."""
    expect(
        oneroof_target,
        "coverage/effective_owner.inherited",
        "coverage/effective_owner.inherited_cells",
        "coverage/inherited_cells",
    )


@row("r3.1")
@readonly
def test_candidate_states(oneroof_target: Connection) -> None:
    """The scanner holds one state for each of the five groups."""
    expect(
        oneroof_target,
        "coverage/write_shape.candidate_state",
        "coverage/base_figures.object_groups",
    )
    assert_rules(oneroof_target, "governance_candidate_state")
    assert_recorded(oneroof_target, "candidate_states")


@row("r3.2")
@readonly
def test_candidate_objects(oneroof_target: Connection) -> None:
    """The scanner holds one object for each of the 35 governed collections."""
    expect(
        oneroof_target,
        "coverage/write_shape.candidate_object",
        "coverage/base_figures.objects",
    )
    assert_rules(oneroof_target, "governance_candidate_object")
    assert_recorded(oneroof_target, "candidate_objects")


@row("r3.3")
@readonly
def test_scan_runs(oneroof_target: Connection) -> None:
    """The ledger holds two scan runs, both completed."""
    expect(
        oneroof_target,
        "coverage/write_shape.scan_run",
        "coverage/write_shape.scan_run_completed",
    )
    assert_rules(oneroof_target, "candidate_scan_run")
    assert_recorded(oneroof_target, "scan_runs")


@row("r3.4")
@readonly
def test_ruleset(oneroof_target: Connection) -> None:
    """There is one ruleset, and it is active."""
    expect(
        oneroof_target,
        "coverage/write_shape.ruleset",
        "coverage/write_shape.ruleset_active",
    )
    assert_rules(oneroof_target, "governance_ruleset")
    assert_recorded(oneroof_target, "ruleset")


@row("r4.1")
def test_states_are_idempotent(oneroof_clone: Connection) -> None:
    """A further scan leaves 5 states, each of them seen last by the new run."""
    written = scan_again(oneroof_clone)
    expect(oneroof_clone, "coverage/write_shape.candidate_state")
    seen = read_figures(oneroof_clone, "coverage/seen_by_run", data("scan"))
    shape = expected_figures("coverage/write_shape.candidate_state", data("baseline"))
    expected = dict.fromkeys(("groups_scanned", "states"), shape["candidate_state"])
    tell(compare(expected, written | seen), f"last seen by {data('scan')['run_id']}")


@row("r4.2")
def test_objects_are_idempotent(oneroof_clone: Connection) -> None:
    """A further scan leaves 35 objects, each of them seen last by the new run."""
    written = scan_again(oneroof_clone)
    expect(oneroof_clone, "coverage/write_shape.candidate_object")
    seen = read_figures(oneroof_clone, "coverage/seen_by_run", data("scan"))
    shape = expected_figures("coverage/write_shape.candidate_object", data("baseline"))
    wanted = ("objects_materialized", "objects")
    expected = dict.fromkeys(wanted, shape["candidate_object"])
    tell(compare(expected, written | seen), f"last seen by {data('scan')['run_id']}")


@row("r5.1")
def test_inactive_type(oneroof_clone: Connection) -> None:
    """An event of an inactive governance type is refused by the outbox's trigger."""
    assert_refused(oneroof_clone, data("events")["inactive"], "is inactive")
    assert_rules(oneroof_clone, "event_type_registry")


@row("r5.2")
def test_unknown_type(oneroof_clone: Connection) -> None:
    """An event of an unknown governance type is refused by the outbox's trigger."""
    assert_refused(oneroof_clone, data("events")["unknown"], "unknown")


@row("r5.3")
@readonly
def test_nothing_emitted(oneroof_target: Connection) -> None:
    """The outbox holds events, and none of them is a governance event."""
    expect(
        oneroof_target,
        "coverage/event_state.gov_emit",
        "coverage/event_state.gov_types",
        "coverage/outbox_filled",
    )
    assert_rules(oneroof_target, "event_outbox")
    assert_recorded(oneroof_target, "event_types")


@row("r6.1")
def test_stale_watermark(oneroof_clone: Connection) -> None:
    """A stale watermark, or the same again, writes no row; the cursor stays at wm-2."""
    check_call(oneroof_clone, "stale", "last_watermark_id")
    check_call(oneroof_clone, "replayed", "last_watermark_id")
    assert_recorded(oneroof_clone, "cursor")
    assert_rules(oneroof_clone, "gov_worker_cursor")


@row("r6.2")
def test_stale_events(oneroof_clone: Connection) -> None:
    """A stale watermark, or the same again, writes no row; 20 events stay seen."""
    check_call(oneroof_clone, "stale", "events_seen")
    check_call(oneroof_clone, "replayed", "events_seen")


@row("r6.3")
def test_newer_watermark(oneroof_clone: Connection) -> None:
    """A newer watermark writes one row, and the cursor advances to wm-3."""
    check_call(oneroof_clone, "newer", "last_watermark_id")


@row("r6.4")
def test_newer_events(oneroof_clone: Connection) -> None:
    """A newer watermark adds its 10 events to the 20 seen."""
    check_call(oneroof_clone, "newer", "events_seen")


@row("r7.1")
def test_second_owner(oneroof_clone: Connection) -> None:
    """A second active accountable owner is refused by its index; else told."""
    with refused(oneroof_clone, sqlstate="23505", rule="uq_gov_obj_accountable"):
        double_owner(oneroof_clone, data("second_owner"))
    with oneroof_clone.transaction(force_rollback=True):
        oneroof_clone.execute("DROP INDEX public.uq_gov_obj_accountable")
        cell = double_owner(oneroof_clone, data("second_owner"))
        conflict = rows(oneroof_clone, sql("coverage/conflicting_cells.sql"))
        found = {"conflicts": conflict}
        tell(compare({"conflicts": [(*cell, 2)]}, found), "the index dropped")
        for change in ("owner_kind = 'supporting'", "lifecycle_status = 'revoked'"):
            check_no_conflict(oneroof_clone, change)


def check_no_conflict(connection: Connection, change: str) -> None:
    """Assert that a second row is no conflict, once it is changed so; undo that."""
    with connection.transaction(force_rollback=True):
        query = f"UPDATE governance_object_ownership SET {change} WHERE created_by = %s"
        done = connection.execute(query.encode(), ["CLONE_TEST_DUPLICATE"])
        tell(compare({"rows": 1}, {"rows": done.rowcount}), change)
        conflict = read_figures(connection, "coverage/owner_conflict")
        tell(compare({"conflict": 0}, conflict), f"a second row with {change}")


@row("r8.1")
def test_gap_without_seed(oneroof_clone: Connection) -> None:
    """With the seed deleted every cell is open: the gap is 210."""
    with seed_deleted(oneroof_clone):
        expect(
            oneroof_clone,
            "coverage/owner_gap",
            "coverage/base_figures",
            phase="seed deleted",
        )
        made = rows(oneroof_clone, sql("coverage/not_inherited.sql"))
        assert made, "no row that a group's objects do not inherit was made"
        found = read_figures(oneroof_clone, "coverage/owner_gap")
        gap = expected_figures("coverage/owner_gap.gap", "seed deleted")
        # The one row that owns owns its group alone.
        owners = read_figures(oneroof_clone, "coverage/effective_owner")
        tell(
            compare(gap | {"total": 1, "inherited": 0}, found | owners),
            "owned by what is no anchor",
        )


@row("r8.2")
def test_own_without_seed(oneroof_clone: Connection) -> None:
    """With the seed deleted no ownership row is left."""
    with seed_deleted(oneroof_clone):
        expect(oneroof_clone, "coverage/ownership_anchors", phase="seed deleted")


@row("r8.3")
def test_own_after_undo(oneroof_clone: Connection) -> None:
    """After the undo all 30 anchors are back."""
    with seed_deleted(oneroof_clone):
        pass
    expect(oneroof_clone, "coverage/ownership_anchors")


@row("r8.4")
def test_gap_after_undo(oneroof_clone: Connection) -> None:
    """After the undo no cell of the 210 is open."""
    with seed_deleted(oneroof_clone):
        pass
    expect(oneroof_clone, "coverage/owner_gap")


@row("r8.5")
def test_scanner_after_undo(oneroof_clone: Connection) -> None:
    """After the undo states, objects and cursor are, row for row, as before."""
    before = dict(rows(oneroof_clone, sql("coverage/scanner_rows.sql")))
    with seed_deleted(oneroof_clone):
        pass
    expect(
        oneroof_clone,
        "coverage/write_shape.candidate_state",
        "coverage/write_shape.candidate_object",
    )
    cursor = read_figures(oneroof_clone, "coverage/cursor_state")
    tell(compare(data("cursor")["kept"], cursor), "the cursor after the undo")
    after = dict(rows(oneroof_clone, sql("coverage/scanner_rows.sql")))
    tell(compare(before, after) | compare(after, before), "after the undo")
