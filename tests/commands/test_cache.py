"""`oneroof cache`, in a process of its own, on folders and a server that lives."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_oneroof.postgres import homes, processes
from pytest_oneroof.postgres.embedded import EmbeddedServer

DAY = 86400


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call `oneroof cache` in a folder, with no setting from outside."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ONEROOF_")}
    return subprocess.run(
        [sys.executable, "-m", "pytest_oneroof", "cache", *arguments],
        cwd=folder,
        env=kept,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A cache folder with two servers, which the project's settings name."""
    cache = tmp_path / "kept"
    for key, days in (("new", 3), ("old", 9)):
        home = cache / f"pg16-{key}"
        home.mkdir(parents=True)
        (home / "file").write_bytes(b"x" * 2**21)
        moment = time.time() - days * DAY
        os.utime(home, (moment, moment))
    (cache / "urls").mkdir()
    (tmp_path / "pytest.ini").write_text(f"[pytest]\noneroof_cache_dir = {cache}\n")
    return cache


def test_path_is_that_of_a_run(tmp_path: Path, cache: Path) -> None:
    """The option goes before the project's settings; the folder need not exist."""
    assert call(tmp_path, "path").stdout == f"{cache}\n"
    elsewhere = tmp_path / "elsewhere"
    found = call(tmp_path, "path", "--cache-dir", str(elsewhere), "--json")
    assert json.loads(found.stdout) == {"cache": str(elsewhere)}
    none = call(tmp_path, "list", "--cache-dir", str(elsewhere))
    assert (none.returncode, none.stdout) == (0, f"no cached server in {elsewhere}\n")
    assert not elsewhere.exists()


def test_list_shows_age_size_and_use(tmp_path: Path, cache: Path) -> None:
    """The one used last comes first; a lock that a run holds is its use."""
    with homes.lock_path(cache / "pg16-old", "users").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        lines = call(tmp_path, "list").stdout.splitlines()
        values = json.loads(call(tmp_path, "list", "--json").stdout)["servers"]
    assert lines == [
        "pg16-new\t2 MB\tused 3 days ago\tnot in use",
        "pg16-old\t2 MB\tused 9 days ago\tin use",
    ]
    assert [value["in_use"] for value in values] == [False, True]
    assert all(value["bytes"] >= 2**21 for value in values)


@pytest.mark.parametrize("lock", ["users", "control"])
def test_clean_leaves_what_is_used(tmp_path: Path, cache: Path, lock: str) -> None:
    """One that a run uses or builds is named; the others go, with their locks."""
    with homes.lock_path(cache / "pg16-old", lock).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        done = call(tmp_path, "clean")
        assert (done.returncode, done.stdout) == (1, "removed pg16-new: 2 MB\n")
        assert "not removed, as a run uses it: pg16-old" in done.stderr
        assert (cache / "pg16-old" / "file").exists()
    done = call(tmp_path, "clean", "--json")
    assert done.returncode == 0, done.stderr
    assert [*json.loads(done.stdout)["removed"]] == ["pg16-old"]
    assert [path.name for path in cache.iterdir()] == ["urls"]


def test_clean_takes_names(tmp_path: Path, cache: Path) -> None:
    """A name that is not there ends it before anything is removed."""
    wrong = call(tmp_path, "clean", "pg16-new", "../kept/pg16-old")
    assert wrong.returncode == 2
    assert "there: pg16-new, pg16-old" in wrong.stderr
    assert (cache / "pg16-new").exists()
    assert call(tmp_path, "clean", "pg16-new").returncode == 0
    assert not (cache / "pg16-new").exists()
    assert (cache / "pg16-old").exists()


def test_a_cache_that_is_a_file_is_told(tmp_path: Path, cache: Path) -> None:
    """What the system says, in one sentence, and no traceback."""
    told = call(tmp_path, "list", "--cache-dir", str(tmp_path / "pytest.ini"))
    assert told.returncode == 1
    assert told.stderr.startswith("oneroof: cannot use the cache folder ")
    assert "Not a directory" in told.stderr
    assert "Traceback" not in told.stderr


def test_clean_ends_a_server_that_nobody_uses(tmp_path: Path, alone: Path) -> None:
    """What a killed run left running is stopped, and its home removed."""
    cache = alone / "live"
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from pytest_oneroof.postgres.embedded import EmbeddedServer\n"
        "server = EmbeddedServer(Path(sys.argv[1]), 16, 'test')\n"
        "server.acquire(lambda made: {}, print)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(cache)], check=False, timeout=60)
    server = EmbeddedServer(cache, 16, "test")
    assert server.is_running()
    done = call(tmp_path, "clean", "--cache-dir", str(cache))
    assert done.returncode == 0, done.stderr
    assert processes.of_server(server.data) == []
    assert list(cache.glob("pg16-*")) == []
