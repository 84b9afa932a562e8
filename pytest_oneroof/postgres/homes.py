"""The homes of embedded servers in a cache folder: their locks, and which may go.

Two advisory file locks guard a home: `control`, held while its server is built,
started, stopped or removed, and `users`, held shared by every run that uses it.
The kernel drops both when a process dies, so a killed run blocks nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pytest_oneroof.postgres import processes

PORT = 5432
LONGEST_SOCKET = 102
IDLE_DAYS = 14
MOST = 3
# Seconds: what was used in the last hour stays, however many there are.
FRESH = 3600.0
# Seconds that a wait for another run may take before it is told.
UNTOLD = 1.0


def socket_folder(home: Path) -> Path:
    """Return the folder of a home's Unix socket; the socket's path has 102 bytes."""
    inside = home / "socket"
    if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET:
        return inside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"oneroof-{os.geteuid()}-{name}"


@contextlib.contextmanager
def control(
    home: Path, *, wait: bool = True, say: Callable[[str], object] | None = None
) -> Iterator[None]:
    """Hold a home's control lock; BlockingIOError where it is held and `wait` is not.

    `say` is told of a wait that is longer than a second.
    Whoever removes a home removes its locks: one that was removed meanwhile is none.
    """
    path = lock_path(home, "control")
    while True:
        descriptor = open_lock(path)
        try:
            _take(descriptor, home, wait=wait, say=say)
            if _is_at(descriptor, path):
                yield
                return
        finally:
            os.close(descriptor)


def _take(
    descriptor: int, home: Path, *, wait: bool, say: Callable[[str], object] | None
) -> None:
    end = time.monotonic() + UNTOLD
    while not locked_alone(descriptor):
        if not wait:
            raise BlockingIOError
        if time.monotonic() > end:
            if say is not None:
                say(f"waiting for another run that builds or stops {home}")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return
        time.sleep(0.05)


def lock_path(home: Path, name: str) -> Path:
    """Return the path of a home's lock."""
    return home.with_name(f"{home.name}.{name}")


def open_lock(path: Path) -> int:
    """Open a lock's file, and return its descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def locked_alone(descriptor: int) -> bool:
    """Take a lock for oneself; False where somebody holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def all_homes(cache: Path) -> list[Path]:
    """Return the homes in a cache folder, the one that was used last first."""
    if not cache.exists():
        return []
    names = [cache / name for name in os.listdir(cache)]
    found = (path for path in names if path.match("pg[0-9]*-*") and path.is_dir())
    return sorted(found, key=last_use, reverse=True)


def last_use(home: Path) -> float:
    """Return when a home was used last, in seconds; now where it is gone."""
    with contextlib.suppress(OSError):
        return home.stat().st_mtime
    return time.time()


def size(home: Path) -> int:
    """Return how many bytes of the disk a home takes."""
    total = 0
    for folder, _, files in os.walk(home):
        for name in files:
            # A server that lives removes files while they are counted.
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
    return total


def is_used(home: Path) -> bool:
    """Tell whether a run uses a home, or builds, starts, stops or removes it."""
    with _unused(home) as unused:
        return not unused


def clear_away(kept: Path) -> None:
    """Remove homes beside `kept` that nobody uses: idle for 14 days, or too many.

    Of more than three those go that were not used for longest, half-built ones too.
    """
    others = [home for home in all_homes(kept.parent) if home != kept]
    for number, home in enumerate(others, start=2):
        idle = time.time() - last_use(home)
        if idle > IDLE_DAYS * 86400 or (number > MOST and idle > FRESH):
            with contextlib.suppress(OSError):
                remove_unused(home)


def remove_unused(home: Path) -> bool:
    """Remove a home, its locks and what its server left running; False if used.

    Raise OSError where it cannot be removed whole.
    """
    with _unused(home) as unused:
        if not unused:
            return False
        # A killed run may have left its server running.
        processes.end_by_id(home / "data")
        shutil.rmtree(home)
        shutil.rmtree(socket_folder(home), ignore_errors=True)
        lock_path(home, "users").unlink()
        lock_path(home, "control").unlink()
    return True


@contextlib.contextmanager
def _unused(home: Path) -> Iterator[bool]:
    """Hold both locks of a home; yield False where somebody else has one."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(control(home, wait=False))
        except BlockingIOError:
            yield False
            return
        users = open_lock(lock_path(home, "users"))
        held.callback(os.close, users)
        yield locked_alone(users)


def _is_at(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
