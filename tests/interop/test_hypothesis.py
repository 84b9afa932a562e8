"""Hypothesis on the clone, as users write it: nothing need be suppressed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
HEAD = """
import asyncio
import functools

import pytest
from hypothesis import assume, given, settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
)

FEW = settings(max_examples=8, deadline=None, database=None)
LAW = "INSERT INTO law_catalog (law_code) VALUES (%s)"
CODES = st.text("abc", min_size=1, max_size=3)
FIRST = {}

def count(db):
    return db.execute("SELECT count(*) FROM law_catalog").fetchone()[0]
"""
# What pytest-asyncio and others do with a coroutine under @given.
ASYNC = """
import asyncio
import functools
import inspect

import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    handle = getattr(pyfuncitem.obj, "hypothesis", None)
    if handle is None or not inspect.iscoroutinefunction(handle.inner_test):
        return
    inner = handle.inner_test

    @functools.wraps(inner)
    def run(*args, **kwargs):
        asyncio.run(inner(*args, **kwargs))

    handle.inner_test = run
"""
GREEN = """
@FEW
@given(CODES)
def test_function(oneroof_clone, code):
    assert count(oneroof_clone) == 5
    oneroof_clone.execute(LAW, [code])

@pytest.mark.parametrize("base", ["x", "y"])
@FEW
@given(code=CODES)
def test_parametrised(oneroof_clone, base, code):
    assert count(oneroof_clone) == 5
    oneroof_clone.execute(LAW, [base + code])

class TestMethods:
    @FEW
    @given(code=CODES)
    def test_method(self, oneroof_target, code):
        assert count(oneroof_target) == 5
        oneroof_target.execute(LAW, [code])

@FEW
@given(CODES)
def test_rejected_after_a_draw(oneroof_clone, code):
    row = oneroof_clone.execute("SELECT nextval('system_issues_id_seq')").fetchone()
    assert row == FIRST.setdefault("row", row)
    assume(len(code) < 3)

@pytest.mark.oneroof(isolation="savepoint")
@FEW
@given(CODES)
def test_commits(oneroof_clone, code):
    assert count(oneroof_clone) == 5
    oneroof_clone.execute(LAW, [code])
    oneroof_clone.commit()

@FEW
@given(CODES)
async def test_coroutine(oneroof_clone_async, code):
    cursor = await oneroof_clone_async.execute("SELECT count(*) FROM law_catalog")
    assert await cursor.fetchone() == (5,)
    await oneroof_clone_async.execute(LAW, [code])

def test_nested_in_a_body(oneroof_clone):
    oneroof_clone.execute(LAW, ["mine"])

    @FEW
    @given(CODES)
    def example(code):
        with oneroof_clone.example():
            assert count(oneroof_clone) == 6
            oneroof_clone.execute(LAW, [code])

    example()

def test_state_machine(oneroof_clone):
    class Laws(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.laws = count(oneroof_clone)
            assert self.laws == 5

        @rule(code=CODES)
        def add(self, code):
            self.laws += 1
            oneroof_clone.execute(LAW, [code + str(self.laws)])

        @invariant()
        def counted(self):
            assert count(oneroof_clone) == self.laws

    run_state_machine_as_test(Laws, settings=FEW)

@FEW
@given(st.integers(0, 3))
def test_production(oneroof_production, number):
    query = "SELECT count(*) FROM dot_tools WHERE %s >= 0"
    assert oneroof_production.execute(query, [number]).fetchone() == (309,)
"""
CHECKS = 10


def test_every_kind_is_isolated(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """Whatever runs the examples, each begins as the check did."""
    pytester.makeconftest(ASYNC)
    pytester.makepyfile(HEAD + GREEN)
    result = run_oneroof("--oneroof-clone", "-v", "test_every_kind_is_isolated.py")
    result.assert_outcomes(passed=CHECKS)
    result.stdout.fnmatch_lines([f"proof * {CHECKS} clean of {CHECKS} checks; *"])


def test_without_isolation_examples_meet(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """The same tests fail where each example is not undone: the figures tell."""
    pytester.makeconftest(
        ASYNC + "\n"
        "import contextlib\n"
        "from pytest_oneroof.check.sandbox import Sandbox\n"
        "Sandbox.example = lambda self: contextlib.nullcontext()\n"
    )
    pytester.makepyfile(HEAD + GREEN)
    result = run_oneroof("--oneroof-clone", "test_without_isolation_examples_meet.py")
    result.assert_outcomes(passed=1, failed=CHECKS - 1)


def test_failing_example_shows_its_statements(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """A failing example shows the statements that it sent, of a machine too."""
    pytester.makepyfile(
        HEAD
        + """
@FEW
@given(CODES)
def test_fails(oneroof_clone, code):
    oneroof_clone.execute(LAW, [code])
    assert oneroof_clone.execute("SELECT 6 AS mine").fetchone() == (7,)

def test_machine(oneroof_clone):
    class Laws(RuleBasedStateMachine):
        @rule(code=CODES)
        def add(self, code):
            oneroof_clone.execute(LAW, [code])
            assert count(oneroof_clone) < 6

    run_state_machine_as_test(Laws, settings=FEW)
"""
    )
    name = "test_failing_example_shows_its_statements.py"
    result = run_oneroof("--oneroof-clone", name)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*statements of this example (2):",
            "*INSERT INTO law_catalog (law_code) VALUES ($1)",
            "*SELECT 6 AS mine",
            "*statements of this example (2):",
            "*INSERT INTO law_catalog (law_code) VALUES ($1)",
            "*SELECT count(*) FROM law_catalog",
            "proof * 2 clean of 2 checks; *",
        ]
    )


def test_other_fixtures_keep_their_health_check(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """A fixture of the user's, or a throw-away database, is not as new each time."""
    pytester.makepyfile(
        HEAD
        + """
@pytest.fixture
def other():
    return []

@FEW
@given(CODES)
def test_other(oneroof_clone, other, code):
    pass

@pytest.mark.oneroof(isolation="database")
@FEW
@given(CODES)
def test_database(oneroof_clone, code):
    pass
"""
    )
    name = "test_other_fixtures_keep_their_health_check.py"
    result = run_oneroof("--oneroof-clone", name)
    result.assert_outcomes(failed=2)
    text = result.stdout.str()
    assert text.count("uses a function-scoped fixture") >= 2
