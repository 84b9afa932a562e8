"""A whole run writes its report, serial and with workers alike."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from pytest_oneroof import resources

Run = Callable[..., pytest.RunResult]
FAILING = '''
def test_gap(oneroof_clone):
    """The gap is one."""
    gap = oneroof_clone.execute("SELECT count(*) FROM v_object_owner_gap").fetchone()[0]
    assert gap == 1


def test_left(oneroof_clone):
    """A sequence moves."""
    oneroof_clone.execute("SELECT nextval('agents_id_seq')")
'''
# What tells one run from another, and nothing about the database.
CHANGING = ("seconds", "run", "slowest", "notes")
IDENTITY = ("name", "oid", "nonce", "statement")


def read(folder: Path) -> dict[str, Any]:
    """Return a folder's document, which fits its schema."""
    text = (folder / "verdict.json").read_text(encoding="utf-8")
    told: dict[str, Any] = json.loads(text)
    schema = resources.read_json("fixtures/verdict/verdict.schema.json")
    Draft202012Validator(schema).validate(told)
    return told


# Where another run has the clone, a run works on a copy of it.
CLONES = re.compile(r"directus_gov_test_[0-9]{8}(_[0-9a-f]{8}_(gw[0-9]+|run))?")


def lasting(told: dict[str, Any]) -> dict[str, Any]:
    """Return what of a document does not depend on time, or on how many clones."""
    kept = {key: value for key, value in told.items() if key not in CHANGING}
    kept["summary"] = {k: v for k, v in told["summary"].items() if k != "ids"}
    for suite in kept["suites"]:
        suite["seconds"] = 0
        for check in suite["checks"]:
            check["seconds"] = 0
            figures = check["figures"]
            check["figures"] = [f for f in figures if f["name"] not in IDENTITY]
            if check["proof"]:
                check["proof"] |= {"ids": 0, "foreign": 0}
    kept["states"] = [{**kept["states"][0], "database": "a clone"}]
    text = CLONES.sub("a clone", json.dumps(kept)).replace(" of 2 databases", "")
    found: dict[str, Any] = json.loads(text)
    return found


def test_report_serial_and_with_workers(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """Both write the same verdict, heat map and checks, in files below a megabyte."""
    suites = ("--oneroof-clone", "--oneroof-suite", "coverage,isolation,contract")
    run_oneroof(*suites, "--oneroof-report", "one").assert_outcomes(passed=42)
    result = run_oneroof(*suites, "--oneroof-report", "two/deep", "-n", "2")
    result.assert_outcomes(passed=42)
    result.stdout.fnmatch_lines(
        [
            "objectives GO clone isolation, A, E; RETAINED G; not checked "
            "production safety, B, C, D, F",
            "packet     two/deep: 21 files, tree *",
            "report: two/deep/report.html",
            "verdict: GO (clone)",
        ]
    )
    serial, distributed = read(pytester.path / "one"), read(pytester.path / "two/deep")
    assert lasting(serial) == lasting(distributed)
    assert len(distributed["states"]) == 2
    assert serial["ownership"]["cells"] == serial["ownership"]["owned"] == 210
    owned = serial["suites"][0]["checks"][0]["figures"][0]
    assert owned == {"name": "own", "expected": "30", "found": "30"}
    claims = [c["claim"] for suite in serial["suites"] for c in suite["checks"]]
    assert all(claims)
    for folder in ("one", "two/deep"):
        assert (pytester.path / folder / "report.html").stat().st_size < 1_000_000
        assert (pytester.path / folder / "verdict.md").stat().st_size > 1000


def test_report_of_a_failed_run(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """A failure of the project's own is told by its message, residue by its check."""
    pytester.makepyfile(test_shop=FAILING)
    result = run_oneroof("--oneroof-clone", "--oneroof-report", "out", "test_shop.py")
    result.assert_outcomes(passed=1, failed=1)
    told = read(pytester.path / "out")
    assert told["verdict"]["status"] == "NO-GO"
    assert told["verdict"]["reasons"] == ["test_shop.py::test_gap failed"]
    (suite,) = told["suites"]
    assert (suite["title"], suite["passed"], suite["total"]) == ("Own tests", 1, 2)
    assert suite["checks"][0]["claim"] == "The gap is one."
    assert "assert 0 == 1" in suite["checks"][0]["message"]
    (left,) = told["ledger"]
    assert (left["check"], left["state"]) == ("test_shop.py::test_left", "put back")
    assert left["kind"] == "sequence"
    assert left["object"].endswith("agents_id_seq")


NOTING = """
import json
import pytest
from pytest_oneroof import expect, note

LOG = {"packet": "full", "stopped": "", "steps": [
    {"step": "0", "name": "preflight", "kind": "preflight", "seconds": 0.5,
     "file": "00_preflight.sql", "rows": {}, "locks": {"own": ["AccessShareLock"]},
     "notices": ["TIER 0"], "tags": []},
    {"step": "1", "name": "seed", "kind": "change", "seconds": 1.25,
     "file": "30_seed.sql", "rows": {"own": [30, 0, 0]}, "notices": [], "tags": [],
     "locks": {"own": ["AccessShareLock", "RowExclusiveLock"]}},
]}
SEALS = [{"name": "release", "sha256": "ab", "files": 25, "holds": True}]

def test_release(oneroof_clone, request):
    tell = request.node.user_properties.append
    tell(("oneroof_steps", json.dumps([LOG])))
    tell(("oneroof_seals", json.dumps(SEALS)))
    expect("own", 30, 30)
    note("tag", "x", "y")

@pytest.mark.skip(reason="for the wrong one")
def test_wrong(oneroof_clone, request):
    request.node.user_properties.append(("oneroof_steps", "[{}]"))
"""


def test_what_checks_note(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """Tiers, seals and figures that a check notes are told, with workers too."""
    pytester.makepyfile(test_noting=NOTING)
    run_oneroof(
        "--oneroof-clone", "--oneroof-report", "out", "test_noting.py", "-n", "1"
    ).assert_outcomes(passed=1, skipped=1)
    told = read(pytester.path / "out")
    assert [(t["tier"], t["start"], t["locks"]) for t in told["tiers"]] == [
        ("0", 0, []),
        ("1", 0.5, [["own", "RowExclusiveLock"]]),
    ]
    assert told["tiers"][1]["rows"] == [["own", 30, 0, 0]]
    assert told["tiers"][0]["reads"] == 1
    assert [seal["name"] for seal in told["seals"]] == [
        "release full",
        "release ownership",
        "validator",
        "release",
    ]
    assert told["seals"][-1]["files"] == 25
    assert all(seal["holds"] for seal in told["seals"])
    assert told["suites"][0]["checks"][0]["figures"] == [
        {"name": "tag", "expected": "x", "found": "y"},
        {"name": "own", "expected": "30", "found": "30"},
    ]


def test_report_that_cannot_be_written(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """A report that was wanted and is not there fails the run, and says why."""
    text = NOTING.replace('@pytest.mark.skip(reason="for the wrong one")', "")
    pytester.makepyfile(test_noting=text)
    result = run_oneroof("--oneroof-clone", "--oneroof-report", "out", "test_noting.py")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["report: * property oneroof_steps is not as docs/report.md has it: *"]
    )
    assert not (pytester.path / "out").exists()


def test_no_report_is_written_unasked(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """Without the option the folder stays empty."""
    run_oneroof("--oneroof-clone", "--oneroof-suite", "contract").assert_outcomes(
        passed=8
    )
    names = {path.name for path in pytester.path.iterdir()}
    assert names <= {"stdout", "stderr", "__pycache__"}


TELLING = """
import pytest

@pytest.fixture
def mine(oneroof_clone):
    return oneroof_clone

def helper(connection):
    # A comment is no statement.
    return connection.execute('''
        -- how many
        SELECT count(*)
          FROM governance_object_ownership
         WHERE scope = %s''', ["audit"]).fetchone()[0]

def test_told(mine):
    \"\"\"It is seven.\"\"\"
    print("seen", 3)
    for _ in range(3):
        mine.execute("SELECT 'password=hunter2'")
    assert helper(mine) == 7
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_failure_tells_line_statement_and_output(
    pytester: pytest.Pytester, run_oneroof: Run, workers: str
) -> None:
    """Serial and with workers: the line, what it sent without passwords, its output."""
    pytester.makepyfile(test_own=TELLING)
    run_oneroof(
        *("--oneroof-clone", "test_own.py", "--oneroof-report", "out", "-n", workers)
    )
    (suite,) = read(pytester.path / "out")["suites"]
    (check,) = suite["checks"]
    assert check["claim"] == "It is seven."
    assert check["place"] == "test_own.py:20"
    assert check["statements"] == [
        "SELECT 'password=***",
        "SELECT count(*)\n  FROM governance_object_ownership\n WHERE scope = $1",
    ]
    assert check["output"] == "Captured stdout call\nseen 3"
