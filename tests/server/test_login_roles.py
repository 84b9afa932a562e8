"""Each copy that tests commit to has a login role of its own; roles are compared."""

from __future__ import annotations

import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.login import own_url
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.proofs import THROWAWAY
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.postgres.connect import connect, parse, with_database
from pytest_oneroof.postgres.scram import verifier

from .shop import oneroof

NAME = "login_test_20270102"
PATTERN = "login_test_[0-9]{8}(_[a-z0-9_]+)?"
INI = f"""
[pytest]
oneroof_productions = login
oneroof_clone_pattern = {PATTERN}
oneroof_pack = none
"""
CHECKS = """
import psycopg
import pytest

OWNER = "SELECT rolname FROM pg_roles WHERE rolname ~ '^oneroof_owner_'" \\
    " AND pg_has_role(oid, 'MEMBER')"


def left(url, *statements, **other):
    other["client_encoding"] = "utf8"
    with psycopg.connect(url, autocommit=True, **other) as connection:
        owner = connection.execute(OWNER).fetchone()[0]
        for statement in statements:
            connection.execute(statement.replace("OWNER", owner))


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE CURRENT_USER SET search_path = zz_nowhere",
        "ALTER ROLE CURRENT_USER PASSWORD 'zz_new'",
        "SET ROLE OWNER; ALTER ROLE OWNER SET search_path = zz_nowhere",
        "SET ROLE OWNER; ALTER ROLE OWNER PASSWORD 'zz_new'",
    ],
    ids=["settings", "password", "owner_settings", "owner_password"],
)
def test_leaves(oneroof_database, statement):
    left(oneroof_database, *statement.split("; "))


def test_leaves_elsewhere(oneroof_database):
    left(oneroof_database, "SELECT lo_create(0)", dbname="postgres")


def test_after_them(oneroof_clone, oneroof_database):
    assert oneroof_clone.execute("SHOW search_path").fetchone()[0] != "zz_nowhere"
    with psycopg.connect(oneroof_database) as connection:
        assert connection.execute("SHOW search_path").fetchone()[0] != "zz_nowhere"
        connection.execute(OWNER)
"""


@dataclass(frozen=True)
class Login:
    """The administrator's URL, the clone's, and the cache of its files."""

    admin: str
    clone: str
    cache: Path

    def command(self, *arguments: str) -> str:
        """Run a command on the clone; return what it says."""
        known = ("--admin-url", self.admin, "--production", "login")
        done = oneroof(self.cache, "clone", *arguments, *known)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def login(
    users_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Login]:
    """A clone of a small database; nothing of either stays."""
    cache = tmp_path_factory.mktemp("cache")
    made = Login(users_server, "", cache)
    with connect(users_server) as admin:
        admin.execute("CREATE DATABASE login")
        admin.execute("REVOKE CONNECT ON DATABASE login FROM PUBLIC")
    with closing(connect(with_database(users_server, "login"))) as owner:
        owner.execute("CREATE TABLE note (id int)")
    made.command("create", NAME, "--from", "login")
    (file,) = (cache / "urls").glob(f"*-{NAME}")
    yield Login(users_server, file.read_text(), cache)
    made.command("drop", NAME)
    with connect(users_server) as admin:
        admin.execute("DROP DATABASE login WITH (FORCE)")


def run(login: Login, pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run the checks on the clone."""
    pytester.makepyfile(test_roles=CHECKS)
    (pytester.path / "pytest.ini").write_text(INI)
    return pytester.run(
        *(sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"),
        *("--oneroof-clone", f"--oneroof-clone-url={login.clone}"),
        f"--oneroof-admin-url={login.admin}",
        f"--oneroof-cache-dir={login.cache}",
        *("test_roles.py", *options),
    )


def host_of(login: Login) -> Host:
    """Return the server's administrator, with the records of the commands."""
    rules = Rules(PATTERN, parse_productions(("login",)))
    return Host(login.admin, Records(login.cache / "databases"), rules)


def roles(url: str) -> set[str]:
    """Return the login roles of clones and copies."""
    with connect(url) as admin:
        query = "SELECT rolname FROM pg_roles WHERE rolname ~ '^oneroof_check_'"
        return {name for (name,) in admin.execute(query).fetchall()}


def test_who_changes_a_role_is_named_and_nobody_else(
    login: Login, pytester: pytest.Pytester
) -> None:
    """Each leaver is dirty by name; the next check and run are as before."""
    before = roles(login.admin)
    result = run(login, pytester)
    result.assert_outcomes(passed=6, errors=5)
    told = {
        "settings": "role oneroof_check_* settings: before none, after search_path=*",
        "password": "role oneroof_check_* password: before as given, after changed",
        "owner_settings": "role oneroof_owner_* settings: before none, after search_*",
        "owner_password": "role oneroof_owner_* password: before as given, after cha*",
    }
    for name, line in told.items():
        result.stdout.fnmatch_lines(
            [f"*test_leaves?{name}?: dirty", f"*left behind: {line}"]
        )
    result.stdout.fnmatch_lines(
        ["*test_leaves_elsewhere: dirty", "*not dropped: it owns something in another*"]
    )
    result = run(login, pytester, "-k", "after_them")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["verdict: GO (clone)"])
    (elsewhere,) = roles(login.admin) - before
    with connect(login.admin) as admin:
        admin.execute(f"DROP OWNED BY {elsewhere}".encode())
    assert elsewhere in login.command("gc")
    assert roles(login.admin) == before


def test_no_copy_reaches_another_ones_session(login: Login) -> None:
    """Two copies: neither role enters the other's, ends its session, or alters it."""
    with closing(host_of(login)) as host:
        template = host.ours(NAME)
        made = [
            create_copy(host, template, f"{NAME}_{name}", THROWAWAY) for name in "ab"
        ]
        urls = [own_url(host, found, login.clone) for found in made]
        names = [str(parse(url)["user"]) for url in urls]
        assert len({*names, template.marker.role}) == 3
        with connect(urls[0]) as one, connect(urls[1]) as other:
            pid = other.info.backend_pid
            for role in ("NONE", f'"{template.marker.owner}"'):
                one.execute(f"SET ROLE {role}".encode())
                for refused in (
                    f"SELECT pg_terminate_backend({pid})",
                    f"SELECT pg_cancel_backend({pid})",
                    f"ALTER ROLE {names[1]} PASSWORD 'mine'",
                    f"GRANT {names[1]} TO {names[0]}",
                    f"COMMENT ON ROLE {names[1]} IS 'mine'",
                ):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        one.execute(refused.encode())
            assert other.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(Exception, match="permission denied for database"):
            connect(with_database(urls[0], made[1].name))
        for found in made:
            lifecycle.drop(host, found)
        assert not roles(login.admin).intersection(names)


def test_reset_repairs_what_a_role_can_change_of_itself(login: Login) -> None:
    """Settings go, and the kept URL leads to the clone again."""
    with closing(host_of(login)) as host, host.making():
        lifecycle.ensure_source(host, host.ours(NAME))
    role = str(parse(login.clone)["user"])
    with connect(login.admin) as admin:
        admin.execute(f"ALTER ROLE {role} SET search_path = zz_nowhere".encode())
        admin.execute(f"ALTER ROLE {role} PASSWORD 'zz_new'".encode())
    login.command("reset", NAME)
    with connect(login.admin) as admin:
        query = "SELECT setconfig FROM pg_db_role_setting WHERE setrole = %s::regrole"
        rows = admin.execute(query, [role]).fetchall()
        kept = admin.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]
        ).fetchone()
    assert rows == [(["default_transaction_read_only=on"],)] * len(rows)
    assert kept is not None
    iterations, salt = kept[0].split("$")[1].split(":")
    password = str(parse(login.clone)["password"])
    salted = verifier(password, salt=b64decode(salt), iterations=int(iterations))
    assert kept[0] == salted
