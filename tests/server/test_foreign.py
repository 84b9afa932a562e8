"""A team's own checks on a database that has nothing of One Roof's."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .shop import INI, LEFT_OUT, Shop, made_shop, oneroof, speaks_of_others, written

# The engine's own checks of any database.
INTEGRITY = 13
Run = Callable[..., pytest.RunResult]
CHECKS = """
import psycopg
import pytest


@pytest.mark.readonly
def test_orders(oneroof_target):
    found = oneroof_target.execute("SELECT count(*) FROM sales.orders")
    assert found.fetchone()[0] == 100


def test_definer_sees_its_database(oneroof_clone):
    oneroof_clone.execute("SELECT sales.place_order(1)")
    found = oneroof_clone.execute("SELECT count(*) FROM sales.audit")
    assert found.fetchone()[0] == 101


@pytest.mark.oneroof(isolation="database")
def test_procedure_commits(oneroof_clone):
    oneroof_clone.autocommit = True
    oneroof_clone.execute("CALL sales.archive()")


def test_two_sessions(oneroof_database):
    with psycopg.connect(oneroof_database) as first:
        first.execute("SELECT sales.place_order(1)")
    with psycopg.connect(oneroof_database) as second:
        found = second.execute("SELECT count(*) FROM sales.orders")
        assert found.fetchone()[0] == 101
"""


@pytest.fixture(scope="module")
def shop(users_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop's database, and a clone of it."""
    yield from made_shop(users_server, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def run(pytester: pytest.Pytester, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the team's checks, with an ini file that names how its clones are called."""
    monkeypatch.setenv("COLUMNS", "100")
    pytester.makepyfile(test_shop=CHECKS)
    (pytester.path / "pytest.ini").write_text(INI)

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.run(
            *(sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"),
            f"--oneroof-cache-dir={shop.cache}",
            *arguments,
        )

    return run


def on_clone(shop: Shop) -> tuple[str, ...]:
    """Return the options of a run on the shop's clone."""
    return (
        "--oneroof-clone",
        f"--oneroof-clone-url={shop.clone}",
        f"--oneroof-admin-url={shop.admin}",
    )


@pytest.mark.parametrize(
    ("pack", "workers"),
    [("oneroof", ()), ("none", ()), ("oneroof", ("-n", "2"))],
    ids=["does not fit", "none", "workers"],
)
def test_own_checks_run_and_are_proved(
    run: Run, shop: Shop, pytester: pytest.Pytester, pack: str, workers: tuple[str]
) -> None:
    """They pass, the packet holds, and all of it speaks of the shop alone."""
    result = run(
        *on_clone(shop), f"--oneroof-pack={pack}", "--oneroof-report=told", *workers
    )
    result.assert_outcomes(passed=4 + INTEGRITY)
    result.stdout.fnmatch_lines(
        [
            "oneroof: suites integrity (default)",
            "own tests  4/4",
            "proof      17 clean of 17 checks; *",
            "state * entry = exit (sequences, schema)",
            "secrets    contains_secrets: *",
            "packet     told: *",
            "verdict: GO (clone)",
        ]
    )
    told = result.stdout.str()
    assert (LEFT_OUT in told) == (pack == "oneroof")
    assert "objectives" not in told
    assert "provenance" not in told
    assert speaks_of_others(told) == []
    assert speaks_of_others(written(pytester.path / "told")) == []
    verified = oneroof(shop.cache, "packet", "verify", str(pytester.path / "told"))
    assert verified.returncode == 0, verified.stdout
    values = json.loads((pytester.path / "told/verdict.json").read_text())
    assert values["objectives"] == values["matrices"] == values["compliance"] == []
    assert values["gate"] is values["ownership"] is values["provenance"] is None


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "workers"])
def test_production_is_accepted_by_what_is_known_of_it(
    run: Run, shop: Shop, workers: tuple[str]
) -> None:
    """Own readers pass, entry equals exit, and no phase or gate is spoken of."""
    result = run(
        *("-m", "readonly", f"--oneroof-production-url={shop.production}"),
        *("--oneroof-report=told", *workers),
    )
    result.assert_outcomes(passed=1 + INTEGRITY)
    result.stdout.fnmatch_lines(
        [
            "oneroof: production shop on PostgreSQL *",
            f"oneroof: pack oneroof {LEFT_OUT}: no table public.*",
            "own tests  1/1",
            "channel    14 of 14 checks read in READ ONLY to their end; *",
            "state      entry = exit (* schema objects)",
            "verdict: GO acceptance",
        ]
    )
    assert speaks_of_others(result.stdout.str()) == []


@pytest.mark.parametrize(
    ("asked", "workers"),
    [("--oneroof-suite=coverage", ("-n", "2")), ("oneroof/test_gate.py", ())],
    ids=["suite", "id"],
)
def test_a_suite_that_does_not_fit_cannot_be_asked_for(
    run: Run, shop: Shop, asked: str, workers: tuple[str]
) -> None:
    """Asked for by name it is a usage error, on the clone and on production."""
    result = run(*on_clone(shop), asked, *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    name = asked.removeprefix("--oneroof-suite=")
    told = f"*{LEFT_OUT}: no table public.*asked for by name: {name}*"
    result.stdout.fnmatch_lines([told])
    production = f"--oneroof-production-url={shop.production}"
    result = run("-m", "readonly", production, asked, *workers)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines([told])


def test_an_environment_is_named_in_one_word(
    run: Run, shop: Shop, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target's variables hold its URLs; an acceptance takes its production alone."""
    with (pytester.path / "pytest.ini").open("a") as ini:
        ini.write("[oneroof:staging]\nclone_url = S_CLONE\nadmin_url = S_ADMIN\n")
        ini.write("production_url = S_PRODUCTION\n")
    monkeypatch.setenv("ONEROOF_TARGET", "staging")
    monkeypatch.setenv("S_PRODUCTION", str.__str__(shop.production))
    accepted = run("-m", "readonly", "--oneroof-suite=integrity", "test_shop.py")
    accepted.assert_outcomes(passed=14)
    accepted.stdout.fnmatch_lines(["* production shop *(target staging: S_PRODUCTION)"])
    monkeypatch.setenv("S_CLONE", str.__str__(shop.clone))
    monkeypatch.setenv("S_ADMIN", str.__str__(shop.admin))
    checked = run("--oneroof-clone", "test_shop.py")
    checked.assert_outcomes(passed=4)
    checked.stdout.fnmatch_lines(["* clone shop_test_*(target staging: S_CLONE)"])


def test_every_suite_is_those_that_fit(run: Run, shop: Shop) -> None:
    """'all' asks for none by name: what does not fit is left out."""
    run(*on_clone(shop), "--oneroof-suite=all").assert_outcomes(passed=4 + INTEGRITY)


def test_without_a_pack_the_embedded_server_shows_nothing(run: Run) -> None:
    """A run that has no stand-in needs a clone, and says so before anything else."""
    result = run("--oneroof-clone", "--oneroof-pack=none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = result.stdout.str() + result.stderr.str()
    assert "the pack 'none' has no stand-in production" in told
    assert "--oneroof-clone-url" in told


def test_commands_say_what_the_pack_lacks(shop: Shop, tmp_path: Path) -> None:
    """Gate, blockers and stand-in are a pack's: without one it is a usage error."""
    for command, lacks in (
        (("gate", shop.production), "[gate] plan"),
        (("blockers",), "[decision] blockers"),
        (("clone", "list"), "no stand-in production"),
        (("fingerprint",), "no stand-in production"),
    ):
        done = oneroof(shop.cache, *command)
        assert (done.returncode, done.stdout) == (2, ""), command
        assert lacks in done.stderr
    judged = oneroof(shop.cache, "provenance", shop.clone)
    assert judged.returncode == 10, judged.stderr
    assert "SCHEMA_NOT_CHECKED: the pack names no expected shape" in judged.stdout
    assert speaks_of_others(judged.stdout) == []
