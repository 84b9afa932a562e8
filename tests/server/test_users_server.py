"""Clones on a server of the user's own: adopted, checked, refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from pytest_oneroof.postgres.connect import connect, parse, with_database

Run = Callable[..., subprocess.CompletedProcess[str]]
CLONE = "directus_gov_test_20260602"


@pytest.fixture(scope="module")
def oneroof(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the command oneroof with a cache of its own."""
    cache = tmp_path_factory.mktemp("cache")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest_oneroof", *arguments],
            env={**os.environ, "ONEROOF_CACHE_DIR": str(cache)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    run.cache = cache  # type: ignore[attr-defined]
    return run


@pytest.fixture(scope="module")
def clone_url(users_server: str, production: str, oneroof: Run) -> Iterator[str]:
    """The check role's URL of a clone, made and brought to its baseline."""
    made = oneroof(
        *("clone", "create", CLONE, "--from", production),
        *("--admin-url", users_server, "--json"),
    )
    assert made.returncode == 0, made.stderr
    done = oneroof("clone", "baseline", CLONE, "--admin-url", users_server)
    assert done.returncode == 0, done.stderr
    yield Path(json.loads(made.stdout)["url_file"]).read_text()
    dropped = oneroof("clone", "drop", CLONE, "--admin-url", users_server)
    assert dropped.returncode == 0, dropped.stderr


@pytest.fixture
def run_on(
    pytester: pytest.Pytester, oneroof: Run, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., pytest.RunResult]:
    """Run pytest with --oneroof-clone on a URL, in an empty folder."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(url: str, *arguments: str) -> pytest.RunResult:
        return pytester.run(
            *(
                sys.executable,
                "-m",
                "pytest",
                "--oneroof-clone",
                "-v",
                "-p",
                "no:cacheprovider",
            ),
            f"--oneroof-clone-url={url}",
            f"--oneroof-cache-dir={oneroof.cache}",  # type: ignore[attr-defined]
            *arguments,
        )

    return run


def test_runs_on_an_adopted_clone(
    run_on: Callable[..., pytest.RunResult], clone_url: str, users_server: str
) -> None:
    """The suites pass on the clone, closed by the administrator given."""
    result = run_on(
        clone_url,
        "--oneroof-suite=coverage,isolation",
        f"--oneroof-admin-url={users_server}",
    )
    result.assert_outcomes(passed=34)
    result.stdout.fnmatch_lines(
        [f"oneroof: clone {CLONE} on PostgreSQL *, closed to others*", "verdict: GO*"]
    )


def test_runs_without_administrator(
    run_on: Callable[..., pytest.RunResult], clone_url: str
) -> None:
    """Without an administrator the clone stays open, and the proof still holds."""
    result = run_on(clone_url, "--oneroof-suite=coverage,isolation")
    result.assert_outcomes(passed=34)
    result.stdout.fnmatch_lines([f"oneroof: clone {CLONE} on PostgreSQL *, open*"])


def refused(result: pytest.RunResult, *lines: str) -> None:
    """Assert exit status 10 and that every line is told."""
    assert result.ret == 10, result.stdout.str() + result.stderr.str()
    told = result.stdout.str() + result.stderr.str()
    for line in (*lines, "nothing was written to it"):
        assert line in told


def test_refuses_production(
    run_on: Callable[..., pytest.RunResult], users_server: str, production: str
) -> None:
    """Production is refused with every reason that holds, whoever logs in."""
    refused(
        run_on(with_database(users_server, production)),
        "guard refused 'directus'",
        "[name] the database is named 'directus'",
        "[production] 'directus' is the declared production 'directus'",
        "[marker] the database carries no marker of ours",
        "[power] the check role 'admin' has power beyond the clone: superuser",
    )


@pytest.mark.parametrize("name", ["directus_gov_test_20260603", "directus-gov-test-1"])
def test_refuses_unmarked(
    run_on: Callable[..., pytest.RunResult], users_server: str, name: str
) -> None:
    """A database without marker is refused; a name that only looks right, too."""
    with connect(users_server) as admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
    lines = ["[marker] the database carries no marker of ours (no comment)"]
    if "-" in name:
        lines.append(f"[name] the database is named {name!r}")
    try:
        refused(run_on(with_database(users_server, name)), *lines)
    finally:
        with connect(users_server) as admin:
            admin.execute(f'DROP DATABASE "{name}"'.encode())


def test_refuses_foreign_session(
    run_on: Callable[..., pytest.RunResult], clone_url: str, users_server: str
) -> None:
    """A clone with somebody else's session is refused, and the session named."""
    with psycopg.connect(with_database(users_server, CLONE)) as stranger:
        pid = stranger.info.backend_pid
        refused(
            run_on(clone_url),
            f"[sessions] 1 foreign session(s) on it: pid {pid} (admin",
        )


def test_refuses_template(
    run_on: Callable[..., pytest.RunResult], clone_url: str, users_server: str
) -> None:
    """A clone that became a template is refused."""
    with connect(users_server) as admin:
        admin.execute(f"ALTER DATABASE {CLONE} IS_TEMPLATE true".encode())
        try:
            refused(run_on(clone_url), "[template] the database is a template")
        finally:
            admin.execute(f"ALTER DATABASE {CLONE} IS_TEMPLATE false".encode())


def test_refuses_shared_owner(
    run_on: Callable[..., pytest.RunResult], clone_url: str, users_server: str
) -> None:
    """A clone whose owner role owns another database is refused."""
    with connect(users_server) as admin:
        row = admin.execute(
            "SELECT (substr(shobj_description(oid, 'pg_database'), 22)::json)->>'owner'"
            " FROM pg_database WHERE datname = %s",
            [CLONE],
        ).fetchone()
        assert row is not None
        admin.execute(f'CREATE DATABASE other OWNER "{row[0]}"'.encode())
        try:
            refused(
                run_on(clone_url),
                "owner of database other (through role oneroof_owner_",
            )
        finally:
            admin.execute("DROP DATABASE other")


def test_refuses_privileged_definer(
    run_on: Callable[..., pytest.RunResult], clone_url: str, users_server: str
) -> None:
    """A SECURITY DEFINER routine of a superuser is refused: it lends his powers."""
    with connect(with_database(users_server, CLONE)) as admin:
        admin.execute(
            "CREATE FUNCTION public.hole() RETURNS void LANGUAGE sql SECURITY DEFINER"
            " AS 'SELECT 1'"
        )
    try:
        refused(
            run_on(clone_url),
            "[definer] SECURITY DEFINER routine public.hole() runs as 'admin'",
        )
    finally:
        with connect(with_database(users_server, CLONE)) as admin:
            admin.execute("DROP FUNCTION public.hole()")


def test_refuses_reachable_production(
    run_on: Callable[..., pytest.RunResult], clone_url: str, users_server: str
) -> None:
    """A check role that may connect to production is refused, with both remedies."""
    with connect(users_server) as admin:
        admin.execute("GRANT CONNECT ON DATABASE directus TO PUBLIC")
        try:
            refused(
                run_on(clone_url),
                "may connect to the production 'directus'",
                "in pg_hba.conf, above other lines",
                'REVOKE CONNECT ON DATABASE "directus" FROM PUBLIC; GRANT CONNECT',
            )
        finally:
            admin.execute("REVOKE CONNECT ON DATABASE directus FROM PUBLIC")


def test_refuses_without_declared_production(
    run_on: Callable[..., pytest.RunResult],
    clone_url: str,
    pytester: pytest.Pytester,
) -> None:
    """On a user's server an empty list of productions is a reason to refuse."""
    pytester.makeini("[pytest]\noneroof_productions =\n")
    refused(
        run_on(clone_url), "no production is declared (oneroof_productions is empty)"
    )


def test_tells_dead_server(run_on: Callable[..., pytest.RunResult]) -> None:
    """A server that does not answer is a plain error, its password not printed."""
    result = run_on("postgresql://u:hidden-word@/db?host=/nowhere")
    assert result.ret == 1
    told = result.stdout.str() + result.stderr.str()
    assert "cannot connect to postgresql://u:***@/db?host=/nowhere" in told
    assert "hidden-word" not in told
    assert "Traceback" not in told


def test_distributes_to_workers(
    run_on: Callable[..., pytest.RunResult], clone_url: str, users_server: str
) -> None:
    """With -n each worker works on a copy of the clone, which goes afterwards."""
    result = run_on(
        clone_url,
        *("--oneroof-suite=coverage,isolation", "-n2"),
        f"--oneroof-admin-url={users_server}",
    )
    result.assert_outcomes(passed=34)
    result.stdout.fnmatch_lines(["state * 2 clones: entry = exit*", "verdict: GO*"])


def test_distribution_needs_administrator(
    run_on: Callable[..., pytest.RunResult], clone_url: str
) -> None:
    """Without an administrator -n is a usage error that names the setting."""
    result = run_on(clone_url, "-n2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*-n needs a clone for each worker*--oneroof-admin-url*"]
    )


def test_makes_throw_away_databases(
    run_on: Callable[..., pytest.RunResult],
    clone_url: str,
    users_server: str,
    pytester: pytest.Pytester,
) -> None:
    """Isolation 'database' works on a copy of the user's clone."""
    pytester.makepyfile(
        """
        import psycopg

        def test_commits(oneroof_database):
            with psycopg.connect(oneroof_database) as connection:
                connection.execute("DELETE FROM governance_object_ownership")
            with psycopg.connect(oneroof_database) as connection:
                query = "SELECT count(*) FROM v_object_owner_gap"
                assert connection.execute(query).fetchone() == (210,)

        def test_clone_is_untouched(oneroof_clone):
            query = "SELECT count(*) FROM v_object_owner_gap"
            assert oneroof_clone.execute(query).fetchone() == (0,)
        """
    )
    result = run_on(clone_url, f"--oneroof-admin-url={users_server}", "-k", "not r1")
    told = result.stdout.str()
    assert result.ret == 0, told
    with connect(users_server) as admin:
        left = admin.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE '%\\_db'"
        ).fetchall()
    assert left == []


def test_second_way_by_itself(
    run_on: Callable[..., pytest.RunResult],
    clone_url: str,
    users_server: str,
    pytester: pytest.Pytester,
) -> None:
    """A replaced fixture's test that asks for the way gets a copy of the clone."""
    pytester.makeini("[pytest]\noneroof_replace_postgresql = postgresql")
    pytester.makepyfile(
        """
        import psycopg

        def test_stays(postgresql):
            assert postgresql.execute("SELECT 1").fetchone() == (1,)

        def test_own_connection(postgresql):
            with psycopg.connect(postgresql.info.dsn) as own:
                assert own.execute("SELECT current_database()").fetchone() == (
                    postgresql.info.dbname,
                )
        """
    )
    admin = f"--oneroof-admin-url={users_server}"
    result = run_on(clone_url, admin, "-k", "stays or own_connection")
    result.assert_outcomes(passed=2)


def test_refuses_hot_standby(
    run_on: Callable[..., pytest.RunResult],
    clone_url: str,
    users_server: str,
    standby: Callable[[], str],
) -> None:
    """A clone on a hot standby is refused: nothing can be written there."""
    url = clone_url.replace(
        quote(parse(users_server)["host"], safe=""), quote(standby(), safe="")
    )
    refused(run_on(url), "[standby] the server is a hot standby (in recovery)")
