"""Processes that die in the middle of a check: what this run and the next one say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKS = """
import os
import signal
import time
from pathlib import Path

import pytest

INSERT = "INSERT INTO law_catalog (law_code) VALUES ('LEFT-BEHIND')"
WHAT = os.environ.get("DIES", "")


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def die(db):
    backend = db.info.backend_pid
    if WHAT in ("backend", "backend after commit"):
        os.kill(backend, signal.SIGKILL)
    elif WHAT == "postmaster":
        os.kill(parent_of(backend), signal.SIGKILL)
    elif WHAT == "server":
        os.kill(parent_of(backend), signal.SIGQUIT)
    elif WHAT == "pytest":
        os.kill(os.getpid(), signal.SIGKILL)
    elif WHAT == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    elif WHAT == "interrupt in query":
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
        db.execute("SELECT pg_sleep(30)")
    if WHAT:
        time.sleep(0.5)


def test_before(oneroof_clone):
    oneroof_clone.execute(INSERT)


def test_dies(oneroof_clone):
    oneroof_clone.execute(INSERT)
    if WHAT == "backend after commit":
        # The embedded server would otherwise lose what it committed last.
        durable = "SET LOCAL synchronous_commit = on"
        for text in ("ROLLBACK AND CHAIN", durable, INSERT, "COMMIT"):
            oneroof_clone.pgconn.exec_(text.encode())
    die(oneroof_clone)


def test_next(oneroof_clone):
    rows = oneroof_clone.execute("SELECT count(*) FROM law_catalog").fetchone()
    assert rows == (5,)
    new = oneroof_clone.execute(INSERT + " RETURNING id").fetchone()
    assert new == (6,)
"""
# Sessions lost in each way, one after another; a crash meets the workers' own too.
LOST = """
import contextlib
import os
import signal

import psycopg
import pytest

INSERT = "INSERT INTO law_catalog (law_code) VALUES ('LEFT-BEHIND')"


def copy_open(db):
    db.pgconn.exec_(b"COPY law_catalog FROM STDIN")


def terminated(db):
    with contextlib.suppress(psycopg.OperationalError):
        db.pgconn.exec_(b"SELECT pg_terminate_backend(pg_backend_pid())")


def killed(db):
    os.kill(db.info.backend_pid, signal.SIGKILL)


@pytest.mark.parametrize("lose", [copy_open, terminated, killed, killed, terminated])
def test_lost(oneroof_clone, lose):
    assert oneroof_clone.execute(INSERT + " RETURNING id").fetchone() == (6,)
    lose(oneroof_clone)
"""
ENDED = "the last run on directus_gov_test_* did not end"


@dataclass(frozen=True)
class Ended:
    """How an inner run ended: its status (negative: a signal's) and its lines."""

    status: int
    lines: tuple[str, ...]

    def starting(self, text: str) -> list[str]:
        """Return the lines that begin so."""
        return [line for line in self.lines if line.startswith(text)]


@pytest.fixture(scope="module")
def own_cache() -> Iterator[Path]:
    """A cache of this file's own, as its server is killed."""
    folder = Path(tempfile.mkdtemp(prefix="oneroof-crash-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def run(own_cache: Path, tmp_path: Path) -> Callable[..., Ended]:
    """Run the three checks; the middle one lets something die."""
    (tmp_path / "test_dying.py").write_text(CHECKS)
    (tmp_path / "test_losing.py").write_text(LOST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ONEROOF_", "PYTEST_", "PG"))
    }
    command = [sys.executable, "-m", "pytest", "--oneroof-clone", "-v"]
    command += [f"--oneroof-cache-dir={own_cache}", "--tb=line"]

    def inner(dies: str = "", *arguments: str) -> Ended:
        result = subprocess.run(
            [*command, *(arguments or ["test_dying.py"])],
            cwd=tmp_path,
            env={**kept, "DIES": dies, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(result.returncode, tuple(result.stdout.splitlines()))

    return inner


def assert_green(ended: Ended) -> None:
    """The run passed, and ended with the state in which it began."""
    assert ended.status == 0, "\n".join(ended.lines)
    assert ended.starting("verdict: GO (clone)")
    assert ended.starting("proof      3 clean of 3 checks")
    assert ended.starting("state      entry = exit")


def test_killed_backend_fails_nothing(run: Callable[..., Ended]) -> None:
    """kill -9 of the check's server process: it is proved clean, the next is green."""
    assert_green(run("backend"))
    after = run()
    assert_green(after)
    assert not after.starting("found ")


def test_lost_sessions_are_proved(run: Callable[..., Ended]) -> None:
    """Each in its own way, and at once again: clean, and the next begins as before."""
    ended = run("", "test_losing.py")
    assert ended.status == 0, "\n".join(ended.lines)
    assert ended.starting("proof      5 clean of 5 checks")
    assert ended.starting("state      entry = exit")


def test_a_crash_meets_no_other_workers_proof(run: Callable[..., Ended]) -> None:
    """What a worker only reads or begins is done again, when another's check kills."""
    ended = run("", "-n2", "--dist=load", "test_losing.py")
    said = "\n".join(ended.lines)
    assert "ResidueError" not in said
    assert "INTERNALERROR" not in said
    assert not ended.starting("left behind: transaction")
    assert not ended.starting("left behind: content")
    assert ended.starting("verdict: "), said


def test_commit_before_killed_backend_is_told(run: Callable[..., Ended]) -> None:
    """What was committed before the crash is found, and gone for the next check."""
    ended = run("backend after commit")
    assert ended.status == pytest.ExitCode.TESTS_FAILED
    assert ended.starting("proof      2 clean, 1 dirty of 3 checks")
    left = "left behind: content table public.law_catalog: before 5 rows "
    assert any(left in line for line in ended.lines)
    assert_green(run())


@pytest.mark.parametrize("dies", ["postmaster", "server"])
def test_dead_server_ends_in_plain_errors(run: Callable[..., Ended], dies: str) -> None:
    """The run ends, says which server cannot be reached, and the next is green."""
    ended = run(dies)
    text = "\n".join(ended.lines)
    assert ended.status == pytest.ExitCode.TESTS_FAILED, text
    assert "INTERNALERROR" not in text
    assert "ServerError: cannot connect to postgresql://postgres:***@/postgres?" in text
    assert ended.starting("verdict: NO-GO (clone): 2 checks failed (test_dying.py::")
    after = run()
    assert_green(after)
    assert after.starting("found      the last run on directus_gov_test_")


def test_killed_run_is_told_by_the_next(run: Callable[..., Ended]) -> None:
    """kill -9 of pytest: the next run says what it found, and is green."""
    assert run("pytest").status == -9
    after = run()
    assert_green(after)
    (found,) = after.starting("found ")
    assert "did not end and left: content sequence public.law_catalog_id_seq: " in found
    assert found.endswith("; made anew")
    assert not run().starting("found ")


@pytest.mark.parametrize("dies", ["interrupt", "interrupt in query"])
def test_interrupted_run_leaves_nothing(run: Callable[..., Ended], dies: str) -> None:
    """Ctrl-C ends the check as any other: nothing is found by the next run."""
    ended = run(dies)
    assert ended.status == pytest.ExitCode.INTERRUPTED
    assert ended.starting("state      entry = exit")
    after = run()
    assert_green(after)
    assert not after.starting("found ")
