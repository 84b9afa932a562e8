"""One break for each check of the axis substrate, on one rehearsal clone.

Copied into an inner pytest project by `test_axis_substrate_fail.py` and run there. Each
break is made at the check's stage and rolled back; the checks run in file order, so
that the clone is built once.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from axis_substrate_faults import ACTS, FIGURES, PRINTS, TEXTS

from pytest_oneroof import shipped
from pytest_oneroof.state import run_key

suite = shipped.load("axis_substrate")
acts = importlib.import_module("pytest_oneroof.suites.axis_acts")
journeys = importlib.import_module("pytest_oneroof.suites.axis_journey")
rehearsals = importlib.import_module("pytest_oneroof.suites.rehearsals")
PLAN = journeys.PLAN
Failed = (AssertionError, pytest.fail.Exception)


@pytest.fixture(scope="module")
def journey(request: pytest.FixtureRequest) -> Iterator[Any]:
    """One rehearsal clone for all breaks."""
    made = journeys.Journey(lambda: rehearsals.committing_clone(request))
    yield made
    made.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each break, in the order of the stages."""
    if "check" in metafunc.fixturenames:
        metafunc.parametrize(
            ("stage", "check"),
            [
                pytest.param(stage, check, id=check["id"])
                for stage, checks in PLAN["checks"].items()
                for check in checks
            ],
        )


def test_the_build_needs_its_drop_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the look for it a build would begin without its drop script."""
    monkeypatch.setattr(journeys, "assert_drop_script", lambda file: None)
    with pytest.raises(RuntimeError, match="though the drop script is missing"):
        suite.test_a_build_needs_the_drop_script(None)


def test_figure_broken(journey: Any, stage: str, check: dict[str, Any]) -> None:
    """A check of figures fails when what it counts is broken, naming the figure."""
    breaks = FIGURES[stage]
    name = check["id"] if check["id"] in breaks else check["id"].partition("-")[0]
    with journey.trial(stage) as connection:
        connection.execute(breaks[name].encode())
        found = journeys.read_figures(connection, check.get("query", stage))
        with pytest.raises(AssertionError) as caught:
            journey.compare(check, found)
    figure = str(caught.value).partition(": expected")[0]
    assert figure in check["figures"]


@pytest.mark.parametrize("act", ACTS, ids=[f"{a[0]}-{i}" for i, a in enumerate(ACTS)])
def test_act_broken(request: pytest.FixtureRequest, act: Any) -> None:
    """A check that acts fails when the rule that it leans on is gone."""
    name, stage, broken, arguments, tells = act
    journey = request.getfixturevalue("journey")
    with journey.trial(stage) as connection:
        connection.execute(broken.encode())
        with pytest.raises(Failed) as caught:
            getattr(suite, name)(journey, *arguments)
    assert tells in str(caught.value)


@pytest.mark.parametrize("text", TEXTS, ids=[t[0] for t in TEXTS])
def test_file_that_does_not_refuse(
    journey: Any, monkeypatch: pytest.MonkeyPatch, text: Any
) -> None:
    """A check of a refusal fails when the file does not refuse."""
    name, part, instead, tells = text
    real = acts.body

    def changed(given: str, file: str) -> str:
        if instead is None:
            return "SELECT 1"
        return str(real(given, file)).replace(part, instead)

    monkeypatch.setattr(acts, "body", changed)
    with pytest.raises(Failed) as caught:
        getattr(suite, name)(journey)
    assert tells in str(caught.value)


@pytest.mark.parametrize("moved", PRINTS, ids=[p[0] for p in PRINTS])
def test_fingerprint_moved(journey: Any, moved: tuple[str, str, str]) -> None:
    """A comparison of fingerprints fails when one object or row differs."""
    name, milestone, tells = moved
    journey.reach(milestone)
    real = journey.prints[milestone]
    with journey.trial(milestone) as connection:
        connection.execute(b"CREATE TABLE left_behind (a int)")
        journey.prints[milestone] = journey.clone.fingerprint()
    try:
        with pytest.raises(Failed) as caught:
            getattr(suite, name)(journey)
    finally:
        journey.prints[milestone] = real
    assert tells in str(caught.value)


def test_main_clone_touched(
    journey: Any, oneroof_clone: psycopg.Connection[Any]
) -> None:
    """The last check fails when the run's own clone has a substrate."""
    oneroof_clone.execute("CREATE TABLE axis_registry ()")
    with pytest.raises(AssertionError, match="axis_registry"):
        suite.test_r_main_clone_is_untouched(journey, oneroof_clone)


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


def test_every_check_is_broken() -> None:
    """Each check of the suite has a break, and no break is without its check."""
    for stage, checks in PLAN["checks"].items():
        ids = {c["id"] for c in checks}
        heads = {i.partition("-")[0] for i in ids}
        assert set(FIGURES[stage]) <= ids | heads
        assert all(
            i in FIGURES[stage] or i.partition("-")[0] in FIGURES[stage] for i in ids
        )
    acts = {n for n in vars(suite) if n.startswith("test_")}
    told = {a[0] for a in ACTS} | {t[0] for t in TEXTS} | {p[0] for p in PRINTS}
    by_figures = {
        "test_a_build",
        "test_b_seed_and_lifecycle",
        "test_c_assignment_coverage",
        "test_d_scanner",
        "test_e_boundary",
        "test_z_same_files_build_again",
        "test_p_topic_promotion",
        "test_f_finalization",
    }
    alone = {
        "test_a_build_needs_the_drop_script",
        "test_r_main_clone_is_untouched",
        "test_r_rollback_restores_the_substrate",
    }
    assert acts == told | by_figures | alone
