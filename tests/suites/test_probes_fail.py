"""Every probe is seen failing when the guard of its class is weakened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

BREAKS = Path(__file__).with_name("probes_breaks.py")
PROBES = 11
WIDER = 10


def test_each_probe_fails_under_its_weakened_guard(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """One weakened guard per class is told by its probe, and leaves nothing."""
    pytester.makepyfile(test_breaks=BREAKS.read_text(encoding="utf-8"))
    result = run_oneroof("--oneroof-clone", "test_breaks.py")
    result.assert_outcomes(passed=PROBES + WIDER)
    result.stdout.re_match_lines([r"verdict: GO \(clone\)"])


def test_probes_pass_and_leave_no_folder_behind(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """Unweakened all eleven pass, are recorded, and leave no file where one works."""
    result = run_oneroof(
        "--oneroof-clone", "--oneroof-suite", "probes", "--junitxml=out.xml"
    )
    result.assert_outcomes(passed=PROBES)
    made = {path.name for path in pytester.path.iterdir()}
    assert made - {"stdout", "stderr"} == {"out.xml"}
    records = (pytester.path / "out.xml").read_text()
    assert records.count('name="oneroof_probe"') == PROBES + 2
    assert "&quot;must&quot;: &quot;accept&quot;" in records
