"""PostgreSQL servers that log every statement, and what is asked of them."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_oneroof.postgres.binaries import Programs, find_programs
from pytest_oneroof.postgres.connect import connect

ADMIN, PASSWORD = "admin", "Adm1n-of-these-tests"
PRODUCTION, CLONE = "shop", "shop_test_20260101"
PATTERN = "shop_test_[0-9]{8}(_[a-z0-9_]+)?"
# What changes a database as such, or who may enter it.
ACTS = (
    r"(ALTER|DROP|COMMENT ON|CREATE|GRANT [^;]*ON|REVOKE [^;]*ON) +DATABASE|IN DATABASE"
)


@dataclass(frozen=True)
class Server:
    """A server: its programs, its home folder, and the port of all its addresses."""

    programs: Programs
    home: Path
    port: int

    @property
    def socket(self) -> Path:
        """The folder of its socket."""
        return self.home / "socket"

    def url(self, database: str = "postgres", user: str = ADMIN) -> str:
        """Return a URL by the socket, where nobody needs a password."""
        return f"postgresql://{user}@/{database}?host={self.socket}&port={self.port}"

    def tcp(self, host: str = "127.0.0.1", database: str = "postgres") -> str:
        """Return the administrator's URL by TCP, with the password."""
        return f"postgresql://{ADMIN}:{PASSWORD}@{host}:{self.port}/{database}"

    def start(self, *options: str) -> None:
        """Start it; every statement is logged."""
        text = " ".join(
            (
                f"-k {self.socket} -p {self.port} -c listen_addresses=127.0.0.1,::1",
                "-c fsync=off -c log_statement=all -c autovacuum=off",
                *options,
            )
        )
        self._ctl("-l", str(self.home / "log"), "-o", text, "-w", "start")

    def stop(self) -> None:
        """Stop it, if it runs."""
        if (self.home / "data" / "postmaster.pid").exists():
            self._ctl("-m", "immediate", "stop")

    def promote(self) -> None:
        """Make a standby a server of its own."""
        self._ctl("-w", "promote")

    def log(self) -> str:
        """Return all that it logged."""
        return (self.home / "log").read_text()

    def query(self, text: str, database: str = "postgres") -> Any:
        """Return the one value of a statement, sent as the administrator."""
        with connect(self.url(database)) as connection:
            cursor = connection.execute(text.encode())
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def databases(self) -> list[tuple[Any, ...]]:
        """Return every database with all that could have been changed on it."""
        with connect(self.url()) as connection:
            return connection.execute(
                "SELECT datname, oid, datacl::text, datallowconn, datistemplate,"
                "       datdba, shobj_description(oid, 'pg_database')"
                "  FROM pg_database ORDER BY datname"
            ).fetchall()

    def _ctl(self, *arguments: str) -> None:
        self.programs.run("pg_ctl", "-D", str(self.home / "data"), *arguments)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def programs(cache: Path) -> Programs:
    """Return Debian's programs where they are installed, else those from PyPI."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    account = "nobody" if os.geteuid() == 0 else None
    return Programs(found[-1], account) if found else find_programs(16, cache)


def new_home(programs: Programs) -> Path:
    """Make the folders of a server."""
    home = Path(tempfile.mkdtemp(prefix="oneroof-own-"))
    home.chmod(0o755)
    for name in ("data", "socket"):
        (home / name).mkdir(mode=0o700)
        programs.own(home / name)
    (home / "log").touch()
    programs.own(home / "log")
    return home


@dataclass(frozen=True)
class Done:
    """What a command came to: exit status, and what it wrote."""

    status: int
    told: str

    def expect(self, status: int, *told: str) -> Done:
        """Assert the exit status, that each text was told, and no traceback."""
        assert self.status == status, self.told
        for text in told:
            assert text in self.told
        assert "Traceback" not in self.told
        return self


Run = Callable[..., Done]


def roles_of(comment: str | None) -> list[str]:
    """Return the roles that a marker names."""
    found = re.findall(r"oneroof_(?:check|owner)_[0-9a-f]{16}", comment or "")
    return sorted(set(found))


def marker_of(server: Server, database: str) -> dict[str, Any]:
    """Return the marker on a database."""
    comment = server.query(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
        f" WHERE datname = '{database}'"
    )
    values: dict[str, Any] = json.loads(comment.removeprefix("pytest-oneroof clone "))
    return values


def write_marker(server: Server, database: str, **values: Any) -> None:
    """Write a marker on a database, whatever it says."""
    text = "pytest-oneroof clone " + json.dumps(values)
    server.query(f"""COMMENT ON DATABASE "{database}" IS '{text}'""")


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on a clone by its URL in a process of its own."""
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q")
    return subprocess.run(
        [*command, "--oneroof-clone", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def url_of(oneroof: Run, clone: str) -> str:
    """Return the URL of a clone's check role, from its private file."""
    told = oneroof("clone", "status", clone).expect(0).told
    assert "password" not in told
    cache = Path(os.environ["ONEROOF_CACHE_DIR"])
    (file,) = (cache / "urls").glob(f"*-{clone}")
    return file.read_text()
