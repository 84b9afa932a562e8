"""The benchmarks: they run, and what they claim follows from what they measured."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).parents[2]
ROWS = (
    "bare begin, insert, rollback",
    "our check, isolation rollback",
    "our check, isolation savepoint",
    "our check, isolation database, warm pool",
    "bare, insert into a table with a sequence",
    "our check, sequence put back",
    "our Hypothesis example, within one check",
    "1,000 distinct UPDATEs by psycopg, client's CPU",
    "1,000 distinct UPDATEs in our check, client's CPU",
    "an INSERT of 12 kB read and judged, client's CPU",
    "pytest-postgresql, a database per test",
    "a clone of ours, from its template",
    "a clone by pg_dump, pg_restore",
    "content fingerprint of every row",
)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that draws the table."""
    monkeypatch.syspath_prepend(str(CHECKOUT))
    return importlib.import_module("benchmarks.table")


@pytest.mark.server
def test_one_command_prints_one_table() -> None:
    """Every row is measured, with its median and its ratio to the bare row."""
    command = [sys.executable, "-m", "benchmarks", "--sizes=10MB", "--checks=5"]
    done = subprocess.run(
        [*command, "--no-suites"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    for row in ROWS:
        found = re.search(
            rf"^\| {re.escape(row)} +\| +[\d.]+ m?s +[\d,.]+× \|$", done.stdout, re.M
        )
        assert found, f"{row} is not in:\n{done.stdout}"
    assert re.search(r"^(holds|FAILS) .* at most 3 times", done.stdout, re.M)


@pytest.mark.server
def test_growth_is_measured_beside_the_bare_row() -> None:
    """A hundredth of what is many: each situation has its row, and its claim."""
    command = [sys.executable, "-m", "benchmarks", "--growth", "1", "--checks=3"]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    for row in ("our check, isolation rollback", "our check, sequence put back"):
        assert re.search(
            rf"^\| {re.escape(row)} +\|(?: +[\d.]+ m?s +[\d,.]+× \|){{5}}$",
            done.stdout,
            re.M,
        ), f"{row} is not in:\n{done.stdout}"
        claims = rf"^(?:holds|FAILS) +[\d.]+ +{re.escape(row)}: .* at most 1\.3 times"
        assert len(re.findall(claims, done.stdout, re.M)) == 4


def test_ratios_are_to_the_bare_row(table: ModuleType) -> None:
    """A cell's ratio is its median by that of the bare row in its own column."""
    measured = table.Table(["10MB", "1GB"])
    for column, bare, check in (("10MB", 1.0, 2.5), ("1GB", 2.0, 8.0)):
        for factor in (0.5, 1, 30):
            measured.add(table.BARE, column, bare * factor)
            measured.add(table.CHECK, column, check * factor)
    assert measured.ratio(table.CHECK, "10MB") == 2.5
    assert measured.ratio(table.CHECK, "1GB") == 4.0


@pytest.mark.parametrize(
    ("check", "per_test", "big", "held"),
    [
        (3.0, 900.0, 3.2, [True, True, False, True, True]),
        (3.1, 900.0, 3.5, [False, False, False, False, False]),
    ],
)
def test_claims_follow_from_the_table(
    table: ModuleType, check: float, per_test: float, big: float, held: list[bool]
) -> None:
    """Three times at most, 300 times faster, less than 10 % more: or it fails."""
    measured = table.Table(["10MB", "100MB", "1GB"])
    for column, seconds in (("10MB", check), ("100MB", check), ("1GB", big)):
        measured.add(table.BARE, column, 1.0)
        measured.add(table.CHECK, column, seconds)
        measured.add(table.PER_TEST, column, per_test)
    found = list(table.claims(measured))
    assert [holds for _, _, holds in found] == held
    lines = list(table.claim_lines(found))
    assert lines[0].startswith("holds" if held[0] else "FAILS")


@pytest.mark.parametrize(
    ("two", "controls", "loaded", "held"),
    [(20.0, 179.0, 0.209, [True] * 3), (21.0, 181.0, 0.211, [False] * 3)],
)
def test_claims_of_whole_runs(
    table: ModuleType, two: float, controls: float, loaded: float, held: list[bool]
) -> None:
    """Two workers 1.5 times faster, controls in 3 minutes, 10 ms at another's start."""
    whole = table.Table(["serial", "-n 2"], across="serial")
    starts = table.Table(["plugin loaded", "-p no:oneroof"], across="-p no:oneroof")
    suites = table.suites
    whole.add(suites.REPEATED, "serial", 30.0)
    whole.add(suites.REPEATED, "-n 2", two)
    whole.add(suites.CONTROLS, "-n 2", controls)
    starts.add(suites.START, suites.WITH, loaded)
    starts.add(suites.START, suites.WITHOUT, 0.2)
    assert whole.ratio(suites.REPEATED, "-n 2") == two / 30
    assert [holds for *_, holds in table.run_claims(whole, starts)] == held
