"""Runs beside each other, and runs that are interrupted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_oneroof.clone import standin
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., pytest.RunResult]
SLOW = """
import time

def test_slow(oneroof_clone):
    oneroof_clone.execute("DELETE FROM governance_docs")
    oneroof_clone.execute("SELECT nextval('system_issues_id_seq')")
    print("READY", flush=True)
    time.sleep({seconds})
"""


@pytest.fixture
def start(
    pytester: pytest.Pytester, alone: Path, lone_server: EmbeddedServer
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start pytest on a slow test, and wait until the test is in the middle."""
    started: list[subprocess.Popen[str]] = []

    def begin(seconds: int, folder: Path | None = None) -> subprocess.Popen[str]:
        pytester.makepyfile(slow=SLOW.format(seconds=seconds))
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "pytest", "-s", "-v", "-p", "no:cacheprovider"),
                *(
                    "--oneroof-clone",
                    f"--oneroof-cache-dir={folder or alone}",
                    "slow.py",
                ),
            ],
            cwd=pytester.path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "READY" in line:
                return process
        raise AssertionError(f"pytest ended with {process.wait()}: {told}")

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def databases(server: EmbeddedServer) -> set[str]:
    """Return the names of the databases that carry our marker."""
    host = standin.host_of(server, bundled())
    try:
        return {found.name for found in host.all_ours()}
    finally:
        host.close()


def test_second_run_works_on_a_copy(
    start: Callable[..., subprocess.Popen[str]],
    run_alone: Run,
    lone_server: EmbeddedServer,
) -> None:
    """A run beside another takes a copy of the clone; both are green."""
    first = start(8)
    result = run_alone("oneroof/test_isolation.py")
    result.assert_outcomes(passed=8)
    clone = lone_server.state["clone"]
    result.stdout.fnmatch_lines([f"oneroof: clone {clone}_* on PostgreSQL *"])
    told, _ = first.communicate(timeout=60)
    assert first.returncode == 0, told
    assert "entry = exit" in told


@pytest.mark.parametrize(
    ("how", "status"),
    [
        (signal.SIGKILL, -signal.SIGKILL),
        (signal.SIGINT, pytest.ExitCode.INTERRUPTED),
        (signal.SIGTERM, pytest.ExitCode.INTERRUPTED),
        (signal.SIGHUP, pytest.ExitCode.INTERRUPTED),
    ],
    ids=["kill", "ctrl-c", "term", "hup"],
)
def test_interrupted_run_leaves_nothing(
    start: Callable[..., subprocess.Popen[str]],
    run_alone: Run,
    lone_server: EmbeddedServer,
    how: signal.Signals,
    status: int,
) -> None:
    """However a run is ended in a check, the next one is green, and told of kill -9.

    By Ctrl-C, SIGTERM and SIGHUP it ends with its summary, entry and exit compared.
    """
    before = databases(lone_server)
    process = start(60)
    os.kill(process.pid, how)
    told, _ = process.communicate(timeout=60)
    assert process.returncode == status, told
    result = run_alone("--oneroof-suite=coverage,isolation")
    result.assert_outcomes(passed=34)
    after = databases(lone_server)
    assert after == before
    clone = lone_server.state["clone"]
    if how == signal.SIGKILL:
        result.stdout.fnmatch_lines(
            [f"oneroof: found: the last run on {clone} did not*"]
        )
    else:
        assert "state      entry = exit" in told, told
        result.stdout.no_fnmatch_line("*did not end*")


KILLED = """
import os
import signal

import pytest

pytestmark = pytest.mark.server

@pytest.mark.parametrize("number", range(12))
def test_law(oneroof_clone, number):
    count = "SELECT count(*) FROM law_catalog"
    assert oneroof_clone.execute(count).fetchone() == (5,)
    oneroof_clone.execute("INSERT INTO law_catalog (law_code) VALUES ('KILLED')")
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_worker_spoils_no_other_check(
    run_alone: Run, lone_server: EmbeddedServer, pytester: pytest.Pytester
) -> None:
    """The check that killed its worker fails; another takes over, on a proved clone."""
    pytester.makepyfile(killed=KILLED)
    result = run_alone("-n2", "killed.py")
    result.assert_outcomes(passed=11, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*crashed while running 'killed.py::test_law[[]5[]]'",
            "own tests  11/12",
            "proof      11 clean of 11 checks; *",
            "verdict: NO-GO (clone): killed.py::test_law[[]5[]] *",
        ]
    )
    after = run_alone("-n2", "killed.py", "--deselect=killed.py::test_law[5]")
    after.assert_outcomes(passed=11)
    assert "verdict: GO (clone)" in after.outlines
    left = databases(lone_server) - {
        lone_server.state["clone"],
        lone_server.state["template"],
    }
    assert all(name.startswith(f"{lone_server.state['clone']}_") for name in left), left


def test_dead_server_ends_the_run_plainly(
    start: Callable[..., subprocess.Popen[str]], run_oneroof: Run
) -> None:
    """A server killed in the middle of a check is told; the next run is green."""
    folder = Path(tempfile.mkdtemp(prefix="oneroof-dead-"))
    folder.chmod(0o755)
    try:
        process = start(4, folder)
        (pid_file,) = folder.glob("pg*/data/postmaster.pid")
        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
        told, _ = process.communicate(timeout=90)
        assert process.returncode == 1, told
        assert "INTERNALERROR" not in told, told
        assert "exit state not read" in told, told
        result = run_oneroof(
            *("--oneroof-clone", "--oneroof-suite=coverage,isolation"),
            f"--oneroof-cache-dir={folder}",
        )
        result.assert_outcomes(passed=34)
        result.stdout.fnmatch_lines(["oneroof: found: the last run on * did not end*"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_collect_only_starts_no_server(
    pytester: pytest.Pytester, tmp_path: Path
) -> None:
    """--collect-only lists the items, and neither builds nor connects."""
    result = pytester.runpytest_subprocess(
        *("--oneroof-clone", "--collect-only", "-q", "-p", "no:cacheprovider"),
        *("--oneroof-suite=coverage", f"--oneroof-cache-dir={tmp_path / 'none'}"),
    )
    assert result.ret == 0
    assert "oneroof/test_coverage.py::test_owner_gap[r1.2]" in result.outlines
    assert not (tmp_path / "none").exists()
