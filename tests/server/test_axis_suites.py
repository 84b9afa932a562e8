"""The axis, events and DOT suites on a clone on a server of the user's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_oneroof.postgres.connect import connect

CLONE = "directus_gov_test_20260604"
Run = Callable[..., pytest.RunResult]
NO_ADMIN = (
    "needs a database of its own, which only an administrator can make: "
    "--oneroof-admin-url URL (ONEROOF_ADMIN_URL)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder for records and URLs."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def clone_url(users_server: str, production: str, folder: Path) -> Iterator[str]:
    """The check role's URL of a clone at its baseline."""
    created = ("create", CLONE, "--from", production, "--json")
    made = json.loads(_oneroof(folder, users_server, *created))
    _oneroof(folder, users_server, "baseline", CLONE)
    yield Path(made["url_file"]).read_text()
    _oneroof(folder, users_server, "drop", CLONE)


@pytest.fixture
def run_on(
    pytester: pytest.Pytester,
    folder: Path,
    clone_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run suites in a subprocess on the clone, in an empty folder."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(suites: str, *arguments: str) -> pytest.RunResult:
        return pytester.run(
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs"),
            *("--oneroof-clone", f"--oneroof-clone-url={clone_url}"),
            *(f"--oneroof-cache-dir={folder}", f"--oneroof-suite={suites}"),
            *arguments,
        )

    return run


def test_with_an_administrator(run_on: Run, users_server: str) -> None:
    """All items pass; what they commit is done on copies that are dropped."""
    result = run_on(
        "axis,events,dot,axis_substrate", f"--oneroof-admin-url={users_server}"
    )
    result.assert_outcomes(passed=141)
    with connect(users_server) as admin:
        left = admin.execute(
            "SELECT datname FROM pg_catalog.pg_database"
            " WHERE datname ~ '_(rehearsal|throwaway)_' ORDER BY datname"
        ).fetchall()
    assert left == []


def test_without_an_administrator(run_on: Run) -> None:
    """What needs a database of its own is skipped, naming the option."""
    result = run_on("axis,events,dot")
    result.assert_outcomes(passed=18, skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED * a throwaway clone {NO_ADMIN}"])
    result = run_on("axis_substrate")
    result.assert_outcomes(skipped=122)
    result.stdout.fnmatch_lines([f"SKIPPED * a rehearsal clone {NO_ADMIN}"])


def _oneroof(folder: Path, admin: str, *arguments: str) -> str:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest_oneroof", "clone", *arguments),
            *("--admin-url", admin),
        ],
        env={**os.environ, "ONEROOF_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
