"""Every gate check is seen failing, for the right reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

BREAKS = Path(__file__).with_name("gate_breaks.py")
CHECKS, SITUATIONS, WEAKENED = 34, 31, 16


def test_each_gate_check_fails_by_name(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """Every situation tells a drift, every weakening is found, nothing is left."""
    pytester.makepyfile(test_breaks=BREAKS.read_text(encoding="utf-8"))
    result = run_oneroof("--oneroof-clone", "--oneroof-suite", "gate", "test_breaks.py")
    proved = CHECKS + SITUATIONS + WEAKENED
    result.assert_outcomes(passed=proved)
    result.stdout.fnmatch_lines([f"proof * {proved} clean of {proved} checks; *"])
