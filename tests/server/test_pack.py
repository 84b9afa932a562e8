"""An installable pack of another team: suites, hooks, faults, figures, pgTAP."""

from __future__ import annotations

import json
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .shop import EXAMPLE, Shop, made_shop, speaks_of_others, written

Run = Callable[..., pytest.RunResult]
OWN = """
def test_works_as_the_tenant(oneroof_clone):
    found = oneroof_clone.execute("SHOW app.tenant").fetchone()
    assert found == ("2",)
"""


@pytest.fixture(scope="module")
def shop(users_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The shop's database, and a clone of it."""
    yield from made_shop(users_server, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the example was installed, as its wheel would be."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE / "shop_checks", folder / "shop_checks")
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    info = folder / f"shop_checks-{project['version']}.dist-info"
    info.mkdir()
    head = f"Metadata-Version: 2.1\nName: {project['name']}\n"
    (info / "METADATA").write_text(f"{head}Version: {project['version']}\n")
    lines = [
        f"[{group}]\n" + "\n".join(f"{name} = {value}" for name, value in found.items())
        for group, found in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture
def run(
    pytester: pytest.Pytester, shop: Shop, site: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run pytest in a project that names the installed pack, on the shop's clone."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("PYTHONPATH", str(site))
    (pytester.path / "pytest.ini").write_text("[pytest]\noneroof_pack = shop\n")

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.run(
            *(sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"),
            *("--oneroof-clone", f"--oneroof-cache-dir={shop.cache}"),
            f"--oneroof-clone-url={shop.clone}",
            f"--oneroof-admin-url={shop.admin}",
            f"--oneroof-production-url={shop.production}",
            *arguments,
        )

    return run


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "workers"])
def test_all_of_a_pack_takes_part(
    run: Run, pytester: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    """Suites, pgTAP, figures, hooks and the report's section are the shop's."""
    pytester.makepyfile(test_own=OWN)
    result = run("--oneroof-report=told", *workers)
    result.assert_outcomes(passed=20)
    result.stdout.fnmatch_lines(
        [
            "oneroof: suites orders, accept, integrity, pgtap (default)",
            "accept     2/2",
            "pgtap      1/1",
            "state * entry = exit (5 figures, sequences, schema)",
            "production shop (--oneroof-production-url): entry = exit, phase without "
            "channels, gate BLOCKED (not_approved;)",
            "verdict: GO (clone)",
        ]
    )
    told = json.loads((pytester.path / "told/verdict.json").read_text())
    (section,) = told["sections"]
    assert section["title"] == "What the shop paid"
    assert [row[0] for row in section["rows"]][:2] == ["accept", "integrity"]
    clone = next(state for state in told["states"] if state["where"] == "clone")
    figures = {metric["name"]: metric["entry"] for metric in clone["metrics"]}
    assert figures == {
        "orders": 100,
        "audited": 100,
        "channel_tables": 0,
        "orders, new": 50,
        "orders, paid": 50,
    }
    (tap,) = next(s for s in told["suites"] if s["name"] == "pgtap")["checks"]
    assert [figure["name"] for figure in tap["figures"]] == [
        "there are orders",
        "each of a customer",
        "one can be placed",
        "and none with an unknown status",
    ]
    page = (pytester.path / "told/report.html").read_text()
    assert "Seconds by suite, &lt;b&gt;as measured&lt;/b&gt;." in page
    assert speaks_of_others(written(pytester.path / "told")) == []


def test_a_hook_can_speak_against_a_run(run: Run, pytester: pytest.Pytester) -> None:
    """A reason of a hook makes the run NO-GO, in its packet too."""
    result = run("--oneroof-suite=accept", "--oneroof-report=told")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["verdict: NO-GO (clone): no check of suite orders*"])
    told = json.loads((pytester.path / "told/verdict.json").read_text())
    assert told["verdict"]["reasons"] == ["no check of suite orders ran"]


FAULTS = ("audit-off", "order-lost", "metrics-blind")


def test_faults_of_a_pack_are_seen(run: Run) -> None:
    """Its own faults are made, in the database and in its files, and noticed."""
    faults = [f"oneroof/controls::{name}" for name in FAULTS]
    result = run("--oneroof-controls", "oneroof/test_orders.py", *faults)
    result.stdout.fnmatch_lines(["controls   3/3 killed*", "verdict: GO (clone)"])


HOOKS = {
    "figures": (
        "def pytest_oneroof_figures(config, connection):\n    return {'orders': 1}",
        "*the figure 'orders' is the pack's and a hook's*",
    ),
    "verdict": (
        "def pytest_oneroof_verdict(config, facts):\n    raise KeyError('gone')",
        "verdict: NO-GO (clone): pytest_oneroof_verdict failed: KeyError('gone')",
    ),
    "report": (
        "def pytest_oneroof_report(config, facts):\n    return 'all is well'",
        "report: FAILED: pytest_oneroof_report gave 'all is well', which is no *",
    ),
    "before_check": (
        "def pytest_oneroof_before_check(item, connection):\n"
        "    connection.execute('COMMIT')",
        "*StatementRefused: refused COMMIT*",
    ),
}


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_that_fails_gives_no_go(
    run: Run, pytester: pytest.Pytester, name: str
) -> None:
    """Whatever a hook does wrong, the run says so and does not end with 0."""
    text, told = HOOKS[name]
    pytester.makeconftest(text)
    result = run("--oneroof-suite=orders", "--oneroof-report=told")
    assert result.ret != 0
    result.stdout.fnmatch_lines([told])


TAP = {
    "passes": ("SELECT plan(1); SELECT ok(true, 'fine');", None),
    "fails": (
        "SELECT plan(2); SELECT is(1, 2, 'equal'); SELECT ok(true, 'fine');",
        "not ok 1 - equal",
    ),
    "too few": (
        "SELECT plan(3); SELECT ok(true); SELECT * FROM finish();",
        "3 assertions planned, 1 ran",
    ),
    "no plan": ("SELECT 1;", "it has no plan: "),
    "gives up": ("SELECT plan(1); SELECT 'Bail out!  no';", "it gave up: no"),
    "stops": ("SELECT plan(1); SELECT 1 / 0;", "division by zero (in: SELECT 1 / 0)"),
    "todo": (
        "SELECT plan(1); SELECT * FROM todo('later', 1); SELECT ok(false, 'not yet');",
        None,
    ),
    "commits": ("SELECT plan(1); COMMIT; SELECT ok(true);", "refused COMMIT"),
    "includes": ("\\i other.sql\nSELECT plan(1);", "a meta-command of psql"),
}


def test_each_assertion_of_pgtap_is_told(
    run: Run, pytester: pytest.Pytester, shop: Shop
) -> None:
    """A file passes when its plan does; what does not hold is told with its reason."""
    folder = pytester.mkdir("checks")
    for name in ("fixtures", "pgtap"):
        (folder / name).mkdir()
    (folder / "fixtures/pack.toml").write_text(
        'clone_pattern = "shop_test_[0-9]{8}(_[a-z0-9_]+)?"\nproductions = ["shop"]\n'
        '[pgtap]\nfiles = "pgtap"\n'
    )
    for name, (text, _) in TAP.items():
        (folder / f"pgtap/{name.replace(' ', '_')}.sql").write_text(text)
    result = run("--oneroof-pack=checks", "--oneroof-suite=pgtap", "-rA")
    result.assert_outcomes(passed=2, failed=len(TAP) - 2)
    said = result.stdout.str()
    for _, told in TAP.values():
        assert told is None or told in said, told
    assert "put back: nothing" in said


EMPTIED = """
import psycopg


def test_empty(oneroof_alembic, oneroof_database):
    found = oneroof_alembic.rehearse("alembic.ini", empty=True)
    assert [step.revision for step in found][0] == "0001"
    with psycopg.connect(oneroof_database) as connection:
        assert connection.execute("SELECT 'A'::citext = 'a'").fetchone() == (True,)
        left = connection.execute("SELECT to_regclass('sales.orders')").fetchone()
        assert left == (None,)
"""


def test_a_history_begins_beside_an_administrators_extension(
    run: Run, pytester: pytest.Pytester
) -> None:
    """What the role does not own stays; all else is gone before the first revision."""
    pytest.importorskip("alembic", reason="Alembic is not installed")
    example = EXAMPLE.parent / "alembic_project"
    shutil.copytree(example / "migrations", pytester.path / "migrations")
    shutil.copy(example / "alembic.ini", pytester.path)
    pytester.makepyfile(test_empty=EMPTIED)
    result = run("--oneroof-suite=pgtap", "test_empty.py::test_empty")
    result.stdout.fnmatch_lines(["test_empty.py::test_empty PASSED*"])
