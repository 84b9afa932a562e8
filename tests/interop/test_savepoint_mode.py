"""Isolation 'savepoint': what psycopg's own commits become inside one transaction."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

TESTS = """
import asyncio

import psycopg
import pytest

from pytest_oneroof.errors import StatementRefused

savepoint = pytest.mark.oneroof(isolation="savepoint")
ADD = "INSERT INTO mode_row VALUES (%s)"


@pytest.fixture
def table(oneroof_clone):
    oneroof_clone.execute("CREATE TABLE mode_row (i int UNIQUE)")
    if oneroof_clone.ward.savepoints:
        oneroof_clone.commit()
    return oneroof_clone


def rows(connection):
    found = connection.execute("SELECT i FROM mode_row ORDER BY i").fetchall()
    return [i for (i,) in found]


@savepoint
def test_autocommit_is_on_and_off(table):
    table.autocommit = True
    assert table.autocommit
    table.execute(ADD, [1])
    table.autocommit = False
    table.execute(ADD, [2])
    table.rollback()
    assert rows(table) == [1]


@savepoint
def test_autocommit_of_failing_statements(table):
    table.autocommit = True
    for i in (1, 1, 2, 2, 3):
        try:
            table.execute(ADD, [i])
        except psycopg.errors.UniqueViolation:
            pass
    assert rows(table) == [1, 2, 3]


@savepoint
def test_autocommit_waits_for_the_end_of_work(table):
    table.execute(ADD, [1])
    with pytest.raises(
        psycopg.ProgrammingError,
        match="can't change 'autocommit' now: connection in transaction status INTRANS",
    ):
        table.autocommit = True
    table.rollback()
    table.autocommit = True


@savepoint
def test_block_within_work_commits_nothing(table):
    table.execute(ADD, [1])
    with table.transaction():
        table.execute(ADD, [2])
    table.rollback()
    assert rows(table) == []


@savepoint
def test_outermost_blocks_commit(table):
    with table.transaction():
        table.execute(ADD, [1])
        with pytest.raises(ZeroDivisionError), table.transaction():
            table.execute(ADD, [2])
            1 / 0
        with table.transaction():
            table.execute(ADD, [3])
    table.rollback()
    with table.transaction(force_rollback=True):
        table.execute(ADD, [4])
    table.rollback()
    assert rows(table) == [1, 3]


@savepoint
def test_nothing_else_is_taken(table):
    refused = {"isolation_level": 3, "read_only": True, "deferrable": True}
    for name, value in refused.items():
        with pytest.raises(StatementRefused, match='isolation="database"'):
            setattr(table, name, value)
    table.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    table.isolation_level = table.read_only = table.deferrable = None
    assert table.isolation_level is None


def test_refused_in_isolation_rollback(table):
    with pytest.raises(StatementRefused, match="autocommit is refused"):
        table.autocommit = True
    table.autocommit = False


@savepoint
def test_asyncio(oneroof_clone_async):
    async def run(connection):
        await connection.execute("CREATE TABLE mode_row (i int UNIQUE)")
        await connection.commit()
        await connection.set_autocommit(True)
        await connection.execute(ADD, [1])
        with pytest.raises(psycopg.errors.UniqueViolation):
            await connection.execute(ADD, [1])
        await connection.set_autocommit(False)
        async with connection.transaction():
            await connection.execute(ADD, [2])
        await connection.rollback()
        with pytest.raises(StatementRefused):
            await connection.set_isolation_level(psycopg.IsolationLevel.SERIALIZABLE)
        found = await connection.execute("SELECT i FROM mode_row ORDER BY i")
        return await found.fetchall()

    assert asyncio.run(run(oneroof_clone_async)) == [(1,), (2,)]
"""
COUNT = 8


def test_modes(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """Commits that psycopg makes by itself stay; all of them are undone at the end."""
    pytester.makepyfile(test_modes=TESTS)
    result = run_oneroof("--oneroof-clone", "test_modes.py")
    result.assert_outcomes(passed=COUNT)
    result.stdout.fnmatch_lines([f"proof * {COUNT} clean of {COUNT} checks; *"])


PROJECT = Path(__file__).parents[1] / "examples" / "savepoint_project"


def test_a_connection_that_commits(
    pytester: pytest.Pytester, run_oneroof: Callable[..., pytest.RunResult]
) -> None:
    """Code that commits finds what it would find on a connection of its own."""
    shutil.copytree(PROJECT, pytester.path, dirs_exist_ok=True)
    result = run_oneroof("--oneroof-clone", ".")
    passed = result.parseoutcomes()["passed"]
    result.assert_outcomes(passed=passed)
    assert passed >= 80
    result.stdout.fnmatch_lines([f"proof * {passed} clean of {passed} checks; *"])
