"""The embedded server under bad conditions, and what its roles may not do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.errors import ServerError
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres import processes
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

pytestmark = pytest.mark.server

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that every account may enter."""
    made = Path(tempfile.mkdtemp(prefix="oneroof-e-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def copy(embedded: EmbeddedServer) -> Iterator[str]:
    """The name of a copy of the clone, which no run beside these tests takes."""
    name = f"{embedded.state['clone']}_{uuid.uuid4().hex[:8]}"
    with closing(standin.host_of(embedded, bundled())) as host:
        template = host.ours(embedded.state["template"])
        with host.making():
            made = create_copy(host, template, name, "clone")
        yield name
        with host.making():
            lifecycle.drop(host, made)


def nothing(line: str) -> None:
    """Say nothing."""


def check_role_url(server: EmbeddedServer, database: str) -> str:
    """Return the check role's URL for a database of the embedded server."""
    return server.url(database, server.state["role"], server.state["password"])


@pytest.mark.parametrize("database", ["directus", "postgres", "template1"])
def test_check_role_reaches_no_other_database(
    embedded: EmbeddedServer, database: str
) -> None:
    """The check role may connect to its clone and to no other database."""
    with pytest.raises(ServerError, match="permission denied for database"):
        connect(check_role_url(embedded, database))


@pytest.mark.parametrize(
    ("statement", "sqlstate"),
    [
        ("ALTER DATABASE directus SET work_mem = '1MB'", "42501"),
        ("ALTER DATABASE directus RENAME TO gone", "42501"),
        ("DROP DATABASE directus", "42501"),
        ("COMMENT ON DATABASE {clone} IS 'mine'", "42501"),
        ("SELECT pg_terminate_backend({pid})", "42501"),
        ("SET SESSION AUTHORIZATION postgres", "42501"),
        ("SET session_replication_role = replica", "42501"),
        ("CREATE ROLE other", "42501"),
        ("CREATE DATABASE other", "42501"),
        ("COPY governance_docs TO PROGRAM 'true'", "42501"),
        ("SELECT pg_read_file('/etc/passwd')", "42501"),
        ("DROP TABLE oneroof.tripwire", "42501"),
        ("TRUNCATE oneroof.tripwire", "42501"),
        ("DELETE FROM oneroof.tripwire", "42501"),
        ("ALTER TABLE oneroof.tripwire DISABLE TRIGGER tripwire", "42501"),
        ("DELETE FROM governance_docs", "25006"),
    ],
)
def test_check_role_is_powerless(
    embedded: EmbeddedServer, copy: str, statement: str, sqlstate: str
) -> None:
    """By right: the check role cannot touch production, the server, or the proof."""
    with (
        closing(connect(embedded.url("directus"))) as production,
        closing(connect(check_role_url(embedded, copy))) as checker,
    ):
        if sqlstate != "25006":
            checker.execute("SET default_transaction_read_only = off")
        text = statement.format(pid=production.info.backend_pid, clone=copy)
        with pytest.raises(psycopg.Error) as refused:
            checker.execute(text.encode())
        assert refused.value.sqlstate == sqlstate
        assert production.execute("SELECT 1").fetchone() == (1,)


def test_building_leaves_no_trigger_alert(embedded: EmbeddedServer, copy: str) -> None:
    """Our own roles, ownership and tripwire log nothing: alerts are production's."""
    query = "SELECT count(*), max(id) FROM trigger_guard_alerts"
    position = "SELECT last_value, is_called FROM trigger_guard_alerts_id_seq"
    with (
        closing(connect(embedded.url("directus"))) as production,
        closing(connect(embedded.url(copy))) as clone,
    ):
        assert clone.execute(query).fetchone() == production.execute(query).fetchone()
        found = clone.execute(position.encode()).fetchone()
        assert found == production.execute(position.encode()).fetchone()


def test_default_stand_in_is_small(embedded: EmbeddedServer) -> None:
    """The default stand-in stays under 150 MB."""
    with closing(standin.host_of(embedded, bundled())) as host:
        production = host.find("directus")
        assert production is not None
        assert host.size(production.oid) < 150 * 2**20


def test_half_built_cache_is_rebuilt(folder: Path) -> None:
    """A server whose build did not end is recognised and built anew."""
    server = EmbeddedServer(folder, 16, "half")
    server.acquire(lambda s: {"built": 1}, nothing)
    server.release()
    (server.home / "complete").unlink()
    again = EmbeddedServer(folder, 16, "half")
    again.acquire(lambda s: {"built": 2}, nothing)
    try:
        assert again.state["built"] == 2
        assert again.recovered == ["a half-built cache was rebuilt"]
    finally:
        again.release()


@pytest.mark.skipif(os.geteuid() != 0, reason="root alone hands its server over")
def test_roots_own_folders_are_open_whatever_the_umask(folder: Path) -> None:
    """What is made for the server of `nobody`, that account may enter."""
    before = os.umask(0o077)
    try:
        server = EmbeddedServer(folder / "cache" / "deep", 16, "umask")
        server.acquire(lambda s: {}, nothing)
        server.release()
    finally:
        os.umask(before)
    assert (server.home / "complete").exists()


def test_failed_build_leaves_nothing(folder: Path) -> None:
    """A build that fails leaves no server and no half-made folder."""

    def fail(server: EmbeddedServer) -> dict[str, object]:
        raise ServerError("the plan does not load")

    server = EmbeddedServer(folder, 16, "fails")
    with pytest.raises(ServerError, match="the plan does not load"):
        server.acquire(fail, nothing)
    assert not server.home.exists()


def test_two_runs_share_one_server(folder: Path) -> None:
    """The last run to leave stops the server, and no run before it."""
    first, second = (EmbeddedServer(folder, 16, "shared") for _ in range(2))
    first.acquire(lambda s: {}, nothing)
    second.acquire(lambda s: {}, nothing)
    first.release()
    assert second.is_running()
    second.release()
    assert not second.is_running()


def test_long_path_works(folder: Path) -> None:
    """A cache path too long for a Unix socket gets its socket elsewhere."""
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    server = EmbeddedServer(deep, 16, "long")
    server.acquire(lambda s: {}, nothing)
    try:
        assert not server.socket_folder.is_relative_to(deep)
        with closing(connect(server.url("postgres"))) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.release()


def test_cache_that_is_no_folder(run_oneroof: Run, folder: Path) -> None:
    """A cache folder that cannot be written is told with its remedy, and status 1."""
    blocked = folder / "file"
    blocked.write_text("")
    result = run_oneroof("--oneroof-clone", f"--oneroof-cache-dir={blocked}")
    assert result.ret == 1
    told = result.stdout.str() + result.stderr.str()
    assert f"cannot write the cache folder {blocked}" in told
    assert "--oneroof-cache-dir DIR, ONEROOF_CACHE_DIR or oneroof_cache_dir" in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_full_disk(folder: Path, pytester: pytest.Pytester) -> None:
    """A full disk is told as such, and nothing is left there."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=45m,mode=755", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    try:
        result = pytester.run(
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("--oneroof-clone", f"--oneroof-cache-dir={folder}"),
        )
        told = result.stdout.str() + result.stderr.str()
        assert result.ret == 1
        assert f"the disk of the cache folder {folder} is full" in told, told
        assert list(folder.glob("pg*/")) == []
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def test_locale_without_utf8(run_oneroof: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a locale without UTF-8 the suites pass."""
    for name in ("LC_ALL", "LANG"):
        monkeypatch.setenv(name, "C")
    monkeypatch.setenv("PYTHONUTF8", "0")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    result = run_oneroof("--oneroof-clone", "--oneroof-suite=coverage,isolation")
    result.assert_outcomes(passed=34)


def test_postgresql_18(run_oneroof: Run) -> None:
    """The suites pass on PostgreSQL 18 too."""
    result = run_oneroof(
        *("--oneroof-clone", "--oneroof-pg-version=18"),
        "--oneroof-suite=coverage,isolation",
    )
    result.assert_outcomes(passed=34)
    result.stdout.fnmatch_lines(["oneroof: clone * on PostgreSQL 18.*"])


@pytest.fixture
def stopped(folder: Path) -> EmbeddedServer:
    """A server that was built, and stopped by its last user."""
    server = EmbeddedServer(folder, 16, "life")
    server.acquire(lambda s: {}, nothing)
    server.release()
    return server


def answers(server: EmbeddedServer) -> bool:
    """Use the server as the next run would: in, one question, out."""
    server.acquire(lambda s: {}, nothing)
    try:
        with closing(connect(server.url("postgres"))) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        server.release()


def test_number_of_another_process(stopped: EmbeddedServer) -> None:
    """A process with the number in a stale postmaster.pid is left alone."""
    with subprocess.Popen(["sleep", "60"]) as other:
        lines = [str(other.pid), str(stopped.data), "1", "5432", "/nowhere", "", ""]
        (stopped.data / "postmaster.pid").write_text("\n".join(lines))
        try:
            assert answers(stopped)
            assert other.poll() is None
        finally:
            other.kill()
    assert stopped.recovered == ["a server that had crashed was started again"]
    assert not stopped.is_running()


def test_stop_that_does_not_end(
    stopped: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A postmaster that obeys no signal is ended by its id, and heals."""
    monkeypatch.setattr(processes, "PATIENCE", {"fast": 1, "immediate": 1})
    monkeypatch.setattr("pytest_oneroof.postgres.embedded.ANSWER", 1)
    stopped.acquire(lambda s: {}, nothing)
    os.kill(postmaster(stopped), signal.SIGSTOP)
    stopped.release()
    assert not stopped.is_running()
    assert answers(stopped)


def test_backend_killed_at_the_end(stopped: EmbeddedServer) -> None:
    """A backend killed just before the last run leaves: stopped, and green after."""
    for _ in range(3):
        stopped.acquire(lambda s: {}, nothing)
        with closing(connect(stopped.url("postgres"))) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            stopped.release()
        assert not stopped.is_running()
    assert answers(stopped)


def test_moved_cache(stopped: EmbeddedServer, folder: Path) -> None:
    """A cache folder that was moved is used where it stands now."""
    moved = folder / "moved"
    moved.mkdir(mode=0o755)
    stopped.home.rename(moved / stopped.home.name)
    assert answers(EmbeddedServer(moved, 16, "life"))


def test_another_temporary_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with another TMPDIR joins the server whose socket is in the first's."""
    deep = folder / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    first, second = (EmbeddedServer(deep, 16, "life") for _ in range(2))
    first.acquire(lambda s: {}, nothing)
    number = postmaster(first)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    try:
        assert answers(second)
        assert postmaster(first) == number
    finally:
        first.release()
    assert answers(second)


def postmaster(server: EmbeddedServer) -> int:
    """Return the process id of the server's postmaster."""
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])
