"""A server of these tests alone: it logs every statement, and asks for passwords.

Its production is the database `shop`. The project beside it says so in its pytest.ini,
which commands and runs read alike.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_oneroof.cli import main

from .servers import (
    ACTS,
    ADMIN,
    CLONE,
    PASSWORD,
    PATTERN,
    PRODUCTION,
    Done,
    Run,
    Server,
    free_port,
    new_home,
    programs,
    roles_of,
)

INI = f"""
[pytest]
oneroof_pack = none
oneroof_clone_pattern = {PATTERN}
oneroof_productions = {PRODUCTION}
"""
SHOP = """
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item VALUES (1, 'a'), (2, 'b'), (3, 'c')
"""


@pytest.fixture(scope="session")
def server(cache: Path) -> Iterator[Server]:
    """The server with the production."""
    found = programs(cache)
    home = new_home(found)
    made = Server(found, home, free_port())
    try:
        secret = home / "password"
        secret.write_text(PASSWORD)
        found.own(secret)
        found.run(
            *("initdb", "-D", str(home / "data"), "-U", ADMIN, "--no-sync"),
            *("--auth-local=trust", "--auth-host=scram-sha-256"),
            *(f"--pwfile={secret}", "-E", "UTF8", "--locale=C"),
        )
        secret.unlink()
        made.start("-c wal_level=replica", "-c max_wal_senders=4")
        made.query(f"CREATE DATABASE {PRODUCTION}")
        made.query(SHOP, PRODUCTION)
        made.query(f"REVOKE CONNECT ON DATABASE {PRODUCTION} FROM PUBLIC")
        yield made
    finally:
        made.stop()
        shutil.rmtree(home)


@pytest.fixture
def project(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a project on that server, and the one worked in."""
    for name in [n for n in os.environ if n.startswith(("ONEROOF_", "PG", "PYTEST_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ONEROOF_CACHE_DIR", str(server.home / "cache"))
    monkeypatch.setenv("ONEROOF_ADMIN_URL", server.url())
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "pytest.ini").write_text(INI)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def oneroof(project: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command oneroof in this process, in the project's folder."""

    def run(*arguments: str | Path) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments], prog_name="oneroof")
        out, err = capfd.readouterr()
        status = ended.value.code
        assert status is None or isinstance(status, int)
        return Done(status or 0, out + err)

    return run


@pytest.fixture
def clone(server: Server, oneroof: Run) -> Iterator[str]:
    """A clone of the production; it is gone at the end, whatever it came to."""
    oneroof("clone", "create", CLONE, "--from", PRODUCTION, "--by", "dump").expect(0)
    yield CLONE
    left = [row for row in server.databases() if row[0].startswith(CLONE)]
    for name, *_ in left:
        server.query(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
        server.query(f'DROP DATABASE "{name}" WITH (FORCE)')
    for role in {role for *_, comment in left for role in roles_of(comment)}:
        server.query(f"DROP ROLE IF EXISTS {role}")


@pytest.fixture
def untouched(server: Server) -> Callable[[], None]:
    """Return what asserts that, since here, nobody acted on any database."""
    begun, before = len(server.log()), server.databases()

    def check() -> None:
        acted = [
            line for line in server.log()[begun:].splitlines() if re.search(ACTS, line)
        ]
        assert acted == []
        assert server.databases() == before

    return check
