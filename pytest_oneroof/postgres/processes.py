"""The processes of a server of ours: which live, and their end.

A process id on its own proves nothing: after a crash, or in a new container,
another process may have the number that stands in `postmaster.pid`. A process is
the server's when it is called postgres and works in the server's data folder.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres.binaries import Programs

_PROC = Path("/proc")
# How long a fast and an immediate stop may take before the next, harder means.
PATIENCE = {"fast": 20, "immediate": 10}


def can_be_seen() -> bool:
    """Tell whether this system shows its processes under /proc (Linux does)."""
    return (_PROC / "self" / "cwd").exists()


def of_server(data: Path) -> list[int]:
    """Return the ids of the live processes of the server with that data folder."""
    return list(_of_folder(data.resolve()))


def is_alive(programs: Programs, data: Path) -> bool:
    """Tell whether a process of that server lives; never another's of its number."""
    if can_be_seen():
        return bool(of_server(data))
    with contextlib.suppress(ServerError):
        programs.run("pg_ctl", "-D", str(data), "status")
        return True
    return False


def end(programs: Programs, data: Path, mode: str) -> None:
    """Stop the server: as `mode` says, then immediately, then by its process ids.

    pg_ctl signals whatever process has the number in `postmaster.pid`, so it is
    asked only while that number is the server's.
    """
    for harder in dict.fromkeys((mode, "immediate")):
        if not is_alive(programs, data):
            return
        if _postmaster_is_ours(data):
            arguments = ("-m", harder, "-w", "-t", str(PATIENCE[harder]), "stop")
            with contextlib.suppress(ServerError):
                programs.run("pg_ctl", "-D", str(data), *arguments)
    _kill(data)


def end_by_id(data: Path) -> None:
    """End a server that no run uses without its programs, by its processes' ids.

    SIGQUIT is an immediate stop: unlike SIGKILL it leaves no shared memory behind.
    """
    for process in of_server(data):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGQUIT)
    end_of_patience = time.monotonic() + PATIENCE["immediate"]
    while of_server(data) and time.monotonic() < end_of_patience:
        time.sleep(0.05)
    _kill(data)


def _kill(data: Path) -> None:
    """Kill what is left of the server, and wait until it is gone."""
    for _ in range(100):
        left = of_server(data)
        if not left:
            return
        for process in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        time.sleep(0.05)


def _postmaster_is_ours(data: Path) -> bool:
    if not can_be_seen():
        return True
    with contextlib.suppress(OSError, ValueError, IndexError):
        number = int((data / "postmaster.pid").read_text().splitlines()[0])
        return number in of_server(data)
    return False


def _of_folder(data: Path) -> Iterator[int]:
    for entry in _PROC.glob("[0-9]*"):
        # A process may end while it is looked at; another user's shows nothing.
        with contextlib.suppress(OSError):
            named = (entry / "comm").read_text().strip() == "postgres"
            if named and Path(os.readlink(entry / "cwd")) == data:
                yield int(entry.name)
