"""From nothing to a green run: init, clone create, pytest; and figures that move."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_oneroof.postgres.connect import connect, with_database

Command = Callable[..., subprocess.CompletedProcess[str]]
STOCK = """
CREATE TABLE item (id int PRIMARY KEY, "Odd %s name" text);
INSERT INTO item SELECT generate_series(1, 30);
CREATE SCHEMA "Other one";
CREATE TABLE "Other one"."it's" (a int);
CREATE TABLE hidden (a int);
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
CREATE TABLE large AS SELECT generate_series(1, 20000) AS a;
"""


@pytest.fixture
def stock(users_server: str) -> Iterator[str]:
    """The administrator's URL of a team's database, to which nobody else connects."""
    name = f"stock{uuid.uuid4().hex[:8]}"
    with connect(users_server) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        admin.execute(f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC".encode())
    url = with_database(users_server, name)
    with connect(url) as connection:
        connection.execute(STOCK.encode())
    yield url
    with connect(users_server) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def command(tmp_path: Path, users_server: str) -> Command:
    """Run a command in an empty folder, on the user's server."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("ONEROOF", "PG"))}
    environment = {
        **kept,
        "ONEROOF_ADMIN_URL": str(users_server),
        "ONEROOF_CACHE_DIR": str(tmp_path / "cache"),
        "COLUMNS": "100",
    }
    project = tmp_path / "project"
    project.mkdir()

    def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_three_commands_to_green(stock: str, command: Command, tmp_path: Path) -> None:
    """What init writes runs as it is, and a moved figure fails by its name."""
    made = command("pytest_oneroof", "init", "--from", stock)
    assert made.returncode == 0, made.stderr
    assert "4 tables" in made.stdout
    database = stock.partition("?")[0].rpartition("/")[2]
    created = command("pytest_oneroof", "clone", "create", "--from", database)
    assert created.returncode == 0, created.stderr
    run = command("pytest", "-p", "no:cacheprovider")
    assert run.returncode == 0, run.stdout + run.stderr
    for passed in ("first 5/5", "figures 3/3", "integrity 13/13"):
        assert passed in run.stdout

    with connect(stock) as connection:
        connection.execute("DELETE FROM item WHERE id > 28")
    told = command("pytest_oneroof", "figures", "diff", stock)
    assert told.returncode == 1
    assert "public.item: recorded 30, found 28" in told.stdout
    recorded = command("pytest_oneroof", "figures", "record", stock)
    assert recorded.returncode == 0, recorded.stderr
    file = tmp_path / "project/checks/fixtures/figures.json"
    assert json.loads(file.read_text())["figures"]["public.item"]["value"] == 28
    moved = command("pytest", "-p", "no:cacheprovider", "-k", "test_figure")
    assert moved.returncode == 1
    assert "public.item: expected 28 (recorded " in moved.stdout
    assert "if that is right: oneroof figures record" in moved.stdout


def test_overwrites_nothing(stock: str, command: Command, tmp_path: Path) -> None:
    """A folder that has one of the files is left as it is."""
    file = tmp_path / "project/pytest.ini"
    file.write_text("[pytest]\n")
    refused = command("pytest_oneroof", "init", "--from", stock)
    assert refused.returncode == 2
    assert "has pytest.ini already; nothing was overwritten" in refused.stderr
    assert [path.name for path in file.parent.iterdir()] == ["pytest.ini"]


def test_says_what_to_do_without_a_clone(stock: str, command: Command) -> None:
    """Where no clone was made the run says which command makes one."""
    assert command("pytest_oneroof", "init", "--from", stock).returncode == 0
    run = command("pytest", "-p", "no:cacheprovider")
    assert run.returncode == 1
    assert "oneroof clone create --from DATABASE" in run.stdout + run.stderr
