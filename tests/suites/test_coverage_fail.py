"""Every coverage check is seen failing, for the right reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

BREAKS = Path(__file__).with_name("coverage_breaks.py")
CHECKS = 26
FURTHER = 7


def test_each_coverage_check_fails_by_name(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """One break per check is told by that check, and the breaks leave nothing."""
    pytester.makepyfile(test_breaks=BREAKS.read_text(encoding="utf-8"))
    result = run_oneroof(
        "--oneroof-clone", "--oneroof-suite", "coverage", "test_breaks.py"
    )
    proved = CHECKS + CHECKS + FURTHER
    result.assert_outcomes(passed=proved + 1)
    result.stdout.fnmatch_lines([f"proof * {proved} clean of {proved} checks; *"])
