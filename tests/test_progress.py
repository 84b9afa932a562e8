"""Long steps tell on a terminal what is being done and for how long; else nothing."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_oneroof.run.progress import Meter

pytestmark = pytest.mark.server

PYTEST = ("-m", "pytest", "-p", "no:cacheprovider", "--oneroof-clone")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@pytest.fixture
def empty_cache() -> Iterator[Path]:
    """A cache in which no server was built yet."""
    with tempfile.TemporaryDirectory(prefix="oneroof-progress-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def on_terminal(folder: Path, *arguments: str, **more: str) -> tuple[int, str]:
    """Run Python in a pseudo-terminal; return its status and all that it showed.

    `more` are further environment variables.
    """
    master, slave = pty.openpty()
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ONEROOF_", "PYTEST_")) and name != "NO_COLOR"
    }
    running = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env={**environ, "TERM": "xterm", "COLUMNS": "100", **more},
        close_fds=True,
    )
    os.close(slave)
    shown = b""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        ready, _, _ = select.select([master], [], [], 1.0)
        try:
            data = os.read(master, 65536) if ready else b""
        except OSError:  # Linux: the other end is closed
            break
        shown += data
        if not ready and running.poll() is not None:
            break
    os.close(master)
    return running.wait(timeout=60), ESCAPES.sub("", shown.decode(errors="replace"))


def test_building_is_shown_on_a_terminal_and_nowhere_else(
    tmp_path: Path, empty_cache: Path
) -> None:
    """A first run shows the stand-in being built, file by file, and for how long.

    In a pipe neither it nor a later run says anything of that.
    """
    run = (*PYTEST, "--oneroof-suite=dot", f"--oneroof-cache-dir={empty_cache}")
    status, shown = on_terminal(tmp_path, *run)
    assert status == 0, shown
    assert re.search(r"… building the stand-in production \(once\) \d+\.\d s", shown)
    assert re.search(r"… building the clone's baseline \(once\) \d+\.\d s", shown)
    assert "building the stand-in production (once): sql/schema/" in shown
    assert re.search(r"\d:\d\d:\d\d", shown)
    assert shown.index("… building") < shown.index("collected 3 items")
    status, shown = on_terminal(tmp_path, *run)
    assert (status, "…" in shown) == (0, False)


REHEARSE = ("-m", "pytest_oneroof", "rollout", "rehearse", "ownership")


def test_commands_show_their_steps_on_a_terminal(cache: Path, tmp_path: Path) -> None:
    """Rehearsing tells each step of the packet; the answer follows, undisturbed."""
    status, shown = on_terminal(tmp_path, *REHEARSE, ONEROOF_CACHE_DIR=str(cache))
    assert status == 0, shown
    for step in (
        "copying directus",
        "opening the gate of the clone",
        "running packet ownership",
    ):
        assert re.search(rf"… {step}.*\d+\.\d s\n", shown), step
    assert "rehearsed ownership on directus_gov_test_" in shown


def test_pipe_gets_nothing(cache: Path, tmp_path: Path) -> None:
    """Without a terminal stderr tells which database was taken, and no progress."""
    done = subprocess.run(
        [sys.executable, *REHEARSE],
        env={**os.environ, "ONEROOF_CACHE_DIR": str(cache)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "…" not in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


def test_meter_is_silent_without_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Every call is harmless where nobody looks."""
    meter = Meter()
    meter.begin("dumping", 10)
    meter.count(20)
    meter.say("building: one.sql")
    meter.close()
    meter.close()
    assert capsys.readouterr() == ("", "")
