"""Tests of pytest-postgresql's fixtures that connect a second time, without an edit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., pytest.RunResult]
LINE = "[pytest]\noneroof_replace_postgresql = postgresql, postgresql_async\n"

# How projects do it: by parts, by a DSN, by a URL of parts, by psql, asked for by
# name, through a fixture, after some work, in a block that drops the error.
GUESTS = """
import asyncio
import os
import subprocess
import unittest

import psycopg
import pytest
import sqlalchemy


def parts(connection):
    i = connection.info
    return {"host": i.host, "port": i.port, "user": i.user, "password": i.password,
            "dbname": i.dbname}


def url(connection):
    at = parts(connection)
    return "postgresql://{user}:{password}@{host}:{port}/{dbname}".format(**at)


@pytest.fixture
def filled(postgresql):
    postgresql.execute("CREATE TABLE filled (a int)")
    postgresql.execute("INSERT INTO filled VALUES (1), (2)")
    postgresql.commit()
    return postgresql


@pytest.fixture
def details(filled):
    return parts(filled)


def test_parts(filled):
    with psycopg.connect(**parts(filled)) as own:
        own.execute("INSERT INTO filled VALUES (3)")
    assert filled.execute("SELECT count(*) FROM filled").fetchone() == (3,)


def test_dsn_without_password(postgresql):
    with psycopg.connect(postgresql.info.dsn) as own:
        assert own.execute("SELECT 1").fetchone() == (1,)


def test_fixture(details, filled):
    with psycopg.connect(**details) as own:
        assert own.execute("SELECT count(*) FROM filled").fetchone() == (2,)


def test_url(postgresql):
    with psycopg.connect(url(postgresql)) as own:
        found = own.execute("SELECT current_database()").fetchone()
    assert found == (postgresql.info.dbname,)


def test_psql(filled):
    done = subprocess.run(
        [os.environ["PSQL"], url(filled), "-Atc", "SELECT count(*) FROM filled"],
        capture_output=True, text=True,
    )
    assert done.stdout == "2\\n", done.stderr


def test_engine(filled):
    at = parts(filled)
    engine = sqlalchemy.create_engine(
        sqlalchemy.URL.create(
            "postgresql+psycopg", at["user"], at["password"], at["host"], at["port"],
            at["dbname"],
        )
    )
    with engine.begin() as own:
        assert own.exec_driver_sql("SELECT count(*) FROM filled").scalar() == 2
    engine.dispose()


def test_asked_for_by_name(request):
    connection = request.getfixturevalue("postgresql")
    psycopg.connect(**parts(connection)).close()


def test_dropped_error(postgresql):
    try:
        psycopg.connect(**parts(postgresql)).close()
    except Exception:
        pytest.skip("no server")


def test_async(postgresql_async):
    async def both():
        await postgresql_async.execute("CREATE TABLE late (i int)")
        await postgresql_async.commit()
        own = await psycopg.AsyncConnection.connect(**parts(postgresql_async))
        async with own:
            found = await own.execute("SELECT count(*) FROM late")
            assert await found.fetchone() == (0,)
    asyncio.run(both())


def test_two_databases(postgresql, postgresql_async):
    async def name():
        found = await postgresql_async.execute("SELECT current_database()")
        return await found.fetchone()
    own = postgresql.execute("SELECT current_database()").fetchone()
    assert own != asyncio.run(name())


def test_cancel(postgresql):
    # libpq's PQcancel keeps Python's lock while it waits.
    with psycopg.connect(postgresql.info.dsn) as own:
        own.cancel()


class TestCase(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _connection(self, filled):
        self.connection = filled

    def test_method(self):
        psycopg.connect(self.connection.info.dsn).close()

    def test_sub(self):
        with self.subTest("one"):
            psycopg.connect(self.connection.info.dsn).close()


def test_stays(filled):
    assert filled.execute("SELECT count(*) FROM filled").fetchone() == (2,)
    assert filled.info.server_version and filled.info.encoding == "utf-8"
"""
MOVED, STAYED = 13, 1


@pytest.fixture
def guests(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, embedded: EmbeddedServer
) -> pytest.Pytester:
    """A project of such tests; psql is the embedded server's own."""
    pytester.makeini(LINE)
    pytester.makepyfile(test_guests=GUESTS)
    monkeypatch.setenv("PSQL", str(embedded.programs.folder / "psql"))
    return pytester


@pytest.mark.usefixtures("run_oneroof")  # clears the environment
def test_all_of_them(guests: pytest.Pytester, cache: Path) -> None:
    """Every one passes, each proved; the next run knows which need a database."""
    every = MOVED + STAYED
    for begun in (f", {MOVED} begun twice (the next run knows them)", ""):
        result = guests.runpytest_subprocess(
            "--oneroof-clone", "-v", f"--oneroof-cache-dir={cache}", "test_guests.py"
        )
        result.assert_outcomes(passed=every)
        result.stdout.fnmatch_lines_random(
            [
                f"oneroof: in isolation database by themselves: {MOVED}{begun}; "
                "the first: test_guests.py::test_parts: it asked for "
                "postgresql.info.host",
                f"proof * {every} clean of {every} checks; *",
            ]
        )


def test_side_by_side(guests: pytest.Pytester, run_oneroof: Run) -> None:
    """Without a path, under xdist: none is left out; the controller tells of all."""
    result = run_oneroof("--oneroof-clone", "--oneroof-suite=isolation", "-n2")
    result.assert_outcomes(passed=8 + MOVED + STAYED)
    result.stdout.fnmatch_lines([f"oneroof: in isolation database*: {MOVED}, *"])


def test_refused_connection(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """Who finds the way elsewhere is seen by the refusal, also where it is dropped."""
    pytester.makeini(LINE)
    pytester.makepyfile(
        test_refused="""
        import psycopg
        import pytest
        from psycopg.conninfo import make_conninfo

        def way(postgresql):
            pgconn = postgresql.pgconn
            names = {"host": pgconn.host, "port": pgconn.port, "dbname": pgconn.db}
            return make_conninfo(
                **{k: v.decode() for k, v in names.items()},
                user=pgconn.user.decode(), password=pgconn.password.decode(),
            )

        def test_raised(postgresql):
            psycopg.connect(way(postgresql)).close()

        def test_dropped(postgresql):
            try:
                psycopg.connect(way(postgresql)).close()
            except psycopg.OperationalError:
                pytest.fail("no server")
        """
    )
    result = run_oneroof("--oneroof-clone", "test_refused.py")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "oneroof: in isolation database*: 2, 2 begun twice *: its second "
            "connection was refused by the clone"
        ]
    )


def test_left_behind_stays_an_error(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """What the first try left on the clone is told; no second try makes it good."""
    pytester.makeini(LINE)
    pytester.makepyfile(
        test_leaves="""
        def test_leaves(postgresql):
            postgresql.pgconn.exec_(b"ROLLBACK; BEGIN READ WRITE")
            postgresql.pgconn.exec_(b"CREATE TABLE late (i int)")
            postgresql.pgconn.exec_(b"COMMIT")
            postgresql.info.host
        """
    )
    result = run_oneroof("--oneroof-clone", "test_leaves.py")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *test_leaves.py::test_leaves: dirty", "E *left behind: schema *late*"]
    )


def test_named_isolation_stays(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """A marker's isolation is kept: `info` answers, a second database is refused."""
    pytester.makeini(LINE)
    pytester.makepyfile(
        test_named="""
        import pytest

        pytestmark = pytest.mark.oneroof(isolation="savepoint")

        def test_info(postgresql):
            assert postgresql.info.dbname

        def test_two(postgresql, postgresql_async): pass
        """
    )
    result = run_oneroof("--oneroof-clone", "test_named.py")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "E *test_two cannot run in the clone's one guarded transaction: it has a "
            "guarded connection already, and postgresql_async is another database's",
            'E *instead: @pytest.mark.oneroof(isolation="database"), where each *',
        ]
    )
