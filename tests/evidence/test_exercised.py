"""Whose code a check exercises: declared for shipped ones, marked on others."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pytest_oneroof.evidence.exercised import (
    count_exercised,
    exercised_line,
    exercises_of,
)
from pytest_oneroof.pack import bundled

from . import runs

Run = Callable[..., pytest.RunResult]


def test_each_shipped_suite_says_it() -> None:
    """Every suite of the pack says whose code it exercises; ids listed do otherwise."""
    told = runs.PLAN["suites"]
    exercises = exercises_of(told)
    own = [suite for suite in bundled().suites if not suite.engine]
    assert {entry["name"] for entry in told if entry.get("exercises")} == {
        suite.name for suite in own
    }
    assert exercises("coverage", "r7.1") == "production"
    assert exercises("coverage", "r4.1") == "harness"
    assert exercises("isolation", "k1") == "neither"
    assert exercises("isolation", "k5") == "production"
    assert exercises("of another pack", "x") == ""


def test_one_line_tells_it() -> None:
    """Passed checks are counted, and told in one line where any says it."""
    kinds = ("production", "production", "harness", "", "neither")
    checks = [runs.check("x", str(n), exercises=k) for n, k in enumerate(kinds)]
    failed = runs.check("x", "9", exercises="harness", outcome="failed")
    counts = count_exercised([*checks, failed])
    assert exercised_line(counts) == (
        "production's own code by 2, the harness's own SQL by 1, neither by 1, "
        "not told by 1"
    )
    assert exercised_line(count_exercised([checks[3]])) == ""


def test_marker_says_it_of_an_own_check(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """The marker's word stands in verdict and comment; an unknown one is wrong use."""
    pytester.makepyfile(
        test_own="""
        import pytest

        @pytest.mark.oneroof(exercises="harness")
        def test_own(oneroof_clone): pass
        """,
        test_wrong="""
        import pytest

        @pytest.mark.oneroof(exercises="both")
        def test_wrong(oneroof_clone): pass
        """,
    )
    suites = ("--oneroof-suite", "dot", "--oneroof-report", "out")
    result = run_oneroof("--oneroof-clone", "test_own.py", *suites)
    assert result.ret == 0
    told = json.loads((pytester.path / "out" / "verdict.json").read_text())
    assert told["exercised"] == {
        "production": 3,
        "harness": 1,
        "neither": 0,
        "not told": 0,
    }
    assert "the harness's own SQL by 1" in (
        pytester.path / "out" / "verdict.md"
    ).read_text().replace("&#39;", "'")
    result.stdout.fnmatch_lines(["exercised: production's own code by 3, *"])
    wrong = run_oneroof("--oneroof-clone", "test_wrong.py")
    assert wrong.ret == pytest.ExitCode.USAGE_ERROR
    wrong.stderr.fnmatch_lines(["*exercises is one of production, harness, neither*"])
