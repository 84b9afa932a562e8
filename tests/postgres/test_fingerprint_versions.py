"""Fingerprints across major versions: one model, created and restored, on each."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pytest_oneroof.fingerprint.compare import (
    compare,
    compare_content,
    read_content,
    read_schema,
    render,
)
from pytest_oneroof.postgres.binaries import WHEELS, Programs, find_programs
from pytest_oneroof.postgres.connect import with_database
from pytest_oneroof.postgres.embedded import EmbeddedServer

MAJORS = (15, 16, 17, 18)
DEBIAN = "/usr/lib/postgresql/{}/bin"
MODEL = Path(__file__).with_name("fingerprint_model.sql")


class Server:
    """A running server of one major version, and its own client programs."""

    def __init__(self, embedded: EmbeddedServer) -> None:
        self._embedded = embedded

    def create(self, database: str, script: Path) -> str:
        """Make a database anew from a script, and return its URL."""
        with psycopg.connect(self._embedded.url("postgres"), autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {database}")
            admin.execute(f"CREATE DATABASE {database} TEMPLATE template0")
        url = with_database(self._embedded.url("postgres"), database)
        self._run("psql", "-Xqv", "ON_ERROR_STOP=1", "-d", url, "-f", str(script))
        return url

    def dump(self, url: str, target: Path) -> Path:
        """Write a plain dump, schema and data, with this version's own pg_dump."""
        self._run("pg_dump", "--no-owner", "-d", url, "-f", str(target))
        return target

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._embedded.programs.folder / program), *arguments]
        environment = {"PATH": os.environ["PATH"], "PGCLIENTENCODING": "UTF8"}
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def servers(cache: Path) -> Iterator[dict[int, Server]]:
    """Start a server of each major version that this machine has programs of."""
    account = find_programs(min(WHEELS), cache).account
    running: list[EmbeddedServer] = []
    found: dict[int, Server] = {}
    for major in MAJORS:
        server = EmbeddedServer(cache, major, "fingerprint")
        if major not in WHEELS:
            folder = Path(DEBIAN.format(major))
            if not (folder / "postgres").exists():
                continue
            server._programs = Programs(folder, account)
        server.acquire(lambda _: {}, print)
        running.append(server)
        found[major] = Server(server)
    yield found
    for server in running:
        server.release()


@pytest.fixture(params=MAJORS)
def other(request: pytest.FixtureRequest, servers: dict[int, Server]) -> Server:
    """Return the server of one major version."""
    if request.param not in servers:
        pytest.skip(f"no PostgreSQL {request.param} in {DEBIAN.format(request.param)}")
    return servers[request.param]


def test_one_script_gives_one_fingerprint(
    servers: dict[int, Server], other: Server
) -> None:
    """The same statements make the same schema and content on every version."""
    one, two = servers[16].create("model", MODEL), other.create("model", MODEL)
    _assert_equal(one, two)


def test_dump_and_restore_keep_the_fingerprint(
    servers: dict[int, Server], other: Server, tmp_path: Path
) -> None:
    """A dump of 16 restored into another version is the same, although its text
    comes back with other casts, brackets and qualifiers."""
    source = servers[16].create("model", MODEL)
    dump = servers[16].dump(source, tmp_path / "dump.sql")
    _assert_equal(source, other.create("restored", dump))


def test_the_server_spells_the_restored_schema_otherwise(
    servers: dict[int, Server], tmp_path: Path
) -> None:
    """The text that the server prints does change by a restore into itself."""
    source = servers[16].create("model", MODEL)
    restored = servers[16].create(
        "restored", servers[16].dump(source, tmp_path / "dump.sql")
    )
    assert _printed(source) != _printed(restored)


def _assert_equal(one: str, two: str) -> None:
    with psycopg.connect(one) as first, psycopg.connect(two) as second:
        schemas = read_schema(first), read_schema(second)
        contents = read_content(first), read_content(second)
    assert render(compare(*schemas)) == "no difference"
    assert len(schemas[0].objects) > 90
    assert schemas[0].digest == schemas[1].digest
    assert render(compare_content(*contents)) == "no difference"
    assert contents[0].unreadable == ()


def _printed(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT oid::regclass::text AS name, pg_get_viewdef(oid) FROM pg_class"
            " WHERE relkind = 'v' AND relnamespace = 'gov'::regnamespace ORDER BY name"
        ).fetchall()
