"""The shipped suites as a whole: serial and -n 2, with a cold and a warm cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from rows import Clock

HERE = Path(__file__).parent
MODES = {"serial": (), "-n 2": ("-n", "2")}
TURNS = 10


def run(folder: Path, cache: Path, *arguments: str) -> float:
    """Run `pytest --oneroof-clone` in an empty folder; return the seconds it took."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ONEROOF_")}
    path = os.pathsep.join(filter(None, [str(HERE), inherited.get("PYTHONPATH")]))
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("--oneroof-clone", f"--oneroof-cache-dir={cache}", *arguments),
    ]
    with Clock() as clock:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**inherited, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"the shipped suites failed:\n{done.stdout}{done.stderr}")
    return clock.seconds


def measure(
    folder: Path,
    times: int,
    add: Callable[[str, str, float], None],
    say: Callable[[str], object],
) -> None:
    """Measure all modes: cold once, warm `times` times, ten turns once each."""
    empty = folder / "empty"
    empty.mkdir()
    for mode, arguments in MODES.items():
        say(f"shipped suites, {mode}")
        cache = folder / f"suites{mode.replace(' ', '')}"
        cache.mkdir(mode=0o755)
        add(
            "shipped suites, cold (server and clone built)",
            mode,
            run(empty, cache, *arguments),
        )
        for _ in range(times):
            add("shipped suites, warm", mode, run(empty, cache, *arguments))
        repeated = ("-p", "repeat", *arguments)
        # The workers' clones are there from the second run on.
        run(empty, cache, *repeated)
        add(
            f"shipped suites, {TURNS} times over, warm",
            mode,
            run(empty, cache, *repeated),
        )
        shutil.rmtree(cache, ignore_errors=True)
