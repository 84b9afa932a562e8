"""Which homes of embedded servers go from a cache folder, and which stay."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

import pytest

from pytest_oneroof.postgres import homes

HOUR, DAY = 3600, 86400


def make(cache: Path, key: str, idle: float) -> Path:
    """Make the home of a server that nobody has used for so many seconds."""
    home = cache / f"pg16-{key}"
    (home / "data").mkdir(parents=True)
    for name in ("users", "control"):
        homes.lock_path(home, name).touch()
    moment = time.time() - idle
    os.utime(home, (moment, moment))
    return home


def left(cache: Path) -> set[str]:
    """Return the names of the homes that stand, and of their locks."""
    return {path.name.removeprefix("pg16-") for path in cache.iterdir()}


def test_thirty_days_of_changes_leave_three_homes(tmp_path: Path) -> None:
    """Each day another key: at most three stand, with their locks, the newest."""
    for day in range(30):
        for home in tmp_path.glob("pg16-day??"):
            moment = home.stat().st_mtime - DAY
            os.utime(home, (moment, moment))
        homes.clear_away(make(tmp_path, f"day{day:02}", 0))
        assert len(list(tmp_path.glob("pg16-day??"))) == min(day + 1, 3)
    assert left(tmp_path) == {
        f"day{day}{end}" for day in (27, 28, 29) for end in ("", ".users", ".control")
    }


def test_after_two_weeks_each_goes(tmp_path: Path) -> None:
    """One that nobody has used for 14 days goes, however few there are."""
    kept = make(tmp_path, "mine", 0)
    make(tmp_path, "old", 15 * DAY)
    make(tmp_path, "young", 13 * DAY)
    homes.clear_away(kept)
    assert not {"old", "old.users", "old.control"} & left(tmp_path)
    assert {"mine", "young"} <= left(tmp_path)


def test_used_within_the_hour_stays(tmp_path: Path) -> None:
    """Runs beside each other do not remove each other's servers in turn."""
    for number in range(6):
        make(tmp_path, f"busy{number}", HOUR / 2)
    homes.clear_away(make(tmp_path, "mine", 0))
    assert len(list(tmp_path.glob("pg16-busy?"))) == 6


@pytest.mark.parametrize("name", ["users", "control"])
def test_one_in_use_stays(tmp_path: Path, name: str) -> None:
    """A run that uses one, or builds it, has its lock: it stays, whatever its age."""
    home = make(tmp_path, "used", 20 * DAY)
    with homes.lock_path(home, name).open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        homes.clear_away(make(tmp_path, "mine", 0))
        assert home.is_dir()
    homes.clear_away(tmp_path / "pg16-mine")
    assert not home.exists()


def test_a_wait_is_told(tmp_path: Path) -> None:
    """Whoever waits for another run says for what, before it is that one's turn."""
    home = make(tmp_path, "busy", 0)
    with contextlib.ExitStack() as other:
        other.enter_context(homes.control(home))
        told: list[str] = []

        def say(line: str) -> None:
            told.append(line)
            other.close()

        with homes.control(home, say=say):
            assert told == [f"waiting for another run that builds or stops {home}"]
        with homes.control(home, say=say):
            assert len(told) == 1


def test_a_removed_lock_is_none(tmp_path: Path) -> None:
    """Whoever waited for the lock of a home that was removed takes the new one."""
    home = make(tmp_path, "old", 20 * DAY)
    before = homes.lock_path(home, "control").stat().st_ino
    with homes.lock_path(home, "control").open() as held:
        homes.clear_away(make(tmp_path, "mine", 0))
        with homes.control(home):
            now = homes.lock_path(home, "control").stat().st_ino
            assert now != before
            with pytest.raises(BlockingIOError), homes.control(home, wait=False):
                pass
        assert not held.closed
