"""Refuses runs in which `assert` does nothing: a false expectation would pass.

`python -O` leaves assert statements out. pytest's rewriting puts them back, in what it
rewrites; `--assert=plain` turns that off.
"""

from __future__ import annotations

import sys

import pytest

LEFT_OUT = (
    "python -O (PYTHONOPTIMIZE) leaves assert statements out, so that a check whose "
    "expectation is false would pass"
)
REWRITER = "AssertionRewritingHook"


def require_asserts(config: pytest.Config) -> None:
    """Raise UsageError where this run's asserts are neither executed nor rewritten."""
    if sys.flags.optimize and config.getoption("assertmode") == "plain":
        raise pytest.UsageError(
            f"{LEFT_OUT}, and --assert=plain does not put them back: leave out one of "
            "the two"
        )


def require_rewritten(package: str) -> None:
    """Raise UsageError where a module of a pack's suites was loaded without asserts."""
    if not sys.flags.optimize:
        return
    ours = [name for name in sys.modules if name.startswith(f"{package}.")]
    for name in ours:
        loader = getattr(sys.modules[name].__spec__, "loader", None)
        if type(loader).__name__ != REWRITER:
            raise pytest.UsageError(
                f"{LEFT_OUT}, and pytest did not rewrite {name}, as it was imported "
                "before: run without -O"
            )
