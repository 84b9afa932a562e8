"""The life of a clone on a server of the user's own, from create to drop."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from pytest_oneroof.clone.adopt import new_marker, remark
from pytest_oneroof.clone.dump import dumping, pump, restoring
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.making import half_made
from pytest_oneroof.errors import CloneError
from pytest_oneroof.fingerprint.compare import compare_content, read_content
from pytest_oneroof.ownership.proofs import Empty, OurDatabase
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.postgres.tools import installed_tools
from pytest_oneroof.redaction import redact
from pytest_oneroof.settings import Settings

Run = Callable[..., Any]
CLONE, OTHER = "directus_gov_test_20260702", "directus_gov_test_20260703"


@pytest.fixture
def oneroof(users_server: str, tmp_path: Path) -> Iterator[Run]:
    """Run the command oneroof on the user's server; drop what it has made."""

    def run(*arguments: str | Path, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_oneroof", *map(str, arguments)],
            env={
                **os.environ,
                "ONEROOF_CACHE_DIR": str(tmp_path / "cache"),
                "ONEROOF_ADMIN_URL": users_server,
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        assert "stand-in" not in done.stderr
        return done.stdout + done.stderr

    yield run
    with connect(users_server) as admin:
        query = "SELECT datname FROM pg_database WHERE datname LIKE %s ORDER BY 1"
        for (name,) in admin.execute(query, ["directus\\_gov\\_test\\_202607%"]):
            admin.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false'.encode())
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def own(users_server: str, database: str) -> int:
    """Return the number of ownership rows of a database."""
    with connect(with_database(users_server, database)) as connection:
        query = "SELECT count(*) FROM governance_object_ownership"
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def kept(collected: str, *names: str) -> bool:
    """Say whether none of the databases was dropped, whatever else was there."""
    dropped = re.findall(r"dropped? database (\w+):", collected)
    return not {*names} & {*dropped}


def test_lives_from_create_to_drop(
    oneroof: Run, users_server: str, production: str, tmp_path: Path
) -> None:
    """Live copy, baseline, snapshot, restore, both resets, gc and drop: all work."""
    source = with_database(users_server, production)
    with connect(source, autocommit=False) as live:
        live.execute("SELECT 1")
        made = json.loads(oneroof("clone", "create", CLONE, "--from", source, "--json"))
        assert live.execute("SELECT 2").fetchone() == (2,)
    assert (made["target"], made["way"]) == (redact(users_server), "dump")
    assert made["notes"][0] == "copied by dump: 1 client backend on it"
    oneroof("clone", "baseline", CLONE, "--template")
    assert own(users_server, CLONE) == 30
    file = tmp_path / "a.dump"
    oneroof("clone", "snapshot", CLONE, file)
    oneroof("clone", "restore", file, OTHER, "--expires", "1h")
    urls = [with_database(users_server, name) for name in (CLONE, OTHER)]
    assert "no difference" in oneroof("fingerprint", "--no-grants", "--content", *urls)
    with connect(urls[0]) as admin:
        admin.execute("DELETE FROM governance_object_ownership")
    oneroof("clone", "reset", CLONE)
    assert own(users_server, CLONE) == 30
    told = oneroof("clone", "reset", CLONE, "--in-place")
    assert "phase seeded + scanned → greenfield → seeded + scanned" in told
    assert kept(oneroof("clone", "gc", "--dry-run"), CLONE, OTHER)
    oneroof("clone", "restore", file, CLONE, "--replace")
    for name in (CLONE, OTHER):
        assert f"dropped {name}" in oneroof("clone", "drop", name)
    with connect(users_server) as admin:
        left = admin.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'oneroof\\_%%'"
            " AND shobj_description(oid, 'pg_authid') LIKE %s",
            [f"%{made['nonce']}"],
        ).fetchall()
    assert left == []


def test_sanitises_a_live_copy_and_collects_it_when_it_has_expired(
    oneroof: Run, users_server: str, production: str, tmp_path: Path
) -> None:
    """SQL runs before the copy is a clone; gc drops it, with its roles, in time."""
    file = tmp_path / "clean.sql"
    file.write_text(
        "DO $$ BEGIN IF EXISTS (SELECT FROM pg_database WHERE"
        " shobj_description(oid, 'pg_database') NOT LIKE '%\"kind\": \"making\"%'"
        " AND datname = current_database()) THEN RAISE 'marked'; END IF; END $$;"
        " UPDATE governance_registry SET name = 'somebody'"
    )
    options = ("--by", "dump", "--sanitise", file, "--expires", "30m", "--json")
    made = json.loads(oneroof("clone", "create", CLONE, "--from", production, *options))
    assert made["notes"][-1].startswith("sanitised by clean.sql, sha256 ")
    with connect(with_database(users_server, CLONE)) as clone:
        names = clone.execute("SELECT DISTINCT name FROM governance_registry")
        assert names.fetchall() == [("somebody",)]
    assert kept(oneroof("clone", "gc"), CLONE)
    records, rules = (
        Records(tmp_path / "cache/databases"),
        Rules.of(Settings().joined(bundled()), own_server=True),
    )
    with closing(Host(users_server, records, rules)) as host:
        remark(host, host.ours(CLONE), expires="2026-01-01T00:00:00Z")
    assert f"dropped database {CLONE}: expired" in oneroof("clone", "gc")
    with connect(users_server) as admin:
        query = "SELECT FROM pg_roles WHERE rolname = %s"
        assert admin.execute(query, [made["role"]]).fetchone() is None


def test_a_schema_of_that_name_is_not_dropped(
    oneroof: Run, users_server: str, production: str
) -> None:
    """Where the user has a schema `oneroof`, no clone is made; nothing is left."""
    source = with_database(users_server, production)
    with connect(source) as owner:
        owner.execute("CREATE SCHEMA oneroof CREATE TABLE kept (id int)")
    try:
        told = oneroof("clone", "create", CLONE, "--from", production, status=1)
        assert "has a schema 'oneroof' of its own" in told
        with connect(users_server) as admin:
            there = "SELECT FROM pg_database WHERE datname = %s"
            assert admin.execute(there, [CLONE]).fetchone() is None
    finally:
        with connect(source) as owner:
            owner.execute("DROP SCHEMA oneroof CASCADE")


def test_adopts_what_was_copied_by_hand(
    oneroof: Run, users_server: str, production: str
) -> None:
    """A database of the user's becomes a clone, and once more gets only a password."""
    with connect(users_server) as admin:
        admin.execute(f"CREATE DATABASE {CLONE} TEMPLATE {production}".encode())
    first = json.loads(oneroof("clone", "adopt", CLONE, "--json"))
    url = Path(first["url_file"]).read_text()
    second = json.loads(oneroof("clone", "adopt", CLONE, "--json"))
    assert second["nonce"] == first["nonce"]
    assert Path(second["url_file"]).read_text() != url
    oneroof("clone", "drop", CLONE)


def test_names_a_slot_as_a_blocker(
    oneroof: Run, users_server: str, production: str
) -> None:
    """A replication slot blocks a drop, and is named with what lifts it."""
    oneroof("clone", "create", CLONE, "--from", production)
    with connect(with_database(users_server, CLONE)) as admin:
        admin.execute(
            "SELECT pg_create_logical_replication_slot('s1', 'test_decoding')"
        )
    told = oneroof("clone", "drop", CLONE, status=1)
    assert "replication slot 's1': SELECT pg_drop_replication_slot('s1')" in told
    assert f"kept database {CLONE}" not in oneroof("clone", "gc")
    with connect(users_server) as admin:
        admin.execute("SELECT pg_drop_replication_slot('s1')")
    oneroof("clone", "drop", CLONE)


def test_copies_a_live_production_to_the_embedded_server(
    users_server: str, production: str, cache: Path
) -> None:
    """Without an administrator's URL the copy lies on the embedded server."""
    source = with_database(users_server, production)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "pytest_oneroof", "clone", *arguments],
            env={**os.environ, "ONEROOF_CACHE_DIR": str(cache)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "this is the embedded server" in done.stderr
        return done.stdout

    made = json.loads(run("create", CLONE, "--from", source, "--json"))
    assert made["target"] == "stand-in"
    assert made["notes"][0] == "copied by dump: it lies on another server"
    assert made["notes"][-1] == "schema, grants left out, as the origin's: 904 objects"
    run("drop", CLONE)


def test_newer_tools_restore_into_an_older_server(
    users_server: str, fresh_shop: str, tmp_path: Path
) -> None:
    """What a newer pg_restore sets and an older server does not know does no harm."""
    newer = [tools for tools in installed_tools() if tools.major >= 17]
    if not newer:
        pytest.skip("no client tools of 17 or newer: this part did not run")
    rules = Rules.of(Settings().joined(bundled()), own_server=True)
    with ExitStack() as stack:
        host = stack.enter_context(
            closing(Host(users_server, Records(tmp_path), rules))
        )

        def copy(half: OurDatabase) -> None:
            with (
                dumping(newer[0], fresh_shop, "x", compress=False) as source,
                restoring(newer[0], host, half) as sink,
            ):
                pump(source, sink.write, int)

        empty = Empty(sql.SQL(""))
        # The second time everything is there already.
        again = pytest.raises(CloneError, match='relation "item" already exists')
        with again, half_made(host, CLONE, new_marker("shop"), empty) as half:
            host.allow_connections(half, allowed=True)
            copy(half)
            before, after = (connect(url) for url in (fresh_shop, host.url(half.name)))
            with before, after:
                assert not compare_content(read_content(before), read_content(after))
            copy(half)
        assert host.all_ours() == []


@pytest.fixture
def fresh_shop(users_server: str) -> Iterator[str]:
    """The URL of a small database on the user's server."""
    with connect(users_server) as admin:
        admin.execute("CREATE DATABASE shop")
    url = with_database(users_server, "shop")
    with connect(url) as connection:
        connection.execute("CREATE TABLE item AS SELECT generate_series(1, 90) AS n")
    yield url
    with connect(users_server) as admin:
        admin.execute("DROP DATABASE shop")
