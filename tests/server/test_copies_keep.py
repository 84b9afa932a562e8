"""What every copy of a database keeps, by whichever way it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_oneroof.clone import lifecycle
from pytest_oneroof.clone.copying import create_copy
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.settings import parse_setting
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.proofs import COPY, THROWAWAY
from pytest_oneroof.ownership.records import Records
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.postgres.connect import connect

from .shop import oneroof

NAME, OTHER = "keep_test_20270102", "keep_test_20270103"
PATTERN = "keep_test_[0-9]{8}(_[a-z0-9_]+)?"
# Of each kind of stored text: a list, an empty list, a name in quotes, a text with
# each character that has to be quoted, one that ends our own sessions soon.
SETTINGS = r"""
CREATE ROLE "Keep App";
ALTER DATABASE keep SET search_path = "$user", "Sales, old", public;
ALTER DATABASE keep SET timezone = 'Europe/Zurich';
ALTER DATABASE keep SET app.tenant = E'it''s a "b" \\ c';
ALTER DATABASE keep SET statement_timeout = '1ms';
ALTER DATABASE keep SET default_transaction_isolation = 'serializable';
ALTER DATABASE keep SET default_transaction_read_only = on;
ALTER ROLE "Keep App" IN DATABASE keep SET search_path = '';
ALTER ROLE "Keep App" IN DATABASE keep SET app.mode = 'quiet';
"""
STORED = """
SELECT COALESCE(r.rolname, ''), unnest(s.setconfig)
  FROM pg_db_role_setting AS s
  JOIN pg_database AS d ON d.oid = s.setdatabase AND d.datname = %s
  LEFT JOIN pg_roles AS r ON r.oid = s.setrole
"""
# What a clone decides by itself.
OWN = ("default_transaction_read_only=on",)


def stored(url: str, database: str) -> set[tuple[str, str]]:
    """Return the settings of a database that no clone decides by itself."""
    with connect(url) as admin:
        rows = admin.execute(STORED, [database]).fetchall()
    return {(role, text) for role, text in rows if text not in OWN}


@pytest.fixture(scope="module")
def kept(users_server: str) -> Iterator[str]:
    """A database with settings of its own; the administrator's URL."""
    with connect(users_server) as admin:
        admin.execute("CREATE DATABASE keep")
        for statement in SETTINGS.split(";\n"):
            admin.execute(statement.encode())
    yield users_server
    with connect(users_server) as admin:
        query = "SELECT datname FROM pg_database WHERE datname LIKE 'keep%'"
        for (name,) in admin.execute(query).fetchall():
            admin.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false'.encode())
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
        admin.execute('DROP ROLE "Keep App"')


@pytest.mark.parametrize("by", ["template", "dump"])
def test_settings_are_kept_by_every_way_of_copying(
    kept: str, tmp_path: Path, by: str
) -> None:
    """Clone, source, worker's and throw-away copy, reset and restore: all as before."""
    expected = stored(kept, "keep")
    assert len(expected) == 7

    def run(*arguments: str) -> str:
        known = ("--admin-url", kept, "--production", "keep")
        done = oneroof(tmp_path, "clone", *arguments, *known)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "not kept" not in run("create", NAME, "--from", "keep", "--by", by)
    assert stored(kept, NAME) == expected
    rules = Rules(PATTERN, parse_productions(("keep",)))
    with closing(Host(kept, Records(tmp_path / "databases"), rules)) as host:
        with host.making():
            source = lifecycle.ensure_source(host, host.ours(NAME))
        for kind in (COPY, THROWAWAY):
            copy = create_copy(host, source, f"{NAME}_{kind}", kind)
            assert stored(kept, copy.name) == expected
            lifecycle.drop(host, copy)
    run("reset", NAME)
    assert stored(kept, NAME) == expected
    snapshot = str(tmp_path / "kept.dump")
    run("snapshot", NAME, snapshot)
    run("restore", snapshot, OTHER)
    assert stored(kept, OTHER) == expected
    run("drop", NAME)
    run("drop", OTHER)


def test_a_setting_that_cannot_be_kept_is_told(kept: str, tmp_path: Path) -> None:
    """The clone is made all the same, and says which of production's it has not."""
    with connect(kept) as admin:
        admin.execute("ALTER DATABASE keep SET app.gone = 'x'")
        # As by a newer server, or a library that is not here any more.
        admin.execute(
            "UPDATE pg_db_role_setting SET setconfig = setconfig || '{no_such=1}'"
            " WHERE setrole = 0 AND setdatabase ="
            " (SELECT oid FROM pg_database WHERE datname = 'keep')"
        )
    known = ("--admin-url", kept, "--production", "keep")
    done = oneroof(tmp_path, "clone", "create", NAME, "--from", "keep", *known)
    assert done.returncode == 0, done.stderr
    told = "not kept: setting 'no_such': unrecognized configuration parameter"
    assert told in done.stdout
    assert ("", "app.gone=x") in stored(kept, NAME)
    oneroof(tmp_path, "clone", "drop", NAME, *known)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("work_mem=4MB", "'4MB'"),
        ("app.tenant=", "''"),
        ('search_path=""', "''"),
        ('search_path="$user", public', "'$user', 'public'"),
        ('search_path="a, ""b"""', "'a, \"b\"'"),
        ("app.list=a, b", "'a, b'"),
        ("app.equals=a=b", "'a=b'"),
    ],
)
def test_a_stored_setting_is_read_as_it_is_written(text: str, words: str) -> None:
    """Lists of names are taken apart, other texts are not."""
    setting = parse_setting("", text)
    assert setting.value.as_string() == words
