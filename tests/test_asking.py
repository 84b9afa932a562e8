"""What a run asks of the plugin, and what an unset or empty variable means to it."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from pytest_oneroof.postgres import embedded

Run = Callable[..., pytest.RunResult]
GARBAGE = {
    "ONEROOF_CLONE_URL": "",
    "ONEROOF_ADMIN_URL": " ",
    "ONEROOF_PG_VERSION": "newest",
    "ONEROOF_PROFILE": "huge",
    "ONEROOF_SUITE": "coverage",
    "ONEROOF_STRICT": "perhaps",
    "ONEROOF_PACK": "nobody-knows",
    "ONEROOF_CLONE": "",
}
OWN = """
import pytest
@pytest.mark.readonly
def test_own(): pass
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest in a subprocess, with these variables of ours and no other."""
    for name in [n for n in os.environ if n.startswith(("ONEROOF_", "PYTEST_"))]:
        monkeypatch.delenv(name)
    pytester.makepyfile(OWN)

    def with_variables(*arguments: str, **variables: str) -> pytest.RunResult:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)

    return with_variables


@pytest.mark.parametrize(
    "arguments", [(), ("-m", "readonly"), ("-m", "not readonly"), ("-n", "1")]
)
def test_variables_never_break_a_run_that_asks_nothing(
    run: Run, arguments: tuple[str, ...]
) -> None:
    """Set for other jobs, right or wrong, they are not even read."""
    result = run(*arguments, **GARBAGE)
    passed = 0 if "not readonly" in arguments else 1
    assert result.ret == (0 if passed else pytest.ExitCode.NO_TESTS_COLLECTED)
    result.assert_outcomes(passed=passed, **({} if passed else {"deselected": 1}))


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        (("--oneroof-clone", "--oneroof-clone-url="), {}, "--oneroof-clone-url"),
        (("--oneroof-clone",), {"ONEROOF_CLONE_URL": ""}, "ONEROOF_CLONE_URL"),
        ((), {"ONEROOF_CLONE": "1", "ONEROOF_ADMIN_URL": ""}, "ONEROOF_ADMIN_URL"),
        (("-m", "readonly"), {"ONEROOF_PRODUCTION_URL": ""}, "ONEROOF_PRODUCTION_URL"),
        (("--oneroof-report=",), {}, "--oneroof-report"),
        (("--oneroof-clone", "--oneroof-suite="), {}, "--oneroof-suite"),
    ],
)
def test_an_empty_value_is_a_usage_error(
    run: Run, arguments: tuple[str, ...], variables: dict[str, str], told: str
) -> None:
    """It names option or variable, and never runs on the stand-in instead."""
    result = run(*arguments, **variables)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = result.stdout.str() + result.stderr.str()
    assert f"{told} is given, and is empty: it must be" in said


def test_a_clone_url_of_another_job_does_not_stop_an_acceptance(
    run: Run,
) -> None:
    """The variables of a clone's job may be set where production is accepted."""
    result = run(
        *("-m", "readonly", "--oneroof-production-url=postgresql://127.0.0.1:1/x"),
        ONEROOF_CLONE_URL="postgresql://127.0.0.1:1/y",
    )
    said = result.stdout.str() + result.stderr.str()
    assert "needs --oneroof-clone" not in said
    assert "cannot connect to postgresql://127.0.0.1:1/x" in said


@pytest.mark.parametrize("user", [0, 1000])
def test_xdg_cache_home_counts_for_everybody(
    monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    """Where it is set, the cache is below it, for root too."""
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert str(embedded.default_cache()) == "/somewhere/pytest-oneroof"


def test_root_has_the_machines_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it root's is the machine's, as nobody else may enter root's home."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for value in (None, "", "relative"):
        if value is None:
            monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert str(embedded.default_cache()) == "/var/cache/pytest-oneroof"
