"""Runs whose asserts do nothing are refused; those that still work are not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
FALSE = "def test_false(oneroof_clone): assert 1 == 2"
EARLY = """
import sys, types
from pytest_oneroof.run.asserts import require_rewritten
sys.modules["shop.suites.support"] = types.ModuleType("support")
require_rewritten("shop.suites")
"""


def test_optimised_python_with_plain_asserts_is_refused(
    pytester: pytest.Pytester, run_oneroof: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A false expectation would pass there: it is a usage error, on production too."""
    pytester.makepyfile(test_false=FALSE)
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    for target in (
        ("--oneroof-clone", "test_false.py"),
        ("-m", "readonly", "--oneroof-production-url=postgresql://h/directus"),
    ):
        result = run_oneroof(*target, "--assert=plain")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["*python -O*leaves assert statements out*"])


@pytest.mark.parametrize("optimised", ["", "1"], ids=["plain", "optimised"])
def test_asserts_that_work_are_used(
    pytester: pytest.Pytester,
    run_oneroof: Run,
    monkeypatch: pytest.MonkeyPatch,
    optimised: str,
) -> None:
    """--assert=plain alone works, and so does -O with pytest's rewriting."""
    pytester.makepyfile(test_false=FALSE)
    monkeypatch.setenv("PYTHONOPTIMIZE", optimised)
    how = () if optimised else ("--assert=plain",)
    suites = ("--oneroof-suite", "dot,seal,coverage")
    result = run_oneroof("--oneroof-clone", *suites, "test_false.py", *how)
    result.assert_outcomes(passed=38, failed=1, warnings=int(bool(optimised)))
    assert result.ret == 1


@pytest.mark.parametrize("optimised", [(), ("-O",)], ids=["plain", "optimised"])
def test_suite_loaded_without_asserts_is_refused(optimised: tuple[str, ...]) -> None:
    """Under -O a suite's module that pytest did not rewrite is told by its name."""
    done = subprocess.run(
        [sys.executable, *optimised, "-c", EARLY],
        capture_output=True,
        text=True,
        check=False,
    )
    told = "pytest did not rewrite shop.suites.support, as it was imported before"
    assert (told in done.stderr) == bool(optimised), done.stderr
