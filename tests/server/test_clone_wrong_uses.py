"""Wrong uses of `oneroof clone` on a server of the user's own: nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.postgres.connect import connect, with_database

CLONE, NEW = "directus_gov_test_20260902", "directus_gov_test_20260903"
THEIRS = "directus_gov_test_20260904"
Run = Callable[..., str]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cache of these commands."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def oneroof(users_server: str, cache: Path) -> Run:
    """Run the command oneroof on the user's server."""

    def run(*arguments: str | Path, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_oneroof", "clone", *map(str, arguments)],
            env={
                **os.environ,
                "ONEROOF_CACHE_DIR": str(cache),
                "ONEROOF_ADMIN_URL": users_server,
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        told = done.stdout + done.stderr
        assert done.returncode == status, told
        assert "Traceback" not in told
        return told

    return run


@pytest.fixture(scope="module")
def there(
    oneroof: Run,
    users_server: str,
    production: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """A clone at its baseline, with a snapshot, and a database that is not ours."""
    folder = tmp_path_factory.mktemp("snapshots")
    oneroof("create", CLONE, "--from", production)
    oneroof("baseline", CLONE)
    oneroof("snapshot", CLONE, folder / "a.dump")
    with connect(users_server) as admin:
        admin.execute(f"CREATE DATABASE {THEIRS}".encode())
        admin.execute(
            f"CREATE ROLE app LOGIN; GRANT CONNECT ON DATABASE {CLONE} TO app"
        )
    yield folder
    with connect(users_server) as admin:
        admin.execute(f"DROP DATABASE {THEIRS}".encode())
        admin.execute(f"REVOKE CONNECT ON DATABASE {CLONE} FROM app".encode())
        admin.execute("DROP ROLE app")
    oneroof("drop", CLONE)


@pytest.fixture
def unharmed(users_server: str, there: Path) -> Iterator[None]:
    """Assert that databases, roles, rows and files are as they were."""

    def state() -> list[Any]:
        with connect(users_server) as admin:
            found = admin.execute(
                "SELECT datname::text, oid::bigint, datacl::text, datallowconn,"
                "       shobj_description(oid, 'pg_database')"
                "  FROM pg_database ORDER BY 1"
            ).fetchall()
            found += admin.execute("SELECT rolname::text FROM pg_roles ORDER BY 1")
        with connect(with_database(users_server, CLONE)) as clone:
            found += clone.execute("SELECT count(*) FROM governance_object_ownership")
        return [*found, *sorted(p.name for p in there.iterdir())]

    before = state()
    yield
    assert state() == before


WRONG: dict[str, tuple[list[str], int, str]] = {
    "create over what exists": (
        ["create", CLONE, "--from", "directus"],
        2,
        f"the database '{CLONE}' exists already; nothing was created over it",
    ),
    "create with a name that only looks right": (
        ["create", "directus-gov-test-20260903", "--from", "directus"],
        2,
        "a clone's name must match",
    ),
    "create from nowhere": (
        ["create", NEW, "--from", "nowhere"],
        2,
        "there is no database 'nowhere' to copy",
    ),
    "create a declared production": (
        ["create", NEW, "--from", "directus", "--production", NEW],
        10,
        f"[production] '{NEW}' is the declared production",
    ),
    "drop production": (["drop", "directus"], 10, "[marker]"),
    "drop what is not ours": (["drop", THEIRS], 10, "[marker]"),
    "adopt production": (["adopt", "directus"], 10, "[production]"),
    "reset what is not ours": (["reset", THEIRS, "--in-place"], 10, "[marker]"),
    "reset without a template": (
        ["reset", CLONE],
        2,
        f"'{CLONE}' has no template to reset to",
    ),
    "stages on a seeded clone": (
        ["baseline", CLONE],
        2,
        "its phase is seeded + scanned: the stages begin at greenfield",
    ),
    "snapshot into a file that exists": (
        ["snapshot", CLONE, "{there}/a.dump"],
        2,
        "a.dump exists already: nothing was written over it",
    ),
    "restore over what exists": (
        ["restore", "{there}/a.dump", CLONE],
        2,
        f"the database '{CLONE}' exists already",
    ),
    "replace what is not ours": (
        ["restore", "{there}/a.dump", THEIRS, "--replace"],
        10,
        "[marker]",
    ),
    "restore a file without a seal": (
        ["restore", "{there}/b.dump", NEW],
        2,
        "there is no snapshot",
    ),
}


@pytest.mark.parametrize("name", list(WRONG))
@pytest.mark.usefixtures("unharmed")
def test_wrong_use_loses_nothing(name: str, oneroof: Run, there: Path) -> None:
    """Each ends with its status and reason; nothing was created, changed or lost."""
    arguments, status, told = WRONG[name]
    words = [word.format(there=there) for word in arguments]
    assert told in oneroof(*words, status=status)


@pytest.mark.usefixtures("unharmed")
def test_protected_and_damaged(oneroof: Run, there: Path) -> None:
    """A protected clone stays, and a snapshot with one changed byte is not used."""
    oneroof("protect", CLONE)
    try:
        for words in (("drop", CLONE), ("reset", CLONE, "--in-place")):
            assert "[protected]" in oneroof(*words, status=10)
    finally:
        oneroof("unprotect", CLONE)
    data = (there / "a.dump").read_bytes()
    try:
        (there / "a.dump").write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        told = oneroof("restore", there / "a.dump", NEW, status=3)
        assert "SHA256_MISMATCH a.dump" in told
        assert "nothing was restored" in told
    finally:
        (there / "a.dump").write_bytes(data)


@pytest.mark.usefixtures("unharmed")
def test_sessions_of_others_are_named_and_stay(
    oneroof: Run, users_server: str, there: Path
) -> None:
    """A stranger's session blocks a drop and a replacement, and goes on."""
    with connect(with_database(users_server, CLONE), user="app") as stranger:
        pid = stranger.info.backend_pid
        told = f"session {pid} of app: SELECT pg_terminate_backend({pid})"
        for words in (
            ("drop", CLONE),
            ("reset", CLONE, "--in-place"),
            ("restore", there / "a.dump", CLONE, "--replace"),
        ):
            assert told in oneroof(*words, status=1)
        assert stranger.execute("SELECT 1").fetchone() == (1,)


def test_older_client_tools_are_refused(
    users_server: str, production: str, cache: Path, tmp_path: Path
) -> None:
    """Tools older than the server are named, with what to install; nothing is left."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pytest_oneroof.postgres import tools\n"
        "tools.installed_tools = lambda: (tools.Tools(Path('/old/bin'), 14, 9),)\n"
        "from pytest_oneroof.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    words = ("clone", "create", NEW, "--from", production, "--by", "dump")
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env={
            **os.environ,
            "ONEROOF_CACHE_DIR": str(cache),
            "ONEROOF_ADMIN_URL": users_server,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "14.9 in /old/bin" in done.stderr
    with connect(users_server) as admin:
        major = admin.info.server_version // 10000
        told = f"no client tools of PostgreSQL {major} or newer: older ones cannot"
        assert told in done.stderr
        row = admin.execute("SELECT FROM pg_database WHERE datname = %s", [NEW])
        assert row.fetchone() is None
