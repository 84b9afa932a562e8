"""Tests written for pytest-postgresql, on the guarded clone by one ini line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_oneroof.postgres.binaries import find_programs
from pytest_oneroof.postgres.connect import connect, parse
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., pytest.RunResult]
PROJECT = Path(__file__).parents[1] / "examples" / "postgresql_project"
LINE = "oneroof_replace_postgresql = shop, lending, postgresql\n"
SHOP, PLAIN = 11, 2


def project(folder: Path, line: str = "") -> Path:
    """Copy the example project into a folder, its ini file longer by one line."""
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True)
    with (folder / "pytest.ini").open("a") as file:
        file.write(line)
    return folder


def server_options(embedded: EmbeddedServer) -> list[str]:
    """Return pytest-postgresql's options that name the embedded server."""
    at = parse(embedded.url("postgres"))
    names = ("host", "port", "user", "password")
    return [f"--postgresql-{name}={at[name]}" for name in names]


def databases(admin_url: str) -> list[str]:
    """Return the databases that the project's own fixtures have made, by name."""
    with connect(admin_url) as admin:
        rows = admin.execute("SELECT datname FROM pg_database ORDER BY 1").fetchall()
    return [name for (name,) in rows if name.startswith(("shop", "lending", "tests"))]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other accounts can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="oneroof-plain-"))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("line", ["", LINE], ids=["without", "with the line"])
def test_alone(
    pytester: pytest.Pytester, run_oneroof: Run, embedded: EmbeddedServer, line: str
) -> None:
    """Without --oneroof-clone the project runs on databases of its own, as ever."""
    project(pytester.path, line)
    # Oneroof not loaded at all is the yardstick; its ini line would be unknown then.
    alone = [] if line else ["-p", "no:oneroof"]
    result = pytester.run(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
        *(*alone, *server_options(embedded), "test_shop.py"),
    )
    result.assert_outcomes(passed=SHOP)
    assert "oneroof:" not in result.stdout.str()


def test_plain_fixtures_alone(open_folder: Path, cache: Path) -> None:
    """The plugin's own `postgresql`, with a server that it starts itself."""
    programs = find_programs(16, cache)
    needed = (Path(sys.executable).resolve(), Path(pytest.__file__))
    closed = [p for n in needed for p in n.parents if not p.stat().st_mode & 0o001]
    if programs.account and closed:
        pytest.skip(
            f"{programs.account}, who starts it for root, cannot enter {closed}"
        )
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("-p", "no:oneroof", f"--basetemp={open_folder / 'tmp'}"),
            f"--postgresql-exec={programs.folder / 'pg_ctl'}",
            f"--postgresql-unixsocketdir={open_folder}",
            str(project(open_folder / "project") / "test_plain.py"),
        ],
        cwd=open_folder,
        env={**os.environ, "LC_ALL": "C", "HOME": str(open_folder)},
        capture_output=True,
        text=True,
        **programs.identity(),
    )
    assert f"{PLAIN} passed" in done.stdout, done.stdout + done.stderr


def test_on_the_clone(
    pytester: pytest.Pytester, run_oneroof: Run, server_admin_url: str
) -> None:
    """With the line the same tests pass on the clone, each proved; no server starts."""
    project(pytester.path, LINE)
    assert databases(server_admin_url) == []
    result = run_oneroof("--oneroof-clone", "-v", ".", "--postgresql-exec=/nowhere")
    result.assert_outcomes(passed=SHOP + PLAIN)
    result.stdout.fnmatch_lines(
        [
            "oneroof: on the clone instead: shop, lending, postgresql "
            "(oneroof_replace_postgresql in the ini file)",
            f"own tests  {SHOP + PLAIN}/{SHOP + PLAIN}",
            f"proof * {SHOP + PLAIN} clean of {SHOP + PLAIN} checks; *",
        ]
    )
    assert databases(server_admin_url) == []


def test_counts_as_using_the_clone(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """Without paths, the project's tests run beside the suites that are asked for.

    All of them: a replaced fixture may be asked for by `getfixturevalue` alone.
    """
    project(pytester.path, LINE)
    pytester.makepyfile(
        test_other="""
        def test_by_name(request):
            request.getfixturevalue("shop").execute("SELECT 1")

        def test_without(): pass
        """
    )
    result = run_oneroof("--oneroof-clone", "--oneroof-suite=isolation", "-q")
    result.assert_outcomes(passed=8 + SHOP + PLAIN + 2)


def test_under_xdist(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """Workers replace the fixtures too, each on a clone of its own."""
    project(pytester.path, LINE)
    result = run_oneroof("--oneroof-clone", "-n2", ".")
    result.assert_outcomes(passed=SHOP + PLAIN)


@pytest.mark.parametrize("how", ["command line", "environment"])
def test_other_spellings(
    pytester: pytest.Pytester,
    run_oneroof: Run,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """The names are taken from the command line and the environment too."""
    project(pytester.path)
    option = ["--oneroof-replace-postgresql=postgresql"]
    if how == "environment":
        monkeypatch.setenv("ONEROOF_REPLACE_POSTGRESQL", "postgresql")
    result = run_oneroof(
        "--oneroof-clone",
        "test_plain.py",
        "--postgresql-exec=/nowhere",
        *(option if how == "command line" else []),
    )
    result.assert_outcomes(passed=PLAIN)


def test_unknown_name(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """A name that no fixture has is a usage error, not a test left as it was."""
    project(pytester.path, "oneroof_replace_postgresql = shop, leding\n")
    result = run_oneroof("--oneroof-clone", "--oneroof-suite=isolation")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        [
            "ERROR: oneroof_replace_postgresql in the ini file: there is no fixture "
            "leding in this project"
        ]
    )


def test_hypothesis_examples(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """Each example begins as loaded, without a health check that has to be lifted."""
    project(pytester.path, LINE)
    pytester.makepyfile(
        test_examples="""
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=20, deadline=None)
        @given(st.text("ab", max_size=3))
        def test_adds(shop, name):
            shop.execute("INSERT INTO stories (name) VALUES (%s)", [name])
            shop.commit()
            assert shop.execute("SELECT count(*) FROM stories").fetchone() == (3,)
        """
    )
    run_oneroof("--oneroof-clone", "test_examples.py").assert_outcomes(passed=1)


def test_residue_is_an_error(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """What such a test leaves behind is told as of any other check."""
    project(pytester.path, LINE)
    pytester.makepyfile(
        test_leaves="""
        def test_leaves(shop):
            shop.pgconn.exec_(b"ROLLBACK; BEGIN READ WRITE")
            shop.pgconn.exec_(b"CREATE TABLE late (i int)")
            shop.pgconn.exec_(b"COMMIT")
        """
    )
    result = run_oneroof("--oneroof-clone", "test_leaves.py")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["E *test_leaves.py::test_leaves: dirty", "E *left behind: schema *late*"]
    )


def test_isolation_rollback(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """A marker may take commit() away; the loaders' own commits still work."""
    project(pytester.path, LINE)
    pytester.makepyfile(
        test_marked="""
        import pytest
        from pytest_oneroof.errors import StatementRefused

        @pytest.mark.oneroof(isolation="rollback")
        def test_commit(lending):
            assert lending.execute("SELECT count(*) FROM loans").fetchone() == (1,)
            with pytest.raises(StatementRefused):
                lending.commit()
        """
    )
    run_oneroof("--oneroof-clone", "test_marked.py").assert_outcomes(passed=1)


def test_isolation_database(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """In isolation 'database' each fixture has a database of its own, and loads it."""
    project(pytester.path, LINE)
    pytester.makepyfile(
        test_marked="""
        import psycopg
        import pytest

        @pytest.mark.oneroof(isolation="database")
        def test_two(shop, postgresql):
            shop.execute("INSERT INTO stories (name) VALUES ('Dune')")
            shop.commit()
            at = shop.info
            second = psycopg.connect(
                host=at.host, port=at.port, user=at.user, password=at.password,
                dbname=at.dbname,
            )
            with second:
                assert second.execute("SELECT count(*) FROM stories").fetchone() == (3,)
            missing = postgresql.execute("SELECT to_regclass('stories')").fetchone()
            assert missing == (None,)
        """
    )
    run_oneroof("--oneroof-clone", "test_marked.py").assert_outcomes(passed=1)


def test_asynchronous(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """`postgresql_async` is an AsyncConnection, without a plugin for asyncio."""
    project(pytester.path, LINE.rstrip() + ", postgresql_async\n")
    pytester.makepyfile(
        test_marked="""
        import asyncio
        import psycopg
        import pytest

        async def commit(connection):
            assert isinstance(connection, psycopg.AsyncConnection)
            await connection.execute("CREATE TABLE late (i int)")
            await connection.commit()
            await connection.rollback()
            found = await connection.execute("SELECT count(*) FROM late")
            return await found.fetchone()

        def test_guarded(postgresql_async):
            assert asyncio.run(commit(postgresql_async)) == (0,)

        @pytest.mark.oneroof(isolation="database")
        def test_database(postgresql_async):
            assert asyncio.run(commit(postgresql_async)) == (0,)
        """
    )
    run_oneroof("--oneroof-clone", "test_marked.py").assert_outcomes(passed=2)


def test_more_than_one_transaction(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """Two databases, or SERIALIZABLE, take isolation 'database' by themselves."""
    project(pytester.path, LINE.rstrip() + ", serial\n")
    pytester.makepyfile(
        test_more="""
        import psycopg
        from pytest_postgresql import factories
        level = psycopg.IsolationLevel.SERIALIZABLE
        serial = factories.postgresql("shop_server", isolation_level=level)

        def test_two(shop, postgresql):
            missing = postgresql.execute("SELECT to_regclass('stories')").fetchone()
            assert missing == (None,)

        def test_serial(serial):
            found = serial.execute("SHOW transaction_isolation").fetchone()
            assert found == ("serializable",)
        """
    )
    result = run_oneroof("--oneroof-clone", "test_more.py")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["oneroof: in isolation database by themselves: 2, *"])


REFUSED = {
    "scope": (
        """
        import pytest
        @pytest.fixture(scope="module")
        def serial(): yield
        def test_it(serial): pass
        """,
        "*the fixture serial has scope 'module'; a check's connection lives no longer "
        "than the check",
    ),
    "second connection": (
        """
        import os
        from pytest_postgresql import factories
        def load(host, port, dbname, **more):
            import subprocess, sys
            code = "import psycopg; psycopg.connect(host=%r, port=%r, dbname=%r)"
            done = subprocess.run(
                [sys.executable, "-c", code % (host, port, dbname)], capture_output=True
            )
            raise OSError(done.stderr.decode().splitlines()[-1])
        server = factories.postgresql_noproc(load=[load])
        serial = factories.postgresql("server")
        def test_it(serial): pass
        """,
        "E *while load=load ran for the clone",
    ),
    "failing load": (
        """
        from pathlib import Path
        from pytest_postgresql import factories
        file = Path(__file__).with_name("bad.sql")
        file.write_text("CREATE TABLE a (i int); COMMIT; CREATE TABLE b (i int);")
        server = factories.postgresql_noproc(load=[file])
        serial = factories.postgresql("server")
        def test_it(serial): pass
        """,
        "E *bad.sql must hold one BEGIN, first, and one COMMIT, last, found: commit in "
        "3 statements",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(pytester: pytest.Pytester, run_oneroof: Run, case: str) -> None:
    """What one guarded transaction cannot give is an error that says so."""
    text, expected = REFUSED[case]
    names = LINE.rstrip() + ", serial\n" if "serial" in text else LINE
    project(pytester.path, names)
    pytester.makepyfile(test_refused=text)
    result = run_oneroof("--oneroof-clone", "test_refused.py")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([expected])
