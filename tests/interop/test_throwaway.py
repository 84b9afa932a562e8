"""Throw-away databases: one for each test, kept on request where it failed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pytest_oneroof.clone import lifecycle, standin
from pytest_oneroof.clone.host import Host
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer

Run = Callable[..., pytest.RunResult]
TESTS = """
import threading

import psycopg
import pytest

LAW = "INSERT INTO law_catalog (law_code) VALUES ('MINE')"
COUNT = "SELECT count(*) FROM law_catalog"

def test_passes(oneroof_database):
    def commit():
        with psycopg.connect(oneroof_database) as own:
            own.execute(LAW)

    thread = threading.Thread(target=commit)
    thread.start()
    thread.join()
    with psycopg.connect(oneroof_database) as other:
        assert other.execute(COUNT).fetchone() == (6,)

@pytest.mark.oneroof(isolation="database")
def test_fails(oneroof_clone):
    oneroof_clone.execute(LAW)
    oneroof_clone.commit()
    assert oneroof_clone.execute(COUNT).fetchone() == (5,)

def test_begins_anew(oneroof_database):
    with psycopg.connect(oneroof_database) as own:
        assert own.execute(COUNT).fetchone() == (5,)
        own.execute(LAW)

def test_clone_is_as_ever(oneroof_clone):
    assert oneroof_clone.execute(COUNT).fetchone() == (5,)
"""


@pytest.fixture
def host(embedded: EmbeddedServer) -> Iterator[Host]:
    """The embedded server; what these tests keep is dropped afterwards."""
    with closing(standin.host_of(embedded, bundled())) as host:
        yield host
        for found in kept(host):
            lifecycle.drop(host, host.ours(found))


def kept(host: Host) -> list[str]:
    """Return the names of kept databases."""
    return [f.name for f in host.all_ours() if f.marker.kind == "kept"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "-n 2"])
def test_dropped(
    pytester: pytest.Pytester, run_oneroof: Run, host: Host, workers: tuple[str, ...]
) -> None:
    """Each test has a database of its own, none of which is left."""
    pytester.makepyfile(test_own=TESTS)
    result = run_oneroof("--oneroof-clone", "test_own.py", *workers)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["proof * 4 clean of 4 checks; *"])
    assert "kept " not in result.stdout.str()
    assert kept(host) == []


def test_kept_where_it_failed(
    pytester: pytest.Pytester, run_oneroof: Run, host: Host
) -> None:
    """Of a failed test it is kept as it is, with the line that opens it in psql."""
    pytester.makepyfile(test_own=TESTS)
    result = run_oneroof("--oneroof-clone", "--oneroof-keep-failed", "test_own.py")
    result.assert_outcomes(passed=3, failed=1)
    (name,) = kept(host)
    found = re.search(r'^kept (\w+): psql "\$\(cat (.+)\)"$', result.stdout.str(), re.M)
    assert found, result.stdout.str()
    assert found[1] == name
    with connect(Path(found[2]).read_text()) as session:
        row = session.execute("SELECT count(*) FROM law_catalog").fetchone()
    assert row == (6,)
    again = run_oneroof("--oneroof-clone", "test_own.py", "-k", "anew")
    again.assert_outcomes(passed=1, deselected=3)
    assert kept(host) == [name]


LEAVING = """
import psycopg

OPENED = []

def test_prepares(oneroof_database):
    with psycopg.connect(oneroof_database) as own:
        own.execute("INSERT INTO law_catalog (law_code) VALUES ('MINE')")
        own.execute("PREPARE TRANSACTION 'left_behind'")

def test_leaves_a_session(oneroof_database):
    OPENED.append(psycopg.connect(oneroof_database))
    OPENED[0].execute("SELECT 1")

def test_sees_it_ended(oneroof_database):
    try:
        OPENED[0].execute("SELECT 1")
    except psycopg.OperationalError:
        return
    raise AssertionError("the session outlived its database")
"""


def test_what_would_outlive_it_is_told(
    pytester: pytest.Pytester, run_oneroof: Run, host: Host
) -> None:
    """A prepared transaction, which blocks the drop, is removed and told by name."""
    pytester.makepyfile(test_leaving=LEAVING)
    result = run_oneroof("--oneroof-clone", "test_leaving.py")
    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_prepares*",
            "*left behind: prepared transaction left_behind: before absent, after *",
            "proof * 2 clean, 1 dirty of 3 checks; *",
        ]
    )
    assert not [f for f in host.all_ours() if f.marker.kind == "throwaway"]


def test_one_that_stays_spoils_no_other_check(
    pytester: pytest.Pytester, run_oneroof: Run, host: Host
) -> None:
    """Where one cannot be dropped the check says why, and the next one begins."""
    pytester.makepyfile(
        test_stays=f"""
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        KEPT = []

        def test_entered_by_others(oneroof_database):
            name = conninfo_to_dict(oneroof_database)["dbname"]
            KEPT.append(psycopg.connect('{host.url("postgres")}', dbname=name))

        def test_next(oneroof_clone):
            assert oneroof_clone.execute("SELECT 1").fetchone() == (1,)
        """
    )
    result = run_oneroof("--oneroof-clone", "test_stays.py")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_entered_by_others*",
            "*CloneError: cannot drop '*_db':*",
            "*session * of postgres: SELECT pg_terminate_backend(*)*",
        ]
    )
    swept = run_oneroof("--oneroof-clone", "test_stays.py", "-k", "next")
    swept.assert_outcomes(passed=1, deselected=1)
    # By this run, or by another on the same server that was quicker.
    (left,) = set(re.findall(r"cannot drop '(\w+_db)'", result.stdout.str()))
    assert host.find(left) is None
