"""A declared production that carries a marker of ours: nothing acts on it.

Whatever is written on it, and however it came there. The server's own log is asked.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .servers import (
    CLONE,
    PRODUCTION,
    Run,
    Server,
    marker_of,
    run_pytest,
    url_of,
    write_marker,
)

KINDS = ("clone", "copy", "throwaway", "making", "template", "replaced")
COMMANDS: dict[str, tuple[str, ...]] = {
    "gc": ("gc",),
    "gc, only told": ("gc", "--dry-run"),
    "drop": ("drop", PRODUCTION),
    "reset": ("reset", PRODUCTION),
    "reset in place": ("reset", PRODUCTION, "--in-place"),
    "restore over it": ("restore", "a.dump", PRODUCTION, "--replace"),
    "restore as it": ("restore", "a.dump", PRODUCTION),
    "adopt": ("adopt", PRODUCTION),
    "create it": ("create", PRODUCTION, "--from", "postgres"),
    "stages": ("baseline", PRODUCTION),
    "snapshot": ("snapshot", PRODUCTION, "b.dump"),
    "protect": ("protect", PRODUCTION),
    "unprotect": ("unprotect", PRODUCTION),
    "expire": ("expire", PRODUCTION, "1h"),
    "status": ("status", PRODUCTION),
}


def marker(server: Server, kind: str) -> dict[str, Any]:
    """Return a marker as a clone's, bound to the production itself, and expired."""
    identity = {
        "system_identifier": server.query(
            "SELECT system_identifier::text FROM pg_control_system()"
        ),
        "oid": server.query(
            f"SELECT oid::int FROM pg_database WHERE datname = '{PRODUCTION}'"
        ),
        "name": PRODUCTION,
    }
    return {
        "nonce": "0123456789abcdef",
        "source": "x",
        "created": "2026-01-01T00:00:00Z",
        "kind": kind,
        "owner": "admin",
        "role": "admin",
        "expires": "2026-01-02T00:00:00Z",
        **identity,
    }


@pytest.fixture(params=KINDS)
def marked(request: pytest.FixtureRequest, server: Server) -> Iterator[str]:
    """The production, marked as one of ours; the worst that a hand could write."""
    write_marker(server, PRODUCTION, **marker(server, request.param))
    yield request.param
    server.query(f"COMMENT ON DATABASE {PRODUCTION} IS NULL")


@pytest.fixture
def copy_marked(server: Server) -> Iterator[None]:
    """The production, marked as a copy that a dead run left."""
    write_marker(server, PRODUCTION, **marker(server, "copy"))
    yield
    server.query(f"COMMENT ON DATABASE {PRODUCTION} IS NULL")


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.usefixtures("copy_marked")
def test_every_command_refuses_it(
    oneroof: Run, untouched: Callable[[], None], command: tuple[str, ...]
) -> None:
    """Exit status 10, the declaration is named, and the log holds no act."""
    oneroof("clone", *command).expect(
        10, f"[production] '{PRODUCTION}' is the declared production '{PRODUCTION}'"
    )
    untouched()


def test_every_kind_of_marker_is_refused(
    marked: str, oneroof: Run, untouched: Callable[[], None]
) -> None:
    """What the marker says that it is makes no difference."""
    for command in (("gc",), ("drop", PRODUCTION), ("reset", PRODUCTION)):
        oneroof("clone", *command).expect(10, "[production]")
    untouched()


@pytest.mark.parametrize("with_admin", [True, False], ids=["administrator", "alone"])
@pytest.mark.usefixtures("copy_marked")
def test_a_run_refuses_it(
    project: Path,
    server: Server,
    untouched: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
    *,
    with_admin: bool,
) -> None:
    """--oneroof-clone-url on it ends with 10, before anything is altered."""
    if not with_admin:
        monkeypatch.delenv("ONEROOF_ADMIN_URL")
    done = run_pytest(project, f"--oneroof-clone-url={server.url(PRODUCTION)}")
    assert done.returncode == 10, done.stdout + done.stderr
    assert "[production]" in done.stdout + done.stderr
    untouched()


def test_the_sweep_of_a_run_refuses_it(
    project: Path, server: Server, oneroof: Run, clone: str
) -> None:
    """A run on a sound clone sweeps nothing on a server in that state."""
    url = url_of(oneroof, clone)
    (project / "test_it.py").write_text("def test_it(oneroof_clone): pass\n")
    write_marker(server, PRODUCTION, **marker(server, "copy"))
    try:
        begun, before = len(server.log()), server.databases()
        done = run_pytest(project, f"--oneroof-clone-url={url}")
        assert server.databases() == before
        assert f'DATABASE "{PRODUCTION}"' not in server.log()[begun:]
    finally:
        server.query(f"COMMENT ON DATABASE {PRODUCTION} IS NULL")
    assert done.returncode == 10, done.stdout + done.stderr
    assert "nothing is collected or swept" in done.stdout + done.stderr
    done = run_pytest(project, f"--oneroof-clone-url={url}", "test_it.py")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_clone_renamed_to_the_production_is_the_production(
    oneroof: Run, server: Server, clone: str, untouched: Callable[[], None]
) -> None:
    """RENAME carries the comment along; renamed back it is the clone again."""
    server.query(f"ALTER DATABASE {PRODUCTION} RENAME TO shop_meanwhile")
    server.query(f"ALTER DATABASE {clone} RENAME TO {PRODUCTION}")
    before = server.databases()
    try:
        for command in ("drop", "reset", "snapshot"):
            file = ("x.dump",) if command == "snapshot" else ()
            oneroof("clone", command, PRODUCTION, *file).expect(10, "[production]")
        oneroof("clone", "gc").expect(10, "[production]")
        told = f"it was written on '{clone}': the database was renamed since"
        oneroof("clone", "drop", PRODUCTION).expect(10, told)
        assert server.databases() == before
    finally:
        server.query(f"ALTER DATABASE {PRODUCTION} RENAME TO {clone}")
        server.query(f"ALTER DATABASE shop_meanwhile RENAME TO {PRODUCTION}")
    oneroof("clone", "drop", clone).expect(0, f"dropped {clone}")


def test_the_production_renamed_to_a_clones_name_is_none(
    oneroof: Run, server: Server, clone: str
) -> None:
    """A name in the pattern makes nobody's database ours."""
    server.query(f"ALTER DATABASE {clone} RENAME TO {clone}_aside")
    server.query(f"ALTER DATABASE {PRODUCTION} RENAME TO {clone}")
    before = server.databases()
    try:
        for command in ("drop", "reset"):
            oneroof("clone", command, clone).expect(10, "[marker]", "no comment")
        oneroof("clone", "gc").expect(0)
        assert server.databases() == before
    finally:
        server.query(f"ALTER DATABASE {clone} RENAME TO {PRODUCTION}")
        server.query(f"ALTER DATABASE {clone}_aside RENAME TO {clone}")


def test_a_comment_that_came_with_pg_dump_is_no_marker(
    oneroof: Run, server: Server, clone: str, tmp_path: Path
) -> None:
    """`pg_dump -C | psql` carries the comment to a database that was never ours."""
    file = tmp_path / "whole.sql"
    tools = server.programs.folder
    where = ["-h", str(server.socket), "-p", str(server.port), "-U", "admin"]
    dump = [str(tools / "pg_dump"), *where, "-C", "-f", str(file), clone]
    subprocess.run(dump, check=True)
    server.query(f"ALTER DATABASE {clone} RENAME TO {clone}_first")
    psql = [str(tools / "psql"), *where, "-q", "-d", "postgres", "-f", str(file)]
    subprocess.run(psql, check=True, capture_output=True)
    assert marker_of(server, clone) == marker_of(server, f"{clone}_first")
    before = server.databases()
    told = f"it was written on '{clone}', oid "
    for command in ("drop", "reset", "protect"):
        oneroof("clone", command, clone).expect(
            10, told, "came with a dump, or by hand"
        )
    done = oneroof("clone", "gc").expect(0, f"kept database {clone}: the marker on the")
    assert f"dropped database {clone}" not in done.told
    assert server.databases() == before


def test_a_comment_copied_by_hand_is_no_marker(
    oneroof: Run, server: Server, clone: str
) -> None:
    """The marker of one database, written on another, says nothing of that one."""
    other = f"{clone}_other"
    server.query(f"CREATE DATABASE {other} TEMPLATE template0")
    write_marker(server, other, **marker_of(server, clone))
    before = server.databases()
    oneroof("clone", "drop", other).expect(10, "the marker on the database is not its")
    oneroof("clone", "gc").expect(0)
    assert server.databases() == before


def test_reset_of_a_clone_whose_template_is_somebody_elses(
    oneroof: Run, server: Server, clone: str
) -> None:
    """Without a template of ours there is nothing to reset to; the clone stays."""
    source = f"{clone}_{marker_of(server, clone)['nonce'][:8]}_source"
    oneroof("clone", "reset", clone).expect(2, f"{clone!r} has no template to reset to")
    server.query(f"CREATE DATABASE {source} TEMPLATE template0")
    before = server.databases()
    oneroof("clone", "reset", clone).expect(2, f"{clone!r} has no template to reset to")
    assert server.databases() == before
    oneroof("clone", "drop", clone).expect(0)
    assert source in [name for name, *_ in server.databases()]
    server.query(f"DROP DATABASE {source}")


@pytest.mark.parametrize("kind", ["template", "kept", "making", "replaced", "other"])
def test_checks_run_on_clones_alone(
    project: Path, server: Server, oneroof: Run, clone: str, kind: str
) -> None:
    """What is ours for another purpose is refused, and not opened or closed."""
    url = url_of(oneroof, clone)
    write_marker(server, clone, **{**marker_of(server, clone), "kind": kind})
    before, begun = server.databases(), len(server.log())
    done = run_pytest(project, f"--oneroof-clone-url={url}")
    assert done.returncode == 10, done.stdout + done.stderr
    assert "[kind] its marker says that it is " in done.stdout + done.stderr
    assert server.databases() == before
    assert "ALTER DATABASE" not in server.log()[begun:]


CRAFTED = {
    "the production": {"database": PRODUCTION, "nonce": "0123456789abcdef"},
    "its name as a nonce": {"database": PRODUCTION, "nonce": PRODUCTION},
    "a live database in the pattern": {
        "database": f"{CLONE}_01234567_making",
        "nonce": "0123456789abcdef",
    },
    "a path": {"database": "../../../victim", "nonce": "0123456789abcdef"},
}


@pytest.mark.parametrize("values", CRAFTED.values(), ids=CRAFTED.keys())
def test_a_record_on_disk_is_no_licence(
    project: Path, server: Server, oneroof: Run, values: dict[str, str]
) -> None:
    """What a file says that we began is dropped only where it looks so, too."""
    live = f"{CLONE}_01234567_making"
    server.query(f"CREATE DATABASE {live} TEMPLATE template0")
    identifier = server.query("SELECT system_identifier::text FROM pg_control_system()")
    folder = server.home / "cache" / "databases" / identifier
    folder.mkdir(parents=True, exist_ok=True)
    victim = server.home / "victim.json"
    victim.write_text("{}")
    record = {**values, "system_identifier": identifier, "used_by": 0}
    files = [folder / "made.json", folder / f"{Path(values['database']).name}.json"]
    for file in files:
        file.write_text(json.dumps(record))
    before = server.databases()
    try:
        oneroof("clone", "gc").expect(0)
        assert server.databases() == before
        assert victim.exists()
    finally:
        server.query(f"DROP DATABASE {live}")
        for file in files:
            file.unlink(missing_ok=True)
