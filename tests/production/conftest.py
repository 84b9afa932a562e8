"""A production of the tests' own: a server with stand-in, its reader, a hot standby.

Apart from the shared embedded server, so that its transaction ids are not used by
other tests, and its stand-in can be changed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.clone import standin
from pytest_oneroof.clone.host import Host
from pytest_oneroof.ownership.marker import PREFIX
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.binaries import Programs, find_programs
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.production.powers import ROLE
from pytest_oneroof.production.preflight import ChannelRules
from pytest_oneroof.settings import Settings
from pytest_oneroof.statements.scripts import run_script

READER = "oneroof_acceptance"
ADMIN = "admin"


@dataclass(frozen=True)
class Production:
    """A database to accept: the server's administrator on it, and its reader."""

    name: str
    admin: str
    reader: str

    @property
    def rules(self) -> ChannelRules:
        """Rules that declare this database the production."""
        return ChannelRules(productions=(self.name,), clone_marker=PREFIX)

    def execute(self, *statements: str) -> None:
        """Run statements as the administrator, each committed."""
        with connect(self.admin) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def value(self, query: str) -> Any:
        """Return the one value of a query, read as the administrator."""
        with connect(self.admin) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


@dataclass(frozen=True)
class Cluster:
    """A server on a Unix socket, its programs and its home folder."""

    programs: Programs
    home: Path

    def url(self, user: str, database: str, socket: str = "s") -> str:
        """Return the URL of a role for a database; nobody needs a password."""
        return f"postgresql://{user}@/{database}?host={self.home / socket}"

    def start(self, name: str, *options: str) -> None:
        """Start the server whose data folder and socket folder are there."""
        folder, socket = self.home / name, self.home / f"{name[0]}s"
        text = " ".join(("-c listen_addresses= -c fsync=off", f"-k {socket}", *options))
        log = str(folder / "log")
        self.programs.run(
            *("pg_ctl", "-D", str(folder), "-l", log, "-o", text, "-w", "start")
        )

    def stop(self, name: str) -> None:
        """Stop a server of this home, if it runs."""
        folder = str(self.home / name)
        with contextlib.suppress(Exception):
            self.programs.run("pg_ctl", "-D", folder, "-m", "immediate", "stop")

    def folder(self, name: str) -> Path:
        """Make a private folder of the server's account."""
        path = self.home / name
        path.mkdir(mode=0o700)
        self.programs.own(path)
        return path


@pytest.fixture(scope="session")
def cluster(cache: Path) -> Iterator[Cluster]:
    """A server with the stand-in production `directus`, autovacuum off."""
    home = Path(tempfile.mkdtemp(prefix="oneroof-prod-"))
    home.chmod(0o755)
    made = Cluster(find_programs(16, cache), home)
    data = made.folder("primary")
    made.folder("ps")
    (home / "s").symlink_to(home / "ps")
    try:
        made.programs.run(
            *("initdb", "-D", str(data), "-U", ADMIN, "--no-sync"),
            *("-A", "trust", "-E", "UTF8", "--locale", "C"),
        )
        made.start("primary", "-c autovacuum=off", "-c wal_keep_size=256MB")
        records = Records(home / "records")
        rules = Rules.of(Settings().joined(bundled()), own_server=True)
        url = made.url(ADMIN, "postgres")
        with contextlib.closing(Host(url, records, rules)) as host:
            standin.build_production(host, bundled(), "default")
        yield made
    finally:
        made.stop("primary")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def production(cluster: Cluster) -> Production:
    """The stand-in production `directus`, greenfield; no test changes it."""
    return give_reader(cluster, "directus")


def give_reader(
    cluster: Cluster, name: str, *, role: str = READER, sessions: int = -1
) -> Production:
    """Make the reading role by the shipped file, and return the production.

    Tests beside read it at the same time: it may have any number of sessions.
    """
    admin = cluster.url(ADMIN, name)
    with connect(admin) as connection:
        connection.execute(f"SET oneroof.acceptance_sessions = {sessions}".encode())
        connection.execute(f"SET oneroof.acceptance_role = {role}".encode())
        run_script(connection, resources.path(ROLE))
    return Production(name, admin, cluster.url(role, name))


@pytest.fixture
def copy(cluster: Cluster, production: Production) -> Iterator[Production]:
    """A production of this test alone, a copy of `directus`, dropped afterwards."""
    with copied(cluster, "directus_copy") as made:
        yield made


@pytest.fixture(scope="module")
def changed_copy(cluster: Cluster, production: Production) -> Iterator[Production]:
    """A production for the tests of one module, a copy of `directus`."""
    with copied(cluster, "directus_module") as made:
        yield made


@contextlib.contextmanager
def copied(cluster: Cluster, name: str, **reader: Any) -> Iterator[Production]:
    """Copy `directus` under another name, yield it, and drop it."""
    with connect(cluster.url(ADMIN, "postgres")) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE directus".encode())
    try:
        yield give_reader(cluster, name, **reader)
    finally:
        with connect(cluster.url(ADMIN, "postgres")) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def standby(cluster: Cluster, production: Production) -> Iterator[Production]:
    """A hot standby of the server, made by pg_basebackup; it reads `directus`."""
    folder = cluster.home / "standby"
    cluster.folder("ss")
    folder.mkdir(mode=0o700)
    cluster.programs.own(folder)
    cluster.programs.run(
        *("pg_basebackup", "-D", str(folder), "-R", "-X", "stream", "-c", "fast"),
        *("-h", str(cluster.home / "ps"), "-U", ADMIN, "--no-sync"),
    )
    (folder / "log").unlink(missing_ok=True)
    cluster.start("standby")
    url = cluster.url(READER, "directus", "ss")
    try:
        _wait_for_replay(cluster.url(ADMIN, "postgres", "ss"))
        yield Production("directus", cluster.url(ADMIN, "directus", "ss"), url)
    finally:
        cluster.stop("standby")


def _wait_for_replay(url: str) -> None:
    for _ in range(100):
        with contextlib.suppress(psycopg.Error), connect(url) as connection:
            row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
            assert row == (True,)
            return
        time.sleep(0.1)


@pytest.fixture
def accept(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Run an acceptance of a production in a subprocess, in an empty folder."""
    for name in [n for n in os.environ if n.startswith(("ONEROOF_", "PYTEST_", "PG"))]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")

    def run(target: Production | str, *arguments: str) -> pytest.RunResult:
        url = target if isinstance(target, str) else target.reader
        name = "directus" if isinstance(target, str) else target.name
        return pytester.run(
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("-m", "readonly", f"--oneroof-production-url={url}"),
            *("-v", "-o", f"oneroof_productions={name}", *arguments),
            timeout=120,
        )

    return run
