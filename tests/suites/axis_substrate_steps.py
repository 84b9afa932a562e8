"""How the axis substrate goes from stage to stage, where something is in its way.

Copied into an inner pytest project by `test_axis_substrate_steps.py` and run there.
"""

from __future__ import annotations

import importlib

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.run import suites as shipped
from pytest_oneroof.run.keys import run_key

suite = shipped.load(bundled(), "axis_substrate")
journeys = importlib.import_module("pytest_oneroof.suites.axis_journey")
rehearsals = importlib.import_module("pytest_oneroof.suites.rehearsals")
PLAN = journeys.PLAN


def test_failed_step_is_named_by_later_ones(request: pytest.FixtureRequest) -> None:
    """After a step that failed every later check fails, and names that step."""
    made = journeys.Journey(lambda: rehearsals.committing_clone(request))
    try:
        connection = made.reach("B")
        connection.execute("ALTER TABLE axis_object_ownership ADD CHECK (false)")
        with pytest.raises(AssertionError, match="step failed: stage C, C_axis_assign"):
            suite.test_c_assignment_coverage(made, PLAN["checks"]["C"][0])
        with pytest.raises(AssertionError) as caught:
            suite.test_f_finalization(made, PLAN["checks"]["F"][0])
    finally:
        made.close()
    assert str(caught.value).startswith(
        "not reached, as an earlier step failed: stage C, C_axis_assignment_coverage_"
        'clone_COMMIT.sql: new row for relation "axis_object_ownership" violates'
    )


@pytest.mark.parametrize(
    ("left_out", "tells"),
    [(("rollback",), "differences to 'again'"), (("P", "F"), "nothing was applied")],
    ids=["rollback undoes nothing", "nothing to undo"],
)
def test_rollback_proves_itself(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    left_out: tuple[str, ...],
    tells: str,
) -> None:
    """A rollback that undoes nothing fails, and so does one with nothing to undo."""
    for stage in PLAN["stages"]:
        if stage["name"] in left_out:
            monkeypatch.setitem(stage, "files", [])
    made = journeys.Journey(lambda: rehearsals.committing_clone(request))
    try:
        with pytest.raises(AssertionError) as caught:
            suite.test_r_rollback_restores_the_substrate(made)
    finally:
        made.close()
    assert tells in str(caught.value)


@pytest.mark.parametrize(
    ("change", "tells"),
    [
        (
            "UPDATE collection_registry SET coverage_status = 'BIRTH_REQUIRED',"
            " \"group\" = 'GRP-AI' WHERE collection_name = 'birth_registry'",
            "required: expected 210, found 216\n  moved: inventory: expected 35, found "
            "36 "
            "(new: collection:birth_registry)",
        ),
        (
            "INSERT INTO governance_responsibility_scope (scope_code)"
            " VALUES ('safety')",
            "required: expected 210, found 245\n  moved: active scopes: expected 6, "
            "found "
            "7 (new: safety)",
        ),
    ],
    ids=["36th", "7th"],
)
def test_moved_baseline(
    request: pytest.FixtureRequest, change: str, tells: str
) -> None:
    """With a further collection or scope the build's figures say which one moved."""
    made = journeys.Journey(lambda: rehearsals.committing_clone(request))
    try:
        made.clone.connection.execute(change.encode())
        required = next(c for c in PLAN["checks"]["A"] if c["id"].startswith("a08"))
        with pytest.raises(AssertionError) as caught:
            made.expect("A", required)
    finally:
        made.close()
    assert tells in str(caught.value)


def test_past_stage_begins_anew(request: pytest.FixtureRequest) -> None:
    """A check of a stage that is past gets a new clone, and the old one is dropped."""
    run = request.config.stash[run_key]
    made = journeys.Journey(lambda: rehearsals.committing_clone(request))
    try:
        made.reach("B")
        first = made.clone.name
        made.reach("A")
        assert made.clone.name != first
        assert run.lease.host.find(first) is None
    finally:
        made.close()
