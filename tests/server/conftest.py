"""A PostgreSQL that pip did not bring, started by the tests."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_oneroof.clone import standin
from pytest_oneroof.clone.host import Host
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.binaries import Programs
from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.settings import Settings


def debian_programs() -> list[Path]:
    """Return the program folders of Debian's PostgreSQL packages, newest last."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="session")
def users_server() -> Iterator[str]:
    """The administrator's URL of a server on a Unix socket, autovacuum on.

    Without Debian's package the tests of this folder are skipped, or, with
    ONEROOF_TEST_REQUIRE_SERVER (as in CI), fail.
    """
    found = debian_programs()
    if not found:
        reason = "no PostgreSQL in /usr/lib/postgresql: this part did not run"
        if os.environ.get("ONEROOF_TEST_REQUIRE_SERVER"):
            pytest.fail(reason)
        pytest.skip(reason)
    home = Path(tempfile.mkdtemp(prefix="oneroof-server-"))
    home.chmod(0o755)
    programs = Programs(found[-1], "nobody" if os.geteuid() == 0 else None)
    data, socket = home / "data", home / "s"
    for folder in (data, socket):
        folder.mkdir(mode=0o700)
        programs.own(folder)
    programs.run("initdb", "-D", str(data), "-U", "admin", "--no-sync", "-A", "trust")
    options = f"-c listen_addresses= -k {socket} -c fsync=off -c wal_level=logical"
    options += " -c log_statement=all"
    start = ("-D", str(data), "-l", str(data / "log"), "-o", options, "-w", "start")
    programs.run("pg_ctl", *start)
    try:
        yield f"postgresql://admin@/postgres?host={socket}"
    finally:
        programs.run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def production(users_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a stand-in production on that server."""
    records = Records(tmp_path_factory.mktemp("records"))
    plan = standin.plan_of(bundled())["production"]
    rules = Rules.of(Settings().joined(bundled()), own_server=True)
    with closing(Host(users_server, records, rules)) as host:
        standin.build_production(host, bundled(), "default")
    with connect(users_server) as admin:
        # As on most servers: whoever may log in may connect to production.
        admin.execute("GRANT CONNECT ON DATABASE directus TO PUBLIC")
        admin.execute("REVOKE CONNECT ON DATABASE directus FROM PUBLIC")
    return str(plan["database"])


@pytest.fixture
def standby(users_server: str) -> Iterator[Callable[[], str]]:
    """Start a hot standby of the server; return its socket folder."""
    programs = Programs(debian_programs()[-1], "nobody" if os.geteuid() == 0 else None)
    home = Path(tempfile.mkdtemp(prefix="oneroof-standby-"))
    home.chmod(0o755)
    data, socket = home / "data", home / "s"
    for folder in (data, socket):
        folder.mkdir(mode=0o700)
        programs.own(folder)

    def start() -> str:
        host = str(parse(users_server)["host"])
        programs.run(
            *("pg_basebackup", "-h", host, "-U", "admin"),
            *("-D", str(data), "-R", "-X", "stream", "--checkpoint=fast", "--no-sync"),
        )
        options = f"-c listen_addresses= -k {socket} -c fsync=off -c hot_standby=on"
        arguments = ("-D", str(data), "-l", str(data / "log"), "-o", options)
        programs.run("pg_ctl", *arguments, "-w", "start")
        return str(socket)

    try:
        yield start
    finally:
        if (data / "postmaster.pid").exists():
            programs.run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(home)
