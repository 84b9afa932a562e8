"""The application's roles on a clone: what they may, and what nobody may by them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from pytest_oneroof.fingerprint.compare import compare, read_schema
from pytest_oneroof.postgres.connect import connect, parse, with_database

from .shop import oneroof

NAME = "roles_test_20270102"
INI = """
[pytest]
oneroof_productions = roles
oneroof_clone_pattern = roles_test_[0-9]{8}(_[a-z0-9_]+)?
oneroof_pack = none
"""
# A role with a name in need of quotes, a group that it is a member of, an owner, a
# reader by columns, and one that has nothing here.
ROLES = ('"Web""s App"', "web_group", "web_owner", "web_reader", "web_nobody")
SCHEMA = r"""
GRANT web_group TO "Web""s App";
GRANT pg_read_all_data TO web_reader;
ALTER ROLE "Web""s App" LOGIN PASSWORD 'production';
SET ROLE web_owner;
CREATE SCHEMA web;
CREATE TABLE web.note (id int PRIMARY KEY, tenant int, body text);
INSERT INTO web.note SELECT i, i % 2, 'n' || i FROM generate_series(1, 10) AS i;
ALTER TABLE web.note ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_only ON web.note TO "Web""s App"
  USING (tenant = current_setting('app.tenant')::int);
CREATE POLICY readers ON web.note FOR SELECT TO web_reader USING (true);
CREATE TABLE web.log (id int, secret text);
CREATE FUNCTION web.hidden() RETURNS int LANGUAGE sql AS 'SELECT 7';
REVOKE EXECUTE ON FUNCTION web.hidden() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION web.hidden() TO web_group;
GRANT USAGE ON SCHEMA web TO web_group, web_reader;
GRANT SELECT, INSERT, UPDATE ON web.note TO "Web""s App" WITH GRANT OPTION;
GRANT SELECT (id, body), UPDATE (body) ON web.note TO web_reader;
GRANT SELECT (id) ON web.log TO web_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA web GRANT SELECT ON TABLES TO web_reader;
RESET ROLE;
"""
CHECKS = '''
import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

APP = 'Web"s App'
COUNT = "SELECT count(*) FROM web.note"


def one(connection, query):
    return connection.execute(query).fetchone()[0]


@pytest.mark.parametrize(
    "statement",
    [
        """SET LOCAL ROLE "Web""s App" """,
        """SET ROLE "Web""s App"; SELECT 1""",
        """SET SESSION ROLE 'Web"s App'""",
        """SET role TO 'Web"s App'""",
        """SELECT set_config('role', 'Web"s App', true)""",
        sql.SQL("SET ROLE {}").format(sql.Identifier(APP)),
        sql.SQL("/* as */ SET LOCAL ROLE {} -- it").format(sql.Identifier(APP)),
    ],
)
def test_row_security_as_the_application(oneroof_clone, statement):
    assert one(oneroof_clone, COUNT) == 10
    oneroof_clone.execute("SET LOCAL app.tenant = '1'")
    oneroof_clone.execute(statement)
    assert one(oneroof_clone, COUNT) == 5
    assert one(oneroof_clone, "SELECT web.hidden()") == 7
    with pytest.raises(InsufficientPrivilege), oneroof_clone.transaction():
        oneroof_clone.execute("DELETE FROM web.note")
    oneroof_clone.execute("CREATE TEMPORARY TABLE mine AS SELECT 1")
    oneroof_clone.execute("SET CONSTRAINTS ALL IMMEDIATE")
    oneroof_clone.execute("GRANT SELECT ON web.note TO PUBLIC")
    oneroof_clone.execute("RESET ROLE")
    assert one(oneroof_clone, COUNT) == 10


def test_as_before_again(oneroof_clone):
    assert one(oneroof_clone, "SELECT current_user = session_user")
    assert one(oneroof_clone, COUNT) == 10


@pytest.mark.oneroof(role=APP)
def test_marked(oneroof_clone):
    oneroof_clone.execute("SET LOCAL app.tenant = '1'")
    assert one(oneroof_clone, COUNT) == 5


@pytest.mark.oneroof(role=APP, isolation="savepoint")
def test_marked_with_commits(oneroof_clone):
    for _ in range(2):
        oneroof_clone.execute("SET LOCAL app.tenant = '1'")
        assert one(oneroof_clone, COUNT) == 5
        oneroof_clone.commit()
        oneroof_clone.rollback()


@pytest.mark.oneroof(role=APP)
def test_marked_throw_away(oneroof_database):
    with psycopg.connect(oneroof_database) as connection:
        connection.execute("SET app.tenant = '1'")
        assert one(connection, COUNT) == 5
        connection.execute("INSERT INTO web.note VALUES (99, 1)")


@pytest.mark.oneroof(role="web_reader")
def test_columns(oneroof_clone):
    assert oneroof_clone.execute("SELECT id, body FROM web.note").fetchall()
    for refused in ("SELECT tenant FROM web.note", "SELECT secret FROM web.log"):
        with pytest.raises(InsufficientPrivilege), oneroof_clone.transaction():
            oneroof_clone.execute(refused)


@pytest.mark.oneroof(role="web_owner")
def test_owner(oneroof_clone):
    oneroof_clone.execute("ALTER TABLE web.log ADD more int")
    oneroof_clone.execute("CREATE TABLE web.fresh (id int)")
    oneroof_clone.execute("SET ROLE web_reader")
    assert one(oneroof_clone, "SELECT count(*) FROM web.fresh") == 0


def test_by_name(oneroof_clone):
    query = "SELECT has_table_privilege('web_reader', 'web.fresh', 'SELECT')"
    with oneroof_clone.transaction(force_rollback=True):
        oneroof_clone.execute("SET LOCAL ROLE web_owner")
        oneroof_clone.execute("CREATE TABLE web.fresh (id int)")
        assert one(oneroof_clone, query)


def test_controls_stay_closed(oneroof_clone):
    for statement in (
        "SET ROLE web_nobody",
        "ALTER ROLE web_reader SET work_mem = '1MB'",
        """ALTER ROLE "Web""s App" PASSWORD 'mine'""",
        "GRANT web_reader TO CURRENT_USER",
    ):
        with pytest.raises(psycopg.Error), oneroof_clone.transaction():
            oneroof_clone.execute("""SET LOCAL ROLE "Web""s App" """)
            assert oneroof_clone.execute(statement).fetchall() == [("never",)]
'''
UNKNOWN = """
import pytest


@pytest.mark.oneroof(role="web_nobody")
def test_none(oneroof_clone):
    pass
"""


@dataclass(frozen=True)
class Web:
    """The administrator's URL, the clone's, the cache of its files; its stand-ins."""

    admin: str
    clone: str
    cache: Path
    stand_ins: str


@pytest.fixture(scope="module")
def web(users_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A database with roles of its own, a session of its application, and a clone."""
    cache = tmp_path_factory.mktemp("cache")
    known = ("--admin-url", users_server, "--production", "roles")
    with connect(users_server) as admin:
        for role in ROLES:
            admin.execute(f"CREATE ROLE {role}".encode())
        admin.execute("CREATE DATABASE roles OWNER web_owner")
        admin.execute("REVOKE CONNECT ON DATABASE roles FROM PUBLIC")
    with closing(connect(with_database(users_server, "roles"))) as owner:
        owner.execute(SCHEMA.encode())
    made = oneroof(cache, "clone", "create", NAME, "--from", "roles", *known)
    assert made.returncode == 0, made.stderr
    (file,) = (cache / "urls").glob(f"*-{NAME}")
    # Other tests' clones have stand-ins on the server too.
    nonce = str(parse(file.read_text())["user"]).removeprefix("oneroof_check_")
    yield Web(users_server, file.read_text(), cache, f"^oneroof_app_{nonce}")
    dropped = oneroof(cache, "clone", "drop", NAME, *known)
    assert dropped.returncode == 0, dropped.stderr
    with connect(users_server) as admin:
        admin.execute("DROP DATABASE roles WITH (FORCE)")
        left = "SELECT rolname FROM pg_roles WHERE rolname ~ %s"
        before = admin.execute(left, [f"^oneroof_apps?_{nonce}"]).fetchall()
        for role in ROLES:
            admin.execute(f"DROP ROLE {role}".encode())
    assert before == []


def run(web: Web, pytester: pytest.Pytester, checks: str) -> pytest.RunResult:
    """Run checks on the clone."""
    pytester.makepyfile(test_web=checks)
    (pytester.path / "pytest.ini").write_text(INI)
    return pytester.run(
        *(sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"),
        *("--oneroof-clone", f"--oneroof-clone-url={web.clone}"),
        f"--oneroof-admin-url={web.admin}",
        f"--oneroof-cache-dir={web.cache}",
        "test_web.py",
    )


def test_checks_act_as_the_application(web: Web, pytester: pytest.Pytester) -> None:
    """By SET ROLE and by marker, in each isolation; proved, and nothing else opened."""
    result = run(web, pytester, CHECKS)
    result.assert_outcomes(passed=15)
    result.stdout.fnmatch_lines(["verdict: GO (clone)"])


def test_a_role_that_has_nothing_is_named(web: Web, pytester: pytest.Pytester) -> None:
    """It says which roles the clone has."""
    result = run(web, pytester, UNKNOWN)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"*the clone '{NAME}' has no role 'web_nobody' to act as, it has: "
            "'Web\"s App', 'web_group', 'web_owner', 'web_reader'"
        ]
    )


def test_a_clone_has_the_grants_of_its_source(web: Web) -> None:
    """Grants and policies are production's; stand-ins are no part of a schema."""
    with (
        connect(with_database(web.admin, "roles")) as source,
        connect(with_database(web.admin, NAME)) as clone,
    ):
        assert compare(read_schema(source), read_schema(clone)) == ()


def test_a_stand_in_has_no_power(web: Web) -> None:
    """It has no login, owns nothing, and is no member of what is not the clone's."""
    with connect(web.admin) as admin:
        rows = admin.execute(
            "SELECT r.rolcanlogin OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb"
            "       OR r.rolbypassrls OR r.rolreplication,"
            "       ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members AS m"
            "              WHERE m.member = r.oid AND m.roleid::regrole::text"
            "                    !~ '^oneroof_(app|owner)_')"
            "  FROM pg_roles AS r WHERE r.rolname ~ %s",
            [web.stand_ins],
        ).fetchall()
        assert rows == [(False, [])] * 4


def test_production_is_out_of_reach_of_a_stand_in(web: Web) -> None:
    """Not even past the guard can it end sessions of the role, or change that."""
    application = web.admin.replace("admin@", "Web%22s%20App@")
    with connect(application) as session, connect(web.clone) as check:
        check.execute("SET default_transaction_read_only = off")
        query = "SELECT rolname FROM pg_roles WHERE rolname ~ %s"
        names = check.execute(query, [web.stand_ins]).fetchall()
        assert len(names) == 4
        for (name,) in names:
            check.execute(f'SET ROLE "{name}"'.encode())
            pid = session.info.backend_pid
            for refused in (
                f"SELECT pg_terminate_backend({pid})",
                """ALTER ROLE "Web""s App" PASSWORD 'mine'""",
                """SET ROLE "Web""s App" """,
                "COMMENT ON DATABASE roles IS 'mine'",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    check.execute(refused.encode())
            check.execute("RESET ROLE")
        assert session.execute("SELECT 1").fetchone() == (1,)
