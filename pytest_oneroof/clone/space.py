"""Room on the server's disk: what a copy needs, and what is free where it will lie."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass

import psycopg

from pytest_oneroof.clone.host import Host
from pytest_oneroof.errors import CloneError

# Besides the files: WAL and temporary files while indexes are built.
SPARE = 64 * 2**20


@dataclass(frozen=True)
class Room:
    """What a copy needs and what is free, in bytes; None where that is unknown."""

    needed: int
    free: int | None

    def __str__(self) -> str:
        """Return it as a line; an unknown figure is said to be unknown."""
        if self.free is None:
            return (
                f"disk: needs {_megabytes(self.needed)}; free space unknown (the "
                "server's data directory is not on this machine, or not to be seen)"
            )
        return f"disk: needs {_megabytes(self.needed)}, {_megabytes(self.free)} free"


def read_room(host: Host, size: int, *, database: str | None = None) -> Room:
    """Return the room for a copy of `size` bytes; with `database`, where that lies.

    A template's copy lies in its tablespace (manual, CREATE DATABASE).
    """
    return Room(size + SPARE, _free(_folder(host, database)))


def require_room(room: Room, what: str) -> None:
    """Raise CloneError where it is known that a copy does not fit."""
    if room.free is not None and room.free < room.needed:
        raise CloneError(
            f"no room for {what}: it needs {_megabytes(room.needed)}, "
            f"{_megabytes(room.free)} are free\nnothing was created\n"
            "to fix this, make room: oneroof clone gc, oneroof clone list"
        )


def _folder(host: Host, database: str | None) -> tuple[str, float] | None:
    """Return the server's folder for databases, and when it was last changed."""
    with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
        row = host.admin.execute(
            "SELECT f.path, EXTRACT(epoch FROM s.modification)::float8"
            "  FROM (SELECT COALESCE("
            "          (SELECT NULLIF("
            "             pg_catalog.pg_tablespace_location(d.dattablespace), '')"
            "             FROM pg_catalog.pg_database AS d"
            "            WHERE d.datname = %s),"
            "          pg_catalog.current_setting('data_directory')) AS path) AS f,"
            "       pg_catalog.pg_stat_file(f.path, true) AS s",
            [database],
        ).fetchone()
        if row is not None and row[1] is not None:
            return row[0], row[1]
    return None


def _free(folder: tuple[str, float] | None) -> int | None:
    """Return the free bytes of a server's folder, if it is this machine's.

    A path alone does not say so (the server may live in a container): it has to
    have been changed in the same second as the server says.
    """
    if folder is None:
        return None
    path, changed = folder
    with contextlib.suppress(OSError):
        if int(os.stat(path).st_mtime) == int(changed):
            return shutil.disk_usage(path).free
    return None


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"
