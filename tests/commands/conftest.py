"""The command line in this process, on an embedded server of these tests alone."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.cli import main
from pytest_oneroof.clone import standin
from pytest_oneroof.clone.host import Host
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

SHOP = """
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE TABLE item (id serial PRIMARY KEY, name text NOT NULL UNIQUE, colour colour);
CREATE TABLE bought (item int REFERENCES item, at timestamptz DEFAULT now());
CREATE VIEW sold AS SELECT i.name, count(*) FROM item i JOIN bought b ON b.item = i.id
  GROUP BY i.name;
CREATE FUNCTION red() RETURNS bigint LANGUAGE sql
  AS $$ SELECT count(*) FROM item WHERE colour = 'red' $$;
INSERT INTO item (name, colour) SELECT n, 'red' FROM generate_series(1, 90) AS n;
INSERT INTO bought SELECT id FROM item WHERE id % 3 = 0;
"""


@dataclass(frozen=True)
class Done:
    """What a command came to: exit status, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """What it printed as JSON; its failure where it did not end well."""
        assert self.status == 0, self.err
        value: dict[str, Any] = json.loads(self.out)
        return value

    def expect(self, status: int, *told: str) -> Done:
        """Assert the exit status, that each text was told, and no traceback."""
        assert self.status == status, self.out + self.err
        for text in told:
            assert text in self.out + self.err
        assert "Traceback" not in self.err
        return self


Run = Callable[..., Done]


@pytest.fixture(scope="session")
def own_cache() -> Iterator[Path]:
    """A cache that no other test uses: these ones collect what is left on it."""
    folder = Path(tempfile.mkdtemp(prefix="oneroof-commands-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(own_cache: Path) -> Iterator[EmbeddedServer]:
    """The embedded server of these tests, running, so that commands join it."""
    server = standin.server_for(own_cache, 16, bundled())
    server.acquire(lambda s: standin.build(s, print, bundled()), print)
    yield server
    server.release()


@pytest.fixture
def host(server: EmbeddedServer) -> Iterator[Host]:
    """Its administrator."""
    with closing(standin.host_of(server, bundled())) as host:
        yield host


@pytest.fixture(scope="session")
def shop(server: EmbeddedServer) -> str:
    """The name of a small database, whose objects belong to the administrator."""
    with connect(server.url("postgres")) as admin:
        admin.execute("CREATE DATABASE shop TEMPLATE template0")
    with connect(server.url("shop")) as admin:
        admin.execute(SHOP)
    return "shop"


@pytest.fixture
def oneroof(
    server: EmbeddedServer,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run the command oneroof in this process, without a terminal."""
    for name in [n for n in os.environ if n.startswith(("ONEROOF_", "PG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ONEROOF_CACHE_DIR", str(server.cache))
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str | Path) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments], prog_name="oneroof")
        out, err = capfd.readouterr()
        status = ended.value.code
        assert status is None or isinstance(status, int)
        return Done(status or 0, out, err)

    return run


@pytest.fixture
def left(host: Host) -> Callable[[], list[str]]:
    """Return the databases and roles that a test has left beside those before it."""

    def names() -> set[str]:
        rows = host.admin.execute(
            "SELECT datname::text FROM pg_database"
            " UNION ALL SELECT rolname::text FROM pg_roles"
        ).fetchall()
        return {name for (name,) in rows}

    before = names()
    return lambda: sorted(names() - before)
