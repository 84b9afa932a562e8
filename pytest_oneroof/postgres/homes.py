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
from collections.abc import Iterator
from pathlib import Path

PORT = 5432
LONGEST_SOCKET = 102
IDLE_DAYS = 14
MOST = 3
# Seconds: what was used in the last hour stays, however many there are.
FRESH = 3600.0


def socket_folder(home: Path) -> Path:
    """Return the folder of a home's Unix socket; the socket's path has 102 bytes."""
    inside = home / "socket"
    if len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET:
        return inside
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"oneroof-{os.geteuid()}-{name}"


@contextlib.contextmanager
def control(home: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a home's control lock; BlockingIOError where it is held and `wait` is not.

    Whoever removes a home removes its locks: one that was removed meanwhile is none.
    """
    path = lock_path(home, "control")
    while True:
        descriptor = open_lock(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _is_at(descriptor, path):
                yield
                return
        finally:
            os.close(descriptor)


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


def clear_away(kept: Path) -> None:
    """Remove homes beside `kept` that nobody uses: idle for 14 days, or too many.

    Of more than three those go that were not used for longest, half-built ones too.
    """
    for number, home in enumerate(_others(kept), start=2):
        idle = time.time() - _used(home)
        if idle > IDLE_DAYS * 86400 or (number > MOST and idle > FRESH):
            with contextlib.suppress(OSError):
                _remove(home)


def _others(kept: Path) -> list[Path]:
    found = (home for home in kept.parent.glob("pg[0-9]*-*") if home.is_dir())
    return sorted((h for h in found if h != kept), key=_used, reverse=True)


def _used(home: Path) -> float:
    """Return when a home was used last, in seconds; now where it is gone."""
    with contextlib.suppress(OSError):
        return home.stat().st_mtime
    return time.time()


def _remove(home: Path) -> None:
    users = lock_path(home, "users")
    with control(home, wait=False):
        descriptor = open_lock(users)
        try:
            if not locked_alone(descriptor):
                return
            for folder in (home, socket_folder(home)):
                shutil.rmtree(folder, ignore_errors=True)
            users.unlink()
            lock_path(home, "control").unlink()
        finally:
            os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False
