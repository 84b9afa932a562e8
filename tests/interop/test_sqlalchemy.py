"""SQLAlchemy's engines and sessions on the clone, bound to it in either isolation."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")

PROJECT = Path(__file__).parents[1] / "examples" / "sqlalchemy_project"
SAVEPOINT, ROLLBACK, DATABASE = 14, 1, 3
ALL = SAVEPOINT + ROLLBACK + DATABASE


def test_project_on_the_clone(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """A project's engine, session and ORM tests pass, and each is proved clean."""
    shutil.copytree(PROJECT, pytester.path, dirs_exist_ok=True)
    result = run_oneroof("--oneroof-clone", ".")
    result.assert_outcomes(passed=ALL)
    result.stdout.fnmatch_lines([f"proof * {ALL} clean of {ALL} checks; *"])


def test_without_commits_played(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """Without autocommit played, and levels refused, tests of the project fail."""
    shutil.copytree(PROJECT, pytester.path, dirs_exist_ok=True)
    pytester.makepyfile(
        dulled="""
        from pytest_oneroof.check.savepoint_mode import SavepointMode

        SavepointMode.settle = lambda self: None
        SavepointMode.change_isolation_level = lambda self, value: None
        """
    )
    result = run_oneroof("--oneroof-clone", "-p", "dulled", "test_savepoint.py")
    result.assert_outcomes(passed=SAVEPOINT - 3, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "FAILED test_savepoint.py::test_autocommit*",
            "FAILED test_savepoint.py::test_isolation_level?REPEATABLE READ?*",
            "FAILED test_savepoint.py::test_isolation_level?SERIALIZABLE?*",
        ]
    )
