"""Each invariant of the pipeline machine is seen failing, for the right reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

BREAKS = Path(__file__).with_name("pipeline_breaks.py")
CASES = 11


FEW = """
from hypothesis import settings

settings.register_profile("few", max_examples=5)
settings.load_profile("few")
"""
ARGUMENTS = ("--oneroof-clone", "--oneroof-suite=pipeline", "-p", "few")


def test_each_invariant_fails_by_name(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """What breaks an invariant is told by it, and the breaks leave nothing."""
    pytester.makepyfile(test_breaks=BREAKS.read_text(encoding="utf-8"), few=FEW)
    result = run_oneroof(*ARGUMENTS, "test_breaks.py")
    proved = CASES + 2
    result.assert_outcomes(passed=proved)
    result.stdout.fnmatch_lines([f"proof * {proved} clean of {proved} checks; *"])


def test_suite_runs_when_asked_for(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """The suite is not in the default run; asked for, it is one proved check."""
    listed = run_oneroof("--oneroof-clone", "--collect-only", "-q")
    assert "test_coverage.py" in listed.stdout.str()
    assert "test_pipeline.py" not in listed.stdout.str()
    pytester.makepyfile(few=FEW)
    result = run_oneroof(*ARGUMENTS)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["pipeline   1/1", "proof * 1 clean of 1 checks; *"])
