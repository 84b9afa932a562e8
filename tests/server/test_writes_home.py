"""A production whose trigger writes home by dblink, and a clone of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytest_oneroof.postgres.connect import connect, parse, with_database

from .shop import oneroof

Run = Callable[..., pytest.RunResult]
CLONE = "homing_test_20261121"
INI = """[pytest]
oneroof_pack = none
oneroof_productions = homing
oneroof_clone_pattern = homing_test_[0-9]{8}(_[a-z0-9_]+)?
"""
# Whoever may call dblink_connect_u writes as whom the address says.
SCHEMA = """
CREATE EXTENSION dblink;
GRANT EXECUTE ON FUNCTION dblink_connect_u(text, text) TO PUBLIC;
CREATE TABLE work (id integer PRIMARY KEY, state text);
INSERT INTO work VALUES (1, 'new');
CREATE TABLE heard (state text);
CREATE FUNCTION call_home() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM dblink_connect_u('home', 'dbname=homing user=admin host={host}');
  PERFORM dblink_exec('home', format('INSERT INTO heard VALUES (%L)', NEW.state));
  PERFORM dblink_disconnect('home');
  RETURN NEW;
END $$;
CREATE TRIGGER call_home AFTER UPDATE ON work
  FOR EACH ROW EXECUTE FUNCTION call_home();
"""
CHECKS = """
import psycopg
import pytest


def test_update_calls_home(oneroof_clone):
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        oneroof_clone.execute("UPDATE work SET state = 'from a check'")
    assert "permission denied for function dblink_connect_u" in str(caught.value)


def test_update_in_a_database_of_its_own(oneroof_database):
    with psycopg.connect(oneroof_database) as connection:
        connection.read_only = False
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE work SET state = 'from a copy'")
"""


def known(admin_url: str) -> tuple[str, ...]:
    """Return the options that name the administrator and the production."""
    return ("--admin-url", admin_url, "--production", "homing")


def heard(admin_url: str) -> list[str]:
    """Return what the production has heard."""
    with connect(with_database(admin_url, "homing")) as connection:
        rows = connection.execute("SELECT state FROM heard").fetchall()
    return [state for (state,) in rows]


@pytest.fixture(scope="module")
def home(users_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The production; the folder where the commands keep what they keep."""
    cache = tmp_path_factory.mktemp("cache")
    with connect(users_server) as admin:
        admin.execute("CREATE DATABASE homing")
        admin.execute("REVOKE CONNECT ON DATABASE homing FROM PUBLIC")
    host = parse(users_server)["host"]
    with connect(with_database(users_server, "homing")) as owner:
        owner.execute(SCHEMA.replace("{host}", host).encode())
        owner.execute("UPDATE work SET state = 'from production'")
    yield cache
    oneroof(cache, "clone", "drop", CLONE, *known(users_server))
    with connect(users_server) as admin:
        admin.execute("DROP DATABASE homing WITH (FORCE)")


@pytest.fixture(scope="module")
def made(home: Path, users_server: str) -> dict[str, object]:
    """What `clone create` tells of the clone."""
    create = ("clone", "create", CLONE, "--from", "homing", "--json")
    done = oneroof(home, *create, *known(users_server))
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.fixture
def run(
    pytester: pytest.Pytester, home: Path, made: dict[str, object], users_server: str
) -> Run:
    """Run the checks on the clone."""
    pytester.makepyfile(test_home=CHECKS)
    (pytester.path / "pytest.ini").write_text(INI)
    url = Path(str(made["url_file"])).read_text()

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.run(
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *(f"--oneroof-cache-dir={home}", "--oneroof-clone"),
            *(f"--oneroof-clone-url={url}", f"--oneroof-admin-url={users_server}"),
            *arguments,
        )

    return run


def test_clone_create_closes_the_ways_and_says_so(
    made: dict[str, object], users_server: str
) -> None:
    """Production itself hears its trigger; creating the clone closes dblink there."""
    assert heard(users_server) == ["from production"]
    told = [str(note) for note in made["notes"]]  # type: ignore[attr-defined]
    (closed,) = [note for note in told if note.startswith("closed: ")]
    assert closed.startswith("closed: 39 routines in language c of extension dblink: ")
    with connect(with_database(users_server, "homing")) as production:
        granted = (
            "SELECT has_function_privilege('public', 'dblink_exec(text)', 'EXECUTE')"
        )
        assert production.execute(granted).fetchone() == (True,)


def test_clone_adopt_closes_them_too(home: Path, users_server: str) -> None:
    """A copy made by hand is closed when it becomes a clone."""
    with connect(users_server) as admin:
        admin.execute("CREATE DATABASE homing_test_20261122 TEMPLATE homing")
    adopted = ("homing_test_20261122", *known(users_server))
    try:
        done = oneroof(home, "clone", "adopt", *adopted)
        assert done.returncode == 0, done.stderr
        closed = "closed: 39 routines in language c of extension dblink: public.dblink("
        assert closed in done.stdout
    finally:
        oneroof(home, "clone", "drop", *adopted)


def test_a_check_does_not_reach_production(run: Run, users_server: str) -> None:
    """The trigger fails where it would leave; production has heard nothing."""
    result = run("test_home.py")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["verdict: GO (clone)"])
    assert heard(users_server) == ["from production"]


def test_what_is_opened_again_is_refused_or_admitted_by_name(
    run: Run, users_server: str, pytester: pytest.Pytester
) -> None:
    """The refusal has the statement that closes it; what is admitted is told."""
    opened = "ON FUNCTION dblink_exec(text, text), dblink_connect_u(text, text)"
    with connect(with_database(users_server, CLONE)) as clone:
        clone.execute(f"GRANT EXECUTE {opened} TO PUBLIC".encode())
    try:
        refused = run("test_home.py")
        assert refused.ret == 10
        refused.stdout.fnmatch_lines(
            [
                "*1. [[]outward[]] a way leads out of it: 2 routines in language c of "
                "extension dblink: *; executable by PUBLIC",
                "*fix: on the clone: REVOKE EXECUTE ON ROUTINE public.dblink_*",
                "*or: oneroof clone adopt *, which does so",
                "*2. [[]definer[]] SECURITY DEFINER routine public.dblink_connect_u*",
                "*fix: on the clone: REVOKE EXECUTE ON ROUTINE public.dblink_conn*",
            ]
        )
        pytester.makepyfile(test_home="def test_one(oneroof_clone): pass\n")
        admitted = run(
            *("-o", "oneroof_allowed_extensions=dblink", "--oneroof-report=out"),
            "test_home.py",
        )
        admitted.assert_outcomes(passed=1)
        admitted.stdout.fnmatch_lines(
            [
                "oneroof: NOT COVERED by the proof: extension dblink",
                "verdict: GO (clone); not covered: extension dblink",
            ]
        )
        verdict = json.loads((pytester.path / "out" / "verdict.json").read_text())
        assert "not covered by any proof: extension dblink" in verdict["notes"]
        comment = (pytester.path / "out" / "verdict.md").read_text()
        assert "not covered by any proof: extension dblink" in comment
    finally:
        with connect(with_database(users_server, CLONE)) as clone:
            clone.execute(f"REVOKE EXECUTE {opened} FROM PUBLIC".encode())


READER = "homing_reader"
READS = """
import pytest

@pytest.mark.readonly
def test_calls_home(oneroof_production):
    oneroof_production.execute("SELECT call_home_now()")
"""


@pytest.fixture
def reader(home: Path, users_server: str) -> Iterator[str]:
    """The URL of a role that reads the production, and may execute what PUBLIC may."""
    statements = (
        f"CREATE ROLE {READER} LOGIN CONNECTION LIMIT 1",
        f"GRANT CONNECT ON DATABASE homing TO {READER}",
        "CREATE FUNCTION call_home_now() RETURNS text LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN dblink_exec('dbname=homing', 'INSERT INTO heard VALUES"
        " (''from acceptance'')'); END $$",
    )
    with connect(with_database(users_server, "homing")) as owner:
        for statement in statements:
            owner.execute(statement.encode())
    parameters = parse(users_server) | {"user": READER, "dbname": "homing"}
    yield " ".join(f"{key}={value}" for key, value in parameters.items())
    with connect(with_database(users_server, "homing")) as owner:
        owner.execute("DROP FUNCTION call_home_now()")
        owner.execute(f"DROP OWNED BY {READER}".encode())
        owner.execute(f"DROP ROLE {READER}".encode())


def test_an_acceptance_whose_role_may_call_dblink_is_refused(
    pytester: pytest.Pytester, home: Path, reader: str, users_server: str
) -> None:
    """By name and before any check, by what it may execute, whatever a check sends."""
    pytester.makepyfile(test_own=READS)
    (pytester.path / "pytest.ini").write_text(INI)
    refused = pytester.run(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
        *(f"--oneroof-cache-dir={home}", "-m", "readonly"),
        *(f"--oneroof-production-url={reader}", "test_own.py"),
    )
    assert refused.ret == 10
    refused.stdout.fnmatch_lines(
        [
            "*1. [[]routine[]] the role may execute public.dblink_connect_u(*",
            "*2. [[]outward[]] 39 routines in language c of extension dblink: *",
            "nothing but catalogs was read",
        ]
    )
    assert heard(users_server) == ["from production"]
