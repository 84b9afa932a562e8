"""The axis substrate: what is in its way is told; a killed run leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof import resources
from pytest_oneroof.clone.rehearsal import rehearsal
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.run.clone_side import CloneRun
from pytest_oneroof.settings import Settings
from pytest_oneroof.statements.scripts import body

Run = Callable[..., pytest.RunResult]
STEPS_FILE = Path(__file__).with_name("axis_substrate_steps.py")
PLAN = resources.read_json("fixtures/axis_substrate.json")
SUITE = ("--oneroof-clone", "--oneroof-suite", "axis_substrate")
ITEMS = 122
STEPS = 6
REHEARSALS = (
    "SELECT datname FROM pg_catalog.pg_database WHERE datname ~ '_rehearsal_'"
    " ORDER BY datname"
)


def test_what_is_in_the_way_is_told(pytester: pytest.Pytester, run_alone: Run) -> None:
    """A failed step, a moved baseline, an idle rollback, a stage that is past."""
    pytester.makepyfile(test_steps=STEPS_FILE.read_text(encoding="utf-8"))
    run_alone("test_steps.py").assert_outcomes(passed=STEPS)


def test_killed_run_is_swept(
    run_alone: Run, alone: Path, lone_server: EmbeddedServer, pytester: pytest.Pytester
) -> None:
    """After a run was killed the next one drops its clone, starts over, and passes."""
    _kill_in_the_middle(pytester.path, alone)
    with connect(lone_server.url("postgres")) as admin:
        ((left,),) = admin.execute(REHEARSALS.encode()).fetchall()
    result = run_alone(*SUITE[1:])
    result.assert_outcomes(passed=ITEMS)
    result.stdout.fnmatch_lines(
        [
            f"*a dead run left {left}: dropped*",
            "left behind: nothing (* as before)",
            "verdict: GO*",
        ]
    )
    with connect(lone_server.url("postgres")) as admin:
        assert admin.execute(REHEARSALS.encode()).fetchall() == []


def _kill_in_the_middle(folder: Path, cache: Path) -> None:
    """Start the suite, and kill it once the substrate stands.

    Told by what it prints: a session of ours on its clone would be refused.
    """
    command = [sys.executable, "-u", "-m", "pytest", "-v", "-p", "no:cacheprovider"]
    with subprocess.Popen(
        [*command, *SUITE, f"--oneroof-cache-dir={cache}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if "[a05-tables] PASSED" in line:
                os.kill(process.pid, signal.SIGKILL)
                return
    raise AssertionError(f"the run ended with {process.returncode}: {told}")


def test_one_item_alone_reaches_its_stage(run_oneroof: Run) -> None:
    """An item pasted back alone, and items in another order, find their state."""
    node = "oneroof/test_axis_substrate.py::"
    result = run_oneroof(
        "--oneroof-clone",
        f"{node}test_f_finalization[f07-scans]",
        f"{node}test_c_assignment_coverage[c03-total]",
    )
    result.assert_outcomes(passed=2)


def test_every_file_runs_under_psql(cache: Path, embedded: EmbeddedServer) -> None:
    """Build, promotion, finalization and both undos run by plain psql, as they are."""
    run = CloneRun(
        Settings(clone=True, cache_dir=cache).joined(bundled()), bundled(), print
    )
    run.start()
    try:
        assert run.lease is not None
        productions = parse_productions(("directus",))
        rules = Rules(bundled().clone_pattern, productions, own_server=False)
        with rehearsal(run.lease, rules) as clone:
            before = clone.fingerprint()
            for stage in PLAN["stages"]:
                for name in stage["files"]:
                    _psql(embedded, clone.url, resources.path(name))
            assert clone.fingerprint().differences(before) == []
    finally:
        run.stop()


def _psql(server: EmbeddedServer, url: str, file: Path) -> None:
    options = f"-c default_transaction_read_only=off -c oneroof.axis_as_of={_day()}"
    done = subprocess.run(
        [
            *(str(server.programs.folder / "psql"), "-X", "-q"),
            *("-v", "ON_ERROR_STOP=1", "-f", str(file), url),
        ],
        env={**os.environ, "PGOPTIONS": options},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{file.name}: {done.stderr}"


def _day() -> str:
    return str(PLAN["as_of"]).partition(" ")[0]


def test_files_hold_one_transaction() -> None:
    """Each file holds BEGIN first, COMMIT last, and the literal name guard."""
    guard = r"current_database() !~ '^directus_gov_test_[0-9]{8}(_[a-z0-9_]+)?$'"
    files = {name for stage in PLAN["stages"] for name in stage["files"]}
    for name in sorted(files):
        text = resources.read_text(name)
        assert body(text, name)
        assert guard in text, name
        assert "\n\\" not in text, name
