"""Axis substrate: built, filled, scanned, dropped, built again, promoted, finalized.

It commits, on a rehearsal clone of its own. Expected figures: axis_substrate.json. The
items stand in the order of the stages, in one module, as they share that clone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pytest_oneroof.suites.axis_acts import (
    ASSIGN,
    BUILD,
    FILES,
    KIND,
    LIFECYCLE,
    OWN,
    PROVENANCE,
    TWO_OWNERS,
    VALUE,
    ZONE,
    assert_dropped,
    assert_equal,
    assert_schema,
    cells_of,
    census,
    gap_of,
    no_clone,
    refusal,
)
from pytest_oneroof.suites.axis_journey import PLAN, Journey, assert_drop_script
from pytest_oneroof.suites.emitting import emit
from pytest_oneroof.suites.figures import row
from pytest_oneroof.suites.governed import same
from pytest_oneroof.suites.rehearsals import committing_clone, run_of
from pytest_oneroof.suites.support import refused, rows, sql, value

from pytest_oneroof import resources
from pytest_oneroof.fingerprint.content import read_content
from pytest_oneroof.postgres.connect import connect, with_database

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def journey(request: pytest.FixtureRequest) -> Iterator[Journey]:
    """The way of this module's rehearsal clone; dropped at the end."""
    run_of(request)
    made = Journey(lambda: committing_clone(request))
    try:
        yield made
    finally:
        made.close()


def figures(stage: str) -> pytest.MarkDecorator:
    """Make an item of each check of a stage's figures."""
    found = [pytest.param(check, id=check["id"]) for check in PLAN["checks"][stage]]
    return pytest.mark.parametrize("check", found)


# ------------------------------------------------------------------ A: the build


@row("a01-drop-script")
def test_a_build_needs_the_drop_script(journey: Journey) -> None:
    """The build does not begin without the script that drops it."""
    assert_drop_script(resources.path(PLAN["drop"]))
    with pytest.raises(AssertionError, match="REFUSING to build: the drop script"):
        Journey(no_clone, drop="sql/axis/Z_missing.sql")


@row("a02-clone-only")
def test_a_files_refuse_what_is_no_clone(journey: Journey) -> None:
    """Every file, build and undo alike, refuses a database that is not a clone."""
    admin = with_database(journey.clone.admin_url, "postgres")
    with contextlib.closing(connect(admin)) as outside:
        for name in FILES:
            text = refusal(outside, name)
            assert text == "REFUSING TO RUN: postgres is not a clone.", (
                f"{name}: {text}"
            )


@row("a03-other-design")
def test_a_build_refuses_another_design(journey: Journey) -> None:
    """Tables of another design with the same names are told by their columns."""
    with journey.trial("start") as connection:
        connection.execute(
            "CREATE TABLE axis_registry"
            " (axis_code text, node_source text, pivots_ref text)"
        )
        text = refusal(connection, BUILD)
    assert text == (
        "REFUSING: table axis_registry is of another design (column node_source), "
        "nothing built"
    ), text


@row("a04-existing")
def test_a_build_refuses_an_existing_substrate(journey: Journey) -> None:
    """A substrate that is there already is refused, and stays as it is."""
    text = refusal(journey.reach("A"), BUILD)
    assert text == "REFUSING: axis substrate already present (6 tables)", text


@figures("A")
def test_a_build(journey: Journey, check: dict[str, Any]) -> None:
    """The build makes six tables and five views, and one axis that requires all."""
    journey.expect("A", check)


@row("a10-zero-drift")
def test_a_generalized_gap_is_the_canonical(journey: Journey) -> None:
    """The generalized gap equals v_object_owner_gap row by row, seeded and not."""
    with journey.trial("A") as connection:
        assert not rows(connection, sql("axis/gap_drift.sql")), "seeded: cells differ"
        connection.execute("DELETE FROM governance_object_ownership")
        drift = rows(connection, sql("axis/gap_drift.sql"))
        assert not drift, f"seed deleted: cells differ: {drift[:3]}"
        gap = value(connection, "SELECT count(*) FROM v_axis_coverage_gap")
    same("gap, seed deleted", journey.governed.cells, gap, journey.governed)


# -------------------------------------------------------- B: seed and lifecycle


@figures("B")
def test_b_seed_and_lifecycle(journey: Journey, check: dict[str, Any]) -> None:
    """Topic and containment are seeded as candidates, with provenance and a rule."""
    journey.expect("B", check)


@row("b10-parent")
def test_b_child_needs_its_parent(journey: Journey) -> None:
    """A value whose parent is not there is refused by the foreign key."""
    with journey.trial("B") as connection:
        rule = "axis_value_axis_code_parent_value_code_fkey"
        with refused(connection, sqlstate="23503", rule=rule):
            connection.execute(
                "INSERT INTO axis_value (axis_code, value_code, parent_value_code,"
                " provenance, created_by)"
                " VALUES ('topic', 'orphan', 'nobody', '{}', 'TEST_CLONE_AXIS_N')"
            )


@row("b11-transition")
def test_b_activation_and_back(journey: Journey) -> None:
    """Activating topic opens its four cells (210 to 214, gap 0 to 4); it reverts."""
    cells = journey.governed.cells
    with journey.trial("B") as connection:
        assert cells_of(connection) == (cells, 0)
        for table in ("axis_value", "axis_registry"):
            change = f"UPDATE {table} SET status = 'active' WHERE axis_code = 'topic'"
            connection.execute(change.encode())
        active = cells_of(connection)
    same("required and gap, active", (cells + 4, 4), active, journey.governed)
    reverted = cells_of(journey.reach("B"))
    same("required and gap, reverted", (cells, 0), reverted, journey.governed)


# --------------------------------------------------------- C: assignment coverage


@figures("C")
def test_c_assignment_coverage(journey: Journey, check: dict[str, Any]) -> None:
    """Six assignments are covered by four owners; two stay open on purpose."""
    journey.expect("C", check)


@pytest.mark.parametrize(
    ("rule", "statement", "values"),
    [
        pytest.param(
            *(ZONE, ASSIGN, ("agents", "topic", "workflow", "official", "{}")),
            id="c12-bad-zone",
        ),
        pytest.param(
            *(PROVENANCE, ASSIGN, ("agents", "topic", "workflow", "approved", None)),
            id="c13-null-provenance",
        ),
        pytest.param(
            *(KIND, OWN, ("modules", "topic", "workflow", "landlord")),
            id="c14-bad-owner-kind",
        ),
        pytest.param(
            *(VALUE, ASSIGN, ("agents", "topic", "no-such-topic", "candidate", "{}")),
            id="c15-unknown-value",
        ),
        pytest.param(
            *(TWO_OWNERS, OWN, ("agents", "topic", "ai-ops", "accountable")),
            id="c16-second-owner",
        ),
    ],
)
def test_c_fails_closed(
    journey: Journey, rule: tuple[str, str], statement: str, values: tuple[Any, ...]
) -> None:
    """A row that breaks a rule of the substrate is refused by exactly that rule."""
    state, name = rule
    with (
        journey.trial("C") as connection,
        refused(connection, sqlstate=state, rule=name),
    ):
        connection.execute(statement.encode(), values)


# ------------------------------------------- D: scanner, E: issue/event boundary


@figures("D")
def test_d_scanner(journey: Journey, check: dict[str, Any]) -> None:
    """Two passes of the scan find the same things, once each."""
    journey.expect("D", check)


@figures("E")
def test_e_boundary(journey: Journey, check: dict[str, Any]) -> None:
    """Every finding is shaped as an event of an inactive type, and none is emitted."""
    journey.expect("E", check)


@row("e03-parentage-planted")
def test_e_conflicting_parents_are_seen(journey: Journey) -> None:
    """An object under two root domains is told as a conflict."""
    with journey.trial("E") as connection:
        values = ("agents", "topic", "workflow", "candidate", "{}")
        connection.execute(ASSIGN.encode(), values)
        found = rows(
            connection,
            "SELECT object_ref, root_values FROM v_axis_topic_parentage_conflict",
        )
    assert found == [("agents", "governance, workflow")], f"conflicts: {found}"


@row("e04-fail-closed")
def test_e_events_are_refused(journey: Journey) -> None:
    """An unknown and an inactive event type are refused by the type validation."""
    with journey.trial("E") as connection:
        for event_type, says in (
            ("axis.missing_owner", "unknown"),
            ("coverage.scan_completed", "is inactive"),
        ):
            layer = {"sqlstate": "P0001", "rule": "fn_event_type_validate"}
            with refused(connection, **layer, says=says):
                emit(connection, event_type)


@row("e05-nothing-emitted")
def test_e_nothing_was_emitted(journey: Journey) -> None:
    """The outbox and the issues hold exactly the rows they held before the build."""
    connection = journey.reach("E")
    before = journey.prints["start"].content.items
    names = ["public.event_outbox", "public.system_issues", "public.birth_registry"]
    now = read_content(connection, names).items
    assert len(now) == len(names), f"tables read: {sorted(now)}"
    for key, item in now.items():
        assert str(item) == str(before[key]), f"{key}: {before[key]} | {item}"
    emitted = "SELECT count(*) FROM event_outbox WHERE event_domain = 'governance'"
    assert value(connection, emitted) == 0


# --------------------------------------------------------------- the first drop


@row("z01-unmarked")
def test_z_drop_refuses_unmarked_rows(journey: Journey) -> None:
    """The drop script refuses rows that no rehearsal made."""
    with journey.trial("E") as connection:
        connection.execute("UPDATE coverage_rule SET created_by = 'somebody'")
        text = refusal(connection, PLAN["drop"])
    assert text.startswith("REFUSING: table coverage_rule holds 2 rows without"), text


@row("z02-gone")
def test_z_drop_leaves_no_substrate(journey: Journey) -> None:
    """Dropped, there is no axis table or view, and ownership is as it was."""
    assert_dropped(journey, "drop")


@row("z03-schema")
def test_z_drop_restores_the_schema(journey: Journey) -> None:
    """The schema fingerprint after the drop equals the one before the build."""
    journey.reach("drop")
    assert_schema(journey, "start", "drop")


@row("z04-content")
def test_z_drop_restores_the_content(journey: Journey) -> None:
    """The content of every table and sequence is as before the build."""
    journey.reach("drop")
    assert_equal(journey, "start", "drop")


@figures("again")
def test_z_same_files_build_again(journey: Journey, check: dict[str, Any]) -> None:
    """The same files build the same substrate once more."""
    journey.expect("again", check)


# ------------------------------------------------------------ P: topic promotion


@figures("P")
def test_p_topic_promotion(journey: Journey, check: dict[str, Any]) -> None:
    """Topics are promoted by lane, compared with labels, scanned for drift, shown."""
    journey.expect("P", check)


@row("p03-quarantine-stays-open")
def test_p_quarantine_cannot_be_owned(journey: Journey) -> None:
    """An owner does not close a cell in quarantine; cleared, it does."""
    with journey.trial("P") as connection:
        held = ("iu_staging_record", "topic", "ai-ops", "accountable")
        connection.execute(OWN.encode(), held)
        quarantined = gap_of(connection, "topic")
        connection.execute(
            "UPDATE axis_assignment SET zone = 'candidate', provenance = '{}'"
            " WHERE zone = 'quarantine'"
        )
        cleared = gap_of(connection, "topic")
    assert (quarantined, cleared) == (1, 0), f"gap: {quarantined}, cleared {cleared}"


@row("p06-unseen-is-resolved")
def test_p_scan_resolves_what_is_gone(journey: Journey) -> None:
    """A finding that a scan does not see any more is resolved, and only that one."""
    with journey.trial("P") as connection:
        connection.execute(
            "UPDATE axis_assignment SET confidence = 0.9 WHERE object_ref = 'modules'"
        )
        scan = value(connection, "SELECT fn_governance_scan('TEST_CLONE_N', 'check')")
        counts = rows(
            connection,
            "SELECT new_count, resolved_count FROM governance_scan_run"
            " WHERE scan_id = %s",
            [scan],
        )
        resolved = rows(
            connection,
            "SELECT detector_code, object_ref FROM governance_drift_state"
            " WHERE status = 'resolved'",
        )
    assert counts == [(0, 1)], f"new and resolved: {counts}"
    assert resolved == [("low_confidence_assignment", "modules")], resolved


@row("p09-drop-names-dependents")
def test_p_substrate_cannot_be_dropped_under_it(journey: Journey) -> None:
    """The drop script fails while promotion stands on the substrate, naming it."""
    with journey.trial("P") as connection:
        text = refusal(connection, PLAN["drop"], sqlstate="2BP01")
    assert "cannot drop" in text, text


# ---------------------------------------------------------------- F: finalization


@figures("F")
def test_f_finalization(journey: Journey, check: dict[str, Any]) -> None:
    """Differences are decided, the provisional topic ratified, containment covered."""
    journey.expect("F", check)


@row("f03-lifecycle")
def test_f_lifecycle_rolls_back(journey: Journey) -> None:
    """Promote, deprecate, merge and split are possible, and leave nothing."""
    with journey.trial("F") as connection:
        for statement in LIFECYCLE:
            done = connection.execute(statement.encode())
            assert done.rowcount == 1, f"{done.rowcount} rows changed by {statement}"
        inside = census(connection)
    assert inside == {"active": 7, "deprecated": 3, "candidate": 1}, inside
    after = census(journey.reach("F"))
    assert after == {"active": 8, "deprecated": 1}, after


@pytest.mark.parametrize(
    ("rule", "statement", "values"),
    [
        pytest.param(
            *(VALUE, ASSIGN, ("agents", "containment", "GRP-NONE", "approved", "{}")),
            id="f05-n1-unknown-group",
        ),
        pytest.param(
            *(PROVENANCE, ASSIGN),
            ("agents", "containment", "GRP-BUSINESS", "approved", None),
            id="f05-n2-null-provenance",
        ),
        pytest.param(
            *(
                ZONE,
                ASSIGN,
                ("agents", "containment", "GRP-BUSINESS", "official", "{}"),
            ),
            id="f05-n3-bad-zone",
        ),
        pytest.param(
            *(KIND, OWN, ("agents", "containment", "GRP-AI", "landlord")),
            id="f05-n4-bad-owner-kind",
        ),
    ],
)
def test_f_containment_fails_closed(
    journey: Journey, rule: tuple[str, str], statement: str, values: tuple[Any, ...]
) -> None:
    """A containment row that breaks a rule is refused by exactly that rule."""
    state, name = rule
    with (
        journey.trial("F") as connection,
        refused(connection, sqlstate=state, rule=name),
    ):
        connection.execute(statement.encode(), values)


@row("f05-n5-deleted")
def test_f_deleted_assignment_is_detected(journey: Journey) -> None:
    """A containment assignment that is deleted is told as missing (0 to 1)."""
    missing = (
        "SELECT count(*) FROM v_axis_missing_assignment WHERE axis_code = 'containment'"
    )
    with journey.trial("F") as connection:
        before = value(connection, missing)
        connection.execute(
            "DELETE FROM axis_assignment"
            " WHERE axis_code = 'containment' AND object_ref = 'agents'"
        )
        after = value(connection, missing)
    assert (before, after) == (0, 1), f"missing: {before} -> {after}"


# ------------------------------------------------------ the way back, twice proved


@row("r01-rollback")
def test_r_rollback_restores_the_substrate(journey: Journey) -> None:
    """The finalization is taken back to exactly what stage E had left."""
    with journey.trial("F"):
        applied = journey.clone.fingerprint()
    assert applied.differences(journey.prints["again"]), "nothing was applied"
    journey.reach("rollback")
    assert_equal(journey, "again", "rollback")


@row("r02-idempotent")
def test_r_rollback_runs_again(journey: Journey) -> None:
    """The rollback script run again changes nothing."""
    journey.reach("rollback")
    journey.clone.run(resources.path("sql/axis/Z_rollback_finalization.sql"))
    left = journey.clone.fingerprint().differences(journey.prints["rollback"])
    assert not left, f"changed by a second run: {left[:3]}"


@row("r03-gone")
def test_r_drop_leaves_no_substrate(journey: Journey) -> None:
    """Dropped again, there is no axis table or view, and ownership is as it was."""
    assert_dropped(journey, "last drop")


@row("r04-as-before")
def test_r_drop_restores_everything(journey: Journey) -> None:
    """Schema and content are as before the first build."""
    journey.reach("last drop")
    assert_schema(journey, "start", "last drop")
    assert_equal(journey, "start", "last drop")


@row("r05-main-clone")
def test_r_main_clone_is_untouched(journey: Journey, oneroof_clone: Connection) -> None:
    """The run's own clone has no axis substrate, and the ownership of its baseline."""
    assert oneroof_clone.info.dbname != journey.clone.name
    assert not rows(oneroof_clone, sql("axis/present.sql"))
    governed = journey.governed
    found = rows(oneroof_clone, sql("axis/ownership_state.sql"))[0]
    same(
        "own, gap, conflict", (governed.groups * governed.scopes, 0, 0), found, governed
    )
