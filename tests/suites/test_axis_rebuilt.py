"""The axis suite holds on another baseline than the shipped one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

REBUILT = Path(__file__).with_name("axis_rebuilt.py")


def test_rebuilt_baseline_passes(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """With a 36th collection, or a 7th scope, and a baseline built anew all hold."""
    pytester.makepyfile(test_rebuilt=REBUILT.read_text(encoding="utf-8"))
    result = run_oneroof(
        "--oneroof-clone", "--oneroof-suite", "axis", "test_rebuilt.py"
    )
    result.assert_outcomes(passed=7 + 2)
    result.stdout.fnmatch_lines(["proof * 9 clean of 9 checks; *"])
