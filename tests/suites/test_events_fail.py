"""Every events check is seen failing, for the right reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

BREAKS = Path(__file__).with_name("events_breaks.py")
CHECKS = 9
BROKEN = 25 + 3


def test_each_events_check_fails_by_name(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """Each break is told by its check, and the breaks leave nothing."""
    pytester.makepyfile(test_breaks=BREAKS.read_text(encoding="utf-8"))
    result = run_oneroof(
        "--oneroof-clone", "--oneroof-suite", "events", "test_breaks.py"
    )
    proved = CHECKS + BROKEN
    result.assert_outcomes(passed=proved + 2)
    result.stdout.fnmatch_lines([f"proof * {proved} clean of {proved} checks; *"])
