"""`-m readonly`: when it asks for us, and its refusal without a target."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_oneroof.run.readonly import NO_TARGET, selects_readonly

RunOneroof = Callable[..., pytest.RunResult]

OWN = """
import pytest

@pytest.mark.readonly
def test_foreign():
    pass
"""
OURS = """
import pytest

@pytest.mark.readonly
def test_reads(oneroof_production):
    raise AssertionError
"""


@pytest.mark.parametrize(
    ("expression", "selects"),
    [
        ("readonly", True),
        ("readonly and not slow", True),
        ("(readonly or slow)", True),
        ("not slow and readonly", True),
        ('readonly and not oneroof(isolation="database")', True),
        ("not readonly", False),
        ("not slow", False),
        ("slow", False),
        ("readonly and slow", False),
        ("readonly or not readonly", False),
        ("readonly_too", False),
        ('oneroof(isolation="readonly")', False),
        ("readonly and", False),
        ("readonly)(", False),
        ("", False),
        (None, False),
    ],
)
def test_an_expression_selects_readonly(
    expression: str | None, *, selects: bool
) -> None:
    """It does when it picks what is marked so, and not what is unmarked."""
    assert selects_readonly(expression) is selects


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_without_target_it_is_a_usage_error(
    run_oneroof: RunOneroof, workers: tuple[str, ...]
) -> None:
    """In an empty folder -m readonly names both targets, serial and under xdist."""
    result = run_oneroof("-m", "readonly", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {NO_TARGET}" in result.stdout.str() + result.stderr.str()
    assert "--oneroof-production-url" in NO_TARGET
    assert "--oneroof-clone" in NO_TARGET


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_an_own_test_with_our_fixture_needs_a_target(
    pytester: pytest.Pytester, run_oneroof: RunOneroof, workers: tuple[str, ...]
) -> None:
    """One selected test of ours is enough for the refusal; nothing runs."""
    pytester.makepyfile(test_own=OWN, test_ours=OURS)
    result = run_oneroof("-m", "readonly", *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.no_fnmatch_line("*passed*")


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_another_projects_readonly_tests_are_left_alone(
    pytester: pytest.Pytester, run_oneroof: RunOneroof, workers: tuple[str, ...]
) -> None:
    """What is marked readonly and uses nothing of ours just runs."""
    pytester.makepyfile(test_own=OWN)
    result = run_oneroof("-m", "readonly", *workers)
    result.assert_outcomes(passed=1)
    assert result.ret == 0


def test_a_broken_module_is_told_as_such(
    pytester: pytest.Pytester, run_oneroof: RunOneroof
) -> None:
    """A collection error is not hidden behind the refusal."""
    pytester.makepyfile(test_own="import nothing_of_that_name")
    result = run_oneroof("-m", "readonly")
    result.stdout.fnmatch_lines(["*No module named 'nothing_of_that_name'*"])
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_both_targets_are_a_usage_error(run_oneroof: RunOneroof) -> None:
    """-m readonly on the clone and on a production at once is refused."""
    url = "--oneroof-production-url=postgresql://x@/y"
    result = run_oneroof("-m", "readonly", "--oneroof-clone", url)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: -m readonly has two targets, *"])


def test_a_suite_without_target_is_a_usage_error(run_oneroof: RunOneroof) -> None:
    """A production URL alone acts only where -m selects readonly."""
    url = "--oneroof-production-url=postgresql://x@/y"
    result = run_oneroof("--oneroof-suite", "coverage", url)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --oneroof-suite needs a target: *"])


def test_a_production_url_alone_changes_nothing(
    pytester: pytest.Pytester, run_oneroof: RunOneroof
) -> None:
    """Without -m readonly nothing is read, and the skip says how to run."""
    pytester.makepyfile(test_ours=OURS)
    result = run_oneroof("--oneroof-production-url=postgresql://x@/y", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*needs a production: run pytest -m readonly *"])


def test_a_rehearsal_reads_the_clone(run_oneroof: RunOneroof) -> None:
    """-m readonly with --oneroof-clone runs the reading checks on the clone."""
    result = run_oneroof("-m", "readonly", "--oneroof-clone")
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], result.ret) == (34, 0)
    told = "passed: 34 of 34 checks (coverage 12/12, owners 4/4, production 18/18)"
    result.stdout.fnmatch_lines([told])
