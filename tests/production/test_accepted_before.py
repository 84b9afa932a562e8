"""An acceptance is compared with the last accepted run, not its own entry alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_oneroof.cli import main

from .conftest import Production
from .test_acceptance import RATIFIED

Accept = Callable[..., pytest.RunResult]
WITH = ("--oneroof-suite", "production", "--oneroof-history", "kept", "-q")


def test_production_that_moved_between_runs(
    accept: Accept, copy: Production, pytester: pytest.Pytester
) -> None:
    """What moved since the last accepted run is NO-GO by name, until it is accepted.

    With workers too; and the run records itself as what it is.
    """
    accept(copy, *WITH).stdout.fnmatch_lines(
        [
            "history: the first run of oneroof-production-directus_copy-*",
            "verdict: GO *",
        ]
    )
    copy.execute(RATIFIED)
    moved = accept(copy, *WITH, "-n", "2", "--oneroof-report", "out")
    assert moved.ret == 1
    moved.stdout.fnmatch_lines(
        [
            "since run 1 (*): verdict GO → NO-GO; *figure ospa 0 → 1*; recorded as "
            "run 2, sha256 *",
            "once it is known why: oneroof history accept * --run 2 --reason TEXT",
            "verdict: NO-GO acceptance: *figure ospa 0 → 1 since the last accepted run "
            "(1, *",
        ]
    )
    page = (pytester.path / "out" / "report.html").read_text()
    assert "<li>figure ospa 0 → 1</li>" in page
    again = accept(copy, *WITH)
    assert again.ret == 1
    again.stdout.fnmatch_lines(["since run 2 (*): nothing changed; recorded as run 3*"])
    kept = str(pytester.path / "kept")
    call("accept", kept, "--run", "2", "--reason", "the ratification of today")
    assert accept(copy, *WITH).ret == 0
    call("verify", kept)
    lines = next(Path(kept).glob("*.jsonl")).read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == [
        *["run"] * 3,
        "accepted",
        "run",
    ]


def call(*arguments: str) -> str:
    """Run `oneroof history`, which has to succeed; return what it printed."""
    done = CliRunner().invoke(main, ["history", *arguments])
    assert done.exit_code == 0, done.output
    return done.output
