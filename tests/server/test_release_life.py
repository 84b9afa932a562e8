"""Rehearsal and release on a server of the user's own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.clone.host import Host
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.release.plan import open_packet
from pytest_oneroof.release.step_log import load_log
from pytest_oneroof.settings import Settings

CLONE, OTHER = "directus_gov_test_20260802", "directus_gov_test_20260803"
Run = Callable[..., tuple[Any, str]]


@pytest.fixture
def oneroof(users_server: str, tmp_path: Path) -> Iterator[Run]:
    """Run the command oneroof with --json; drop what it has made."""

    def run(*arguments: str | Path, status: int = 0) -> tuple[Any, str]:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_oneroof", *map(str, arguments), "--json"],
            env={
                **os.environ,
                "ONEROOF_CACHE_DIR": str(tmp_path / "cache"),
                "ONEROOF_ADMIN_URL": users_server,
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout or "null"), done.stderr

    yield run
    with connect(users_server) as admin:
        query = "SELECT datname FROM pg_database WHERE datname LIKE %s ORDER BY 1"
        for (name,) in admin.execute(query, ["directus\\_gov\\_test\\_202608%"]):
            admin.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false'.encode())
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def test_rehearses_beside_the_users_main_clone(
    oneroof: Run, users_server: str, production: str
) -> None:
    """The main clone stays as it is, and its new snapshot restores to the same."""
    oneroof("clone", "create", CLONE, "--from", production)
    oneroof("clone", "baseline", CLONE)
    told, _ = oneroof(
        *("rollout", "rehearse", "full", "--from", production, "--clone", CLONE)
    )
    assert told["watched"] == [production, CLONE]
    assert told["moved"] == []
    assert told["proof"]["codes"] == []
    assert "target" not in told
    steps = [step.step for step in load_log(Path(told["log"])).steps]
    assert steps == [*"01234568", "U", "R"]
    kept = Path(told["snapshot"]["file"])
    oneroof("clone", "restore", kept, OTHER)
    urls = [with_database(users_server, name) for name in (CLONE, OTHER)]
    oneroof("fingerprint", "--no-grants", "--content", *urls)
    again, _ = oneroof(
        *("rollout", "rehearse", "ownership", "--from", production, "--clone", CLONE)
    )
    assert sorted(p.name for p in kept.parent.iterdir()) == [
        Path(again["snapshot"][key]).name for key in ("file", "seal")
    ]
    with connect(users_server) as admin:
        query = "SELECT count(*) FROM pg_database WHERE datname LIKE '%%_rehearsal_%%'"
        assert admin.execute(query).fetchone() == (0,)


def test_main_clone_in_use_is_told(
    oneroof: Run, users_server: str, production: str, tmp_path: Path
) -> None:
    """A main clone that a run has is neither compared nor snapshotted, and is said."""
    oneroof("clone", "create", CLONE, "--from", production)
    words = ("rollout", "rehearse", "ownership", "--from", production)
    rules = Rules.of(Settings().joined(bundled()), own_server=True)
    with contextlib.closing(Host(users_server, Records(tmp_path), rules)) as other:
        assert other.try_lock(other.ours(CLONE).oid)
        told, _ = oneroof(*words, "--clone", CLONE)
    assert told["watched"] == [production]
    assert told["snapshot"] is None
    _, error = oneroof(*words, "--clone", "directus", status=10)
    assert "[marker] the database carries no marker of ours" in error
    _, error = oneroof("rollout", "rehearse", "ownership", status=2)
    assert "missing: --from DATABASE says what to copy" in error


def test_production_of_the_users_is_held(
    oneroof: Run, users_server: str, production: str, tmp_path: Path
) -> None:
    """Not rehearsed, its gate closed: nothing is written to it, no log is begun."""
    url = with_database(users_server, production)
    told, _ = oneroof(
        *("rollout", "run", "full", "--target-url", url, "--database", production),
        *("--ratified-apr", "APR-BOOT-AUTHMODEL-1", "--log", tmp_path / "log"),
        *("--seal", open_packet("full", bundled()).sha256),
        status=10,
    )
    assert [hold["code"] for hold in told["held"]] == ["rehearsal", "gate"]
    assert not (tmp_path / "log").exists()
