"""What is measured: each function does it once and returns the seconds it took."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from pytest_postgresql.janitor import DatabaseJanitor

from benchmarks.databases import Database
from pytest_oneroof.check.sandbox import Sandbox
from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.throwaway import ThrowawayPool
from pytest_oneroof.fingerprint.content import read_content
from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.tools import find_tools, login
from pytest_oneroof.statements.policy import judge_guarded

INSERT = "INSERT INTO benchmark_setting (name, value) VALUES ('benchmark', 'on')"
SERIAL = "INSERT INTO benchmark_item (note) VALUES ('benchmark')"
# Bare, nobody puts the sequence back: one of its own, which no check touches.
BARE_SERIAL = SERIAL.replace("benchmark_item", "benchmark_bare")

UPDATES = 1000
_numbers = itertools.count()


class Clock:
    """Seconds between entering and leaving its block."""

    seconds = 0.0

    def __enter__(self) -> Clock:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start


def bare(sandbox: Sandbox, statement: str = INSERT) -> float:
    """Begin, insert and roll back by psycopg alone, on the session of the checks.

    Nothing is prepared, as a test's statement is sent once. The sandbox reads its
    state anew afterwards; a check that is not counted follows, so that the next row
    does not pay for what that read has put out of the caches.
    """

    def measured(connection: psycopg.Connection[Any]) -> float:
        connection.autocommit = False
        connection.read_only = False
        with Clock() as clock:
            connection.execute(statement)
            connection.rollback()
        connection.read_only = None
        connection.autocommit = True
        return clock.seconds

    seconds = sandbox.aside(measured)
    check(sandbox)
    return seconds


def check(
    sandbox: Sandbox, statement: str = INSERT, *, savepoints: bool = False
) -> float:
    """Do the same as a check of ours, with its full proof, which has to be clean."""
    with Clock() as clock:
        connection = sandbox.begin("benchmark", savepoints=savepoints)
        connection.execute(statement)
        if savepoints:
            connection.commit()
        proof = sandbox.finish()
    assert (proof.verdict, proof.constraints) == ("clean", "checked"), str(proof)
    return clock.seconds


@contextlib.contextmanager
def examples(sandbox: Sandbox) -> Iterator[Any]:
    """Yield a function that runs one Hypothesis example, in a check of its own."""
    connection = sandbox.begin("benchmark of examples")

    def example() -> float:
        with Clock() as clock, sandbox.example():
            connection.execute(INSERT)
        return clock.seconds

    yield example
    proof = sandbox.finish()
    assert proof.verdict == "clean", str(proof)


def throw_away(sandbox: Sandbox, pool: ThrowawayPool, database: Database) -> float:
    """Commit on a database from the warm pool, drop it, and prove the clone clean."""
    with Clock() as clock:
        sandbox.begin("benchmark")
        found = pool.take()
        with connect(pool.url(found), autocommit=False) as used:
            used.execute(INSERT)
        left = pool.drop(found)
        proof = sandbox.finish()
    assert (proof.verdict, left) == ("clean", ()), str(proof)
    return clock.seconds


def database_per_test(host: Host, database: Database) -> float:
    """Do what pytest-postgresql's `postgresql` fixture does around one test."""
    at = parse(host.url("postgres"))
    janitor = DatabaseJanitor(
        user=str(at["user"]),
        host=str(at["host"]),
        port=str(at["port"]),
        password=str(at["password"]),
        dbname="benchmark_tests",
        template_dbname=database.template,
    )
    with Clock() as clock, janitor:
        used = psycopg.connect(host.url("benchmark_tests"))
        used.execute(INSERT)
        used.rollback()
        used.close()
    return clock.seconds


def bare_updates(sandbox: Sandbox) -> float:
    """Send UPDATES distinct texts by psycopg alone; return the client's CPU seconds.

    With what psycopg does by itself to prepare what is sent again.
    """

    def measured(connection: psycopg.Connection[Any]) -> float:
        connection.read_only, connection.prepare_threshold = False, 5
        with connection.transaction(force_rollback=True):
            seconds = _sent(connection)
        connection.read_only = connection.prepare_threshold = None
        return seconds

    return sandbox.aside(measured)


def updates(sandbox: Sandbox) -> float:
    """Do the same in a check of ours."""
    seconds = _sent(sandbox.begin("benchmark of texts"))
    proof = sandbox.finish()
    assert proof.verdict == "clean", str(proof)
    return seconds


def _sent(connection: psycopg.Connection[Any]) -> float:
    first = next(_numbers) * UPDATES
    texts = [
        f"UPDATE benchmark_setting SET value = 'the {n}th' WHERE name = '{n}'"
        for n in range(first, first + UPDATES)
    ]
    start = time.process_time()
    for text in texts:
        connection.execute(text.encode())
    return time.process_time() - start


def reading(_: Sandbox) -> float:
    """Read and judge an INSERT of 12 kB that was not sent before; CPU seconds."""
    number = next(_numbers)
    values = (f"('setting {number} of {n}', 'on')" for n in range(440))
    text = f"INSERT INTO benchmark_setting (name, value) VALUES {', '.join(values)}"
    assert 11_000 < len(text) < 13_000
    start = time.process_time()
    assert judge_guarded(text).refusal is None
    return time.process_time() - start


def template_copy(host: Host, database: Database) -> float:
    """Copy the template as a clone of ours: marked, with its access list."""
    template = host.ours(database.template)
    with Clock() as clock:
        copy = create_copy(host, template, f"{database.name}_{{run}}", "copy")
    lifecycle.drop(host, copy)
    return clock.seconds


def dump_and_restore(host: Host, database: Database) -> float:
    """Make a clone by pg_dump into pg_restore."""
    tools = find_tools(host.admin.info.server_version // 10000)
    source, environment = login(host.url(database.name), application="benchmark")
    target, _ = login(host.url("benchmark_restored"), application="benchmark")
    host.admin.execute("CREATE DATABASE benchmark_restored TEMPLATE template0")
    with Clock() as clock:
        dump = subprocess.Popen(
            [tools.path("pg_dump"), "--format=custom", "--compress=0", f"-d{source}"],
            env=environment,
            stdout=subprocess.PIPE,
        )
        subprocess.run(
            [tools.path("pg_restore"), "--exit-on-error", f"-d{target}"],
            env=environment,
            stdin=dump.stdout,
            check=True,
        )
        assert dump.wait() == 0, "pg_dump failed"
    host.admin.execute("DROP DATABASE benchmark_restored WITH (FORCE)")
    return clock.seconds


def fingerprint(host: Host, database: Database) -> float:
    """Read the content fingerprint of every row."""
    with contextlib.closing(connect(host.url(database.name))) as used, Clock() as clock:
        found = read_content(used)
    assert len(found.items) > database.tables, "the fingerprint covers too little"
    return clock.seconds
