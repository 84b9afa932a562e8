"""No password of a run in anything that the run, or its server, writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_oneroof.postgres.connect import parse

CLONE = "directus_gov_test_20260618"
# Each fails, and shows what it holds: `-l` its locals, an assertion both sides.
FAILING = """
import logging
import os
import psycopg
import pytest

def test_values(oneroof_database):
    url = oneroof_database
    derived = f"{url}?application_name=x"
    parts = psycopg.conninfo.conninfo_to_dict(url)
    logging.getLogger("app").error("connecting to %s", url)
    print(derived, parts)
    assert url == "postgresql://somewhere.else/d"

def test_derived(oneroof_database):
    changed = oneroof_database[13:]
    assert changed.split("@") == []

def test_driver(oneroof_database):
    psycopg.connect(oneroof_database, port=1)

def test_environment(oneroof_database, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", oneroof_database)
    values = {k: v for k, v in os.environ.items() if k == "DATABASE_URL"}
    assert not values

def test_guarded(oneroof_clone):
    oneroof_clone.execute("SELECT 1 / 0")

@pytest.fixture
def broken(oneroof_database):
    raise RuntimeError(f"cannot use {oneroof_database}")

def test_fixture(broken):
    pass
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where the commands and runs of this module keep what they keep."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def clone_url(users_server: str, production: str, cache: Path) -> str:
    """The URL of a clone's check role on a server that logs every statement."""
    command = (
        *("clone", "create", CLONE, "--from", production, "--json"),
        *("--admin-url", users_server),
    )
    environment = {"PATH": "/usr/bin:/bin", "ONEROOF_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest_oneroof", *command],
        env={**environment, "PYTHONPATH": ":".join(p for p in sys.path if p)},
        capture_output=True,
        text=True,
        check=True,
    )
    url = Path(json.loads(done.stdout)["url_file"]).read_text()
    assert str(parse(url)["password"]) not in done.stdout + done.stderr
    return url


@pytest.mark.parametrize("workers", ["0", "2"])
def test_nothing_that_is_written_holds_a_password(
    pytester: pytest.Pytester,
    users_server: str,
    clone_url: str,
    cache: Path,
    workers: str,
) -> None:
    """Terminal with -l, junit, report, and the server's log of all statements."""
    password = str(parse(clone_url)["password"])
    pytester.makepyfile(test_shown=FAILING)
    result = pytester.run(
        *(sys.executable, "-m", "pytest", "-l", "-v", "-rA", "-n", workers),
        *("-p", "no:cacheprovider", "--showlocals", "--full-trace"),
        *("--junitxml=junit.xml", "--oneroof-report=out", "--oneroof-clone"),
        *(f"--oneroof-clone-url={clone_url}", f"--oneroof-admin-url={users_server}"),
        *(f"--oneroof-cache-dir={cache}", "test_shown.py"),
    )
    result.assert_outcomes(failed=5, errors=1)
    told = result.stdout.str() + result.stderr.str()
    assert "postgresql://oneroof_check_" in told
    log = (Path(parse(users_server)["host"]).parent / "data" / "log").read_text()
    assert "PASSWORD 'SCRAM-SHA-256$" in log
    files = [*pytester.path.rglob("*.xml"), *(pytester.path / "out").rglob("*")]
    written = {str(f): f.read_text(errors="replace") for f in files if f.is_file()}
    written |= {"terminal": told, "the server's log": log}
    assert [name for name, text in written.items() if password in text] == []
