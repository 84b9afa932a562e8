"""Whole pytest runs: the shipped suites, and the start of a project that uses none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.rows import Clock

HERE = Path(__file__).parent
MODES = {"serial": (), "-n 2": ("-n", "2")}
TURNS = 10
COLD = "shipped suites, cold (server and clone built)"
WARM = "shipped suites, warm"
REPEATED = f"shipped suites, {TURNS} times over, warm"
CONTROLS = "negative controls, default suites"
CONTROLS_ALL = "negative controls, all suites"
START = "start of an unrelated project's pytest"
WITH, WITHOUT = "plugin loaded", "-p no:oneroof"
STARTS = {WITH: (), WITHOUT: ("-p", "no:oneroof")}
Add = Callable[[str, str, float], None]
Say = Callable[[str], object]


def pytest_run(folder: Path, *arguments: str) -> float:
    """Run pytest in a folder; return the seconds it took. Exit where it fails."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ONEROOF_")}
    # As where a package is installed: compiled once, not in every run.
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    path = os.pathsep.join(filter(None, [str(HERE), inherited.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    with Clock() as clock:
        done = subprocess.run(
            [*command, *arguments],
            cwd=folder,
            env={**inherited, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"pytest failed:\n{done.stdout}{done.stderr}")
    return clock.seconds


def measure_suites(folder: Path, times: int, add: Add, say: Say) -> None:
    """Measure all modes: cold once, warm `times` times, ten turns twice each.

    Negative controls once: a run of them is hundreds of checks long.
    """
    empty = folder / "empty"
    empty.mkdir()
    caches = {}
    for mode, arguments in MODES.items():
        say(f"shipped suites, {mode}")
        caches[mode] = folder / f"suites{mode.replace(' ', '')}"
        caches[mode].mkdir(mode=0o755)
        given = ("--oneroof-clone", f"--oneroof-cache-dir={caches[mode]}", *arguments)
        add(COLD, mode, pytest_run(empty, *given))
        # The workers' clones are there from the second run on.
        pytest_run(empty, *given)
        for _ in range(times):
            add(WARM, mode, pytest_run(empty, *given))
        for _ in range(2):
            add(REPEATED, mode, pytest_run(empty, "-p", "repeat", *given))
        say(f"negative controls, {mode}")
        add(CONTROLS, mode, pytest_run(empty, "--oneroof-controls", *given))
        every = ("--oneroof-suite", "all", "--oneroof-controls")
        add(CONTROLS_ALL, mode, pytest_run(empty, *every, *given))
        shutil.rmtree(caches[mode], ignore_errors=True)


def measure_start(folder: Path, times: int, add: Add, say: Say) -> None:
    """Measure one trivial test of a project without databases, by turns."""
    say(f"{times} starts with the plugin, and without it")
    project = folder / "unrelated"
    project.mkdir()
    (project / "test_trivial.py").write_text("def test_trivial():\n    pass\n")
    for turn in range(-2, times):
        for column, arguments in STARTS.items():
            seconds = pytest_run(project, *arguments)
            if turn >= 0:
                add(START, column, seconds)
