"""`oneroof clone` interrupted: what is left, and that the next gc removes it."""

from __future__ import annotations

import os
import pty
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pytest_oneroof.clone import making
from pytest_oneroof.clone.host import Host
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., Any]
CLONE = "directus_gov_test_20260602"
PATIENCE = 30.0


@contextmanager
def started(server: EmbeddedServer, *arguments: str | Path) -> Iterator[Any]:
    """Start the command oneroof in a process group of its own; end it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest_oneroof", *map(str, arguments)],
        env={**os.environ, "ONEROOF_CACHE_DIR": str(server.cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def locked(server: EmbeddedServer, database: str, table: str) -> Iterator[Any]:
    """Lock a table against everybody, so that a dump waits; yield the session."""
    with connect(server.url(database), autocommit=False) as session:
        session.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield session
        session.rollback()


def wait_for(host: Host, query: str) -> Any:
    """Return the first row that a query gives, as soon as there is one."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if row := host.admin.execute(query.encode()).fetchone():
            return row
        time.sleep(0.05)
    raise AssertionError(f"nothing within {PATIENCE} s: {query}")


def waiting_dump(host: Host) -> int:
    """Return the pid of a pg_dump session that waits for a lock."""
    pid: int = wait_for(
        host,
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND application_name LIKE 'pytest-oneroof %' AND query LIKE 'LOCK TABLE%'",
    )[0]
    return pid


@pytest.mark.parametrize(
    "signalled", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
)
def test_a_create_interrupted_leaves_nothing_after_gc(
    server: EmbeddedServer,
    host: Host,
    oneroof: Run,
    shop: str,
    left: Callable[[], list[str]],
    signalled: signal.Signals,
) -> None:
    """However a live copy is ended, the next gc finds nothing or removes it all."""
    create = ("clone", "create", CLONE, "--from", shop)
    with locked(server, shop, "bought"), started(server, *create) as process:
        waiting_dump(host)
        half = [name for name in left() if name.endswith("_making")]
        assert half == [f"{CLONE}_{half[0].split('_')[-2]}_making"]
        process.send_signal(signalled)
        process.wait(PATIENCE)
        if signalled != signal.SIGKILL:
            assert left() == []
    done = oneroof("clone", "gc")
    done.expect(0)
    if signalled == signal.SIGKILL:
        assert f"dropped database {half[0]}: half-made" in done.out
    assert left() == []
    records = host.records.list_of(host.system_identifier)
    assert [r.database for r in records if r.database.endswith("_making")] == []


def test_gc_leaves_what_is_being_made(
    server: EmbeddedServer, host: Host, oneroof: Run, shop: str
) -> None:
    """A copy in the making is kept by gc, and becomes the clone it was to be."""
    create = ("clone", "create", CLONE, "--from", shop)
    with started(server, *create) as process:
        with locked(server, shop, "bought"):
            waiting_dump(host)
            oneroof("clone", "gc").expect(0, "_making: being made by backend pid ")
            assert host.find(CLONE) is None
        assert process.wait(PATIENCE) == 0
    oneroof("clone", "drop", CLONE).expect(0)


def test_a_live_copy_takes_access_share_locks_alone(
    server: EmbeddedServer, host: Host, oneroof: Run, shop: str
) -> None:
    """All that pg_dump holds on the relations of its source is ACCESS SHARE."""
    with started(server, "clone", "create", CLONE, "--from", shop) as process:
        with locked(server, shop, "bought") as session:
            pid = waiting_dump(host)
            query = (
                "SELECT DISTINCT mode FROM pg_locks WHERE pid = %s AND granted"
                " AND locktype = 'relation'"
            )
            assert host.admin.execute(query, [pid]).fetchall() == [("AccessShareLock",)]
            assert session.execute("SELECT 1").fetchone() == (1,)
        assert process.wait(PATIENCE) == 0
    oneroof("clone", "drop", CLONE).expect(0)


def test_a_dump_does_not_wait_for_ever(
    server: EmbeddedServer,
    oneroof: Run,
    shop: str,
    left: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A table that stays locked ends the dump in pg_dump's words; the copy is gone."""
    monkeypatch.setattr("pytest_oneroof.clone.dump.LOCK_WAIT", "200ms")
    with locked(server, shop, "bought"):
        done = oneroof("clone", "create", CLONE, "--from", shop)
    done.expect(1, "pg_dump failed: ", "canceling statement due to statement timeout")
    assert left() == []


def test_a_snapshot_interrupted_leaves_no_file(
    server: EmbeddedServer, host: Host, oneroof: Run, shop: str, tmp_path: Path
) -> None:
    """What a killed snapshot had written is no snapshot, and goes with the next gc."""
    file = tmp_path / "a.dump"
    oneroof("clone", "create", CLONE, "--from", shop).expect(0)
    with (
        locked(server, CLONE, "bought") as session,
        started(server, "clone", "snapshot", CLONE, file) as process,
    ):
        waiting_dump(host)
        # Another one to the same file, while that is being written.
        session.execute("SELECT 1")
        process.kill()
        process.wait(PATIENCE)
    assert [path.name for path in tmp_path.iterdir()] == ["a.dump.part"]
    oneroof("clone", "gc", "--dry-run").expect(0, f"never finished: {file}.part")
    oneroof("clone", "gc").expect(0, f"never finished: {file}.part")
    assert list(tmp_path.iterdir()) == []
    oneroof("clone", "snapshot", CLONE, file).expect(0)
    oneroof("clone", "drop", CLONE).expect(0)


def test_a_disk_that_is_full_leaves_no_snapshot(
    server: EmbeddedServer, oneroof: Run, tmp_path: Path
) -> None:
    """Where the file takes no more it is told, and neither part nor seal stays."""
    file, limit = tmp_path / "a.dump", 1 << 20
    oneroof("clone", "create", CLONE).expect(0)
    done = subprocess.run(
        [sys.executable, "-m", "pytest_oneroof", "clone", "snapshot", CLONE, file],
        env={**os.environ, "ONEROOF_CACHE_DIR": str(server.cache)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    told = f"oneroof: cannot write {file}: File too large\nnothing of it stays"
    assert told in done.stderr
    assert list(tmp_path.iterdir()) == []
    oneroof("clone", "snapshot", CLONE, file).expect(0)
    oneroof("clone", "drop", CLONE).expect(0)


def test_a_replacement_is_all_or_nothing(
    oneroof: Run,
    host: Host,
    shop: str,
    tmp_path: Path,
    left: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stopped before the swap, the old clone stays; after it, the new one does."""
    file = tmp_path / "a.dump"
    oneroof("clone", "create", CLONE, "--from", shop).expect(0)
    oneroof("clone", "snapshot", CLONE, file).expect(0)
    before, made = host.find(CLONE), left()

    def broken(*arguments: Any, **settings: Any) -> None:
        raise psycopg.OperationalError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(making, "_settle", broken)
        done = oneroof("clone", "restore", file, CLONE, "--replace")
    done.expect(1, "the server refused: the disk is gone")
    assert (host.find(CLONE), left()) == (before, made)
    with monkeypatch.context() as patch:
        patch.setattr("pytest_oneroof.commands.clone.snapshot.drop_replaced", broken)
        oneroof("clone", "restore", file, CLONE, "--replace").expect(1)
    after = host.find(CLONE)
    assert before is not None
    assert after is not None
    assert after.oid != before.oid
    aside = [name for name in left() if name.endswith("_replaced")]
    oneroof("clone", "gc").expect(0, f"dropped database {aside[0]}: left by a dead run")
    oneroof("clone", "drop", CLONE).expect(0)
    assert left() == []


def test_tells_size_and_rate_on_a_terminal(
    server: EmbeddedServer, oneroof: Run, shop: str
) -> None:
    """On a terminal there is a bar with size and rate; in a pipe there is none."""
    controller, terminal = pty.openpty()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest_oneroof", "clone", "create", CLONE),
            *("--from", shop, "--by", "dump"),
        ],
        env={
            **os.environ,
            "ONEROOF_CACHE_DIR": str(server.cache),
            "TERM": "xterm",
            "COLUMNS": "120",
        },
        stdout=subprocess.PIPE,
        stderr=terminal,
        check=False,
        timeout=60,
    )
    os.close(terminal)
    os.set_blocking(controller, False)
    told = os.read(controller, 1 << 20).decode()
    os.close(controller)
    assert done.returncode == 0
    assert "… copied by dump: it was asked for" in told
    assert re.search(rf"shop → {CLONE}", told)
    assert re.search(r"[0-9.]+ of [0-9.]+ MB", told)
    assert b"\x1b" not in done.stdout
    oneroof("clone", "drop", CLONE).expect(0)
