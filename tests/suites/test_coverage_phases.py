"""The read-only coverage checks on a production, phase by phase.

Each phase is made in a transaction on a copy of the clone's baseline, which the
checks see through a plain connection, as they see a production.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.run import suites as shipped

COPY = "directus_gov_test_20260602_phases"
READONLY = (  # in the order of the list of checks
    "r1.1", "r1.2", "r1.3", "r1.4", "r2.1", "r2.2", "r2.3",
    "r3.1", "r3.2", "r3.3", "r3.4", "r5.3",
)  # fmt: skip
UNSCAN = (
    "DELETE FROM public.governance_candidate_object;"
    "DELETE FROM public.governance_candidate_state;"
    "DELETE FROM public.candidate_scan_run;"
    "DELETE FROM public.gov_worker_cursor;"
    "DELETE FROM public.governance_ruleset;"
)
UNSEED = "DELETE FROM public.governance_object_ownership;"
AXES = "".join(
    f"CREATE TABLE public.{name} (id integer);"
    for name in (
        "axis_registry", "axis_value", "axis_assignment",
        "coverage_rule", "axis_object_ownership", "axis_candidate_finding",
    )
)  # fmt: skip
PHASES = {
    "greenfield": UNSCAN + UNSEED,
    "seeded": UNSCAN,
    "seeded + scanned": "SELECT;",
    "finalized": UNSCAN + AXES,
}


@pytest.fixture(scope="module")
def copy_url(embedded: EmbeddedServer) -> Iterator[str]:
    """The administrator's URL of an open copy of the clone's baseline."""
    with contextlib.closing(standin.host_of(embedded, bundled())) as host:
        copy = create_copy(host, host.ours(embedded.state["template"]), COPY, "clone")
        yield host.url(COPY)
        lifecycle.drop(host, copy)


@pytest.fixture
def production(copy_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A plain connection in a transaction that is rolled back."""
    with contextlib.closing(connect(copy_url, autocommit=False)) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def checks() -> dict[str, Callable[[Any], None]]:
    """The shipped read-only coverage checks by their ids."""
    found = {}
    module = shipped.load(bundled(), "coverage")
    for name, function in vars(module).items():
        marks = {m.name: m for m in getattr(function, "pytestmark", ())}
        if name.startswith("test_") and "readonly" in marks:
            found[marks["parametrize"].args[1][0].id] = function
    return found


def test_read_only_checks_are_the_ones_listed(
    checks: dict[str, Callable[[Any], None]],
) -> None:
    """The checks that also run on production are those of the list, in order."""
    assert tuple(checks) == READONLY


@pytest.mark.parametrize("phase", PHASES)
def test_checks_hold_in_the_production_s_phase(
    phase: str,
    production: psycopg.Connection[Any],
    checks: dict[str, Callable[[Any], None]],
) -> None:
    """On a production every read-only check compares with the figures of its phase."""
    production.execute(PHASES[phase].encode())
    for check in checks.values():
        check(production)


def test_checks_fail_on_a_partial_production(
    production: psycopg.Connection[Any], checks: dict[str, Callable[[Any], None]]
) -> None:
    """A half-scanned production fails, and the text says which half is there."""
    production.execute(
        b"DELETE FROM public.governance_candidate_object;"
        b"DELETE FROM public.governance_candidate_state;"
        b"DELETE FROM public.candidate_scan_run"
    )
    for check in checks.values():
        with pytest.raises(pytest.fail.Exception) as failure:
            check(production)
        assert str(failure.value) == (
            "production is in no known phase: partial: ownership as in seeded or "
            "seeded + scanned or finalized (own 30, gap 0, conflict 0); axis "
            "substrate as in greenfield or seeded or seeded + scanned (axis_tables "
            "0); scanner as in no phase (candidate_state 0, candidate_object 0, "
            "scan_run 0, ruleset 1, cursor 1) (nearest: seeded; ruleset 1 "
            "instead of 0, cursor 1 instead of 0)"
        )


def test_fixture_tells_the_figures_of_every_phase() -> None:
    """Every phase there is has figures of coverage, equal where both are told."""
    told = resources.read_json("fixtures/coverage.json")
    for phase in resources.read_json("fixtures/phases.json")["phases"]:
        figures: dict[str, Any] = {}
        for group in told["phases"][phase["name"]]:
            for columns in told["figures"][group].values():
                figures |= columns
        shared = phase["figures"].keys() & figures.keys()
        assert {"own", "gap", "candidate_state", "ruleset"} <= shared
        assert {n: figures[n] for n in shared} == {
            n: phase["figures"][n] for n in shared
        }


def test_a_clone_out_of_its_baseline_fails(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """On a clone the same state that a production may be in fails, check by check."""
    statement = json.dumps(UNSCAN + UNSEED)
    pytester.makepyfile(
        test_moved=f"""
        import importlib
        import pytest

        def test_moved(oneroof_clone):
            coverage = importlib.import_module("pytest_oneroof.suites.test_coverage")
            isolation = importlib.import_module("pytest_oneroof.suites.test_isolation")
            oneroof_clone.execute({statement})
            for check, told in (
                (coverage.test_ownership_rows, "own: expected 30, found 0"),
                (coverage.test_owner_gap, "gap: expected 0, found 210"),
                (coverage.test_ruleset, "ruleset: expected 1, found 0"),
                (isolation.test_k3_seeded_and_covered, "gap: expected 0, found 210"),
                (isolation.test_k4_scanner_bounded, "cursors: expected 1, found 0"),
            ):
                with pytest.raises(pytest.fail.Exception, match=told):
                    check(oneroof_clone)
        """
    )
    result = run_oneroof(
        "--oneroof-clone", "--oneroof-suite", "isolation,coverage", "test_moved.py"
    )
    result.assert_outcomes(passed=35)
