"""Runs with --oneroof-history: what they tell, what they add, when they cannot."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pytest_oneroof.cli import main
from pytest_oneroof.history.store import History

Run = Callable[..., pytest.RunResult]
KEPT = ("--oneroof-clone", "test_own.py", "-q", "--oneroof-history", "kept")
NAME = "oneroof-stand-in-pg16"
FLIP = '''
import os

def test_flip(oneroof_clone):
    """It fails where it is told to."""
    assert os.environ.get("FLIP") != "1"

def test_other(oneroof_clone):
    """It passes."""
'''


def call(*arguments: str) -> Result:
    """Run `oneroof history`."""
    return CliRunner().invoke(main, ["history", *arguments])


def test_runs_are_kept_compared_and_verified(
    pytester: pytest.Pytester, run_oneroof: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Serial or with workers each run adds one line, and tells what changed."""
    pytester.makepyfile(test_own=FLIP)
    for flip, told, more in (
        ("0", f"history: the first run of {NAME}; recorded as run 1, sha256 *", ()),
        ("1", "since run 1 (*): verdict GO → NO-GO; now failing: *::test_flip; *", ()),
        ("0", "since run 2 (*): verdict NO-GO → GO; no longer *", ("-n", "2")),
    ):
        monkeypatch.setenv("FLIP", flip)
        monkeypatch.setenv("GITHUB_SHA", "c0ffee" * 6)
        monkeypatch.setenv("GITHUB_ACTOR", "eve")
        result = run_oneroof(*KEPT, "--oneroof-meta", "ticket=OR-7", *more)
        result.stdout.fnmatch_lines([told])
        assert result.ret == int(flip)
    kept = str(pytester.path / "kept")
    shown = call("show", kept).output.splitlines()
    assert shown[0] == f"{NAME}: 3 lines"
    assert "  flaky: test_own.py::test_flip: failed 1 of 3 runs" in shown
    (told,) = json.loads(call("show", kept, "--json").output)["histories"]
    origin = told["runs"][2]["origin"]
    assert (origin["commit"], origin["by"]) == ("c0ffee" * 6, "eve")
    assert origin["meta"] == {"ticket": "OR-7"}
    differing = call("diff", kept, "--from", "1")
    assert differing.exit_code == 0
    assert differing.output.splitlines() == [
        f"{NAME}: run 1 → run 3",
        "  nothing changed",
    ]
    assert call("diff", kept).exit_code == 1
    assert "  no longer failing: test_own.py::test_flip" in call("diff", kept).output
    sha256 = told["runs"][0]["sha256"]
    assert call("verify", kept, "--pin", f"1:{sha256[:12]}").exit_code == 0
    assert call("verify", kept, "--pin", f"2:{sha256[:12]}").exit_code == 3
    edited(Path(kept), run_oneroof, monkeypatch)


def edited(kept: Path, run_oneroof: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An edited line is found by verify, and by the next run, which adds none."""
    file = kept / f"{NAME}.jsonl"
    data = file.read_bytes().replace(b'"verdict":"NO-GO"', b'"verdict":"GO"')
    file.write_bytes(data)
    found = call("verify", str(kept))
    assert found.exit_code == 3
    assert "  line 2: it was edited: its hash is not that of its content" in (
        found.output.splitlines()
    )
    result = run_oneroof(*KEPT)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["verdict: NO-GO (clone): the history * does not hold, and is not continued*"]
    )
    assert file.read_bytes() == data
    assert call("show", str(kept)).exit_code == 1


LOST = """
import pathlib, shutil

def test_lost(oneroof_clone):
    shutil.rmtree("kept")
    pathlib.Path("kept").write_text("")
"""
FULL = """
import os

def test_full(oneroof_clone):
    def full(descriptor, sync=os.fsync):
        if os.readlink(f"/proc/self/fd/{descriptor}").endswith(".jsonl"):
            raise OSError(28, "No space left on device")
        sync(descriptor)

    os.fsync = full
"""


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (LOST, "verdict: NO-GO (clone): the history */kept/* cannot be read: Not a *"),
        (FULL, "history: FAILED: the history */kept/* cannot be written: No space *"),
    ],
)
def test_history_that_cannot_be_added_to_fails_the_run(
    pytester: pytest.Pytester, run_oneroof: Run, own: str, told: str
) -> None:
    """A folder that is gone or full at the end: a plain line, and status 1."""
    pytester.makepyfile(test_own=own)
    result = run_oneroof(*KEPT)
    assert result.ret == 1
    result.stdout.fnmatch_lines([told])
    for stream in (result.stdout, result.stderr):
        stream.no_fnmatch_line("*INTERNALERROR*")
        stream.no_fnmatch_line("*Traceback*")


def test_folder_that_cannot_be_used_is_refused_at_once(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """Before anything runs."""
    pytester.makepyfile(test_own=FLIP)
    (pytester.path / "kept").write_text("")
    result = run_oneroof(*KEPT)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --oneroof-history kept cannot be written: *"])


def test_run_without_checks_adds_no_line(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """There is no verdict to keep, and that is told."""
    pytester.makepyfile(test_own=FLIP)
    result = run_oneroof(*KEPT, "-k", "nothing")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert not list((pytester.path / "kept").iterdir())


def test_line_of_something_else_is_told(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """A line whose hash is right and whose content is no run: a finding, no crash."""
    pytester.makepyfile(test_own=FLIP)
    kept = pytester.path / "kept"
    History(kept, NAME).append({"kind": "run", "at": "day 1"})
    result = run_oneroof(*KEPT)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["verdict: NO-GO (clone): the history * line 1: *"])
    found = call("verify", str(kept))
    assert (found.exit_code, "  line 1: target is" in found.output) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "."), "there is no history in ."),
        (("show",), "no history is named"),
        (("verify", ".", "--pin", "1:abc"), "is not of the form RUN:SHA256"),
    ],
)
def test_wrong_use_is_told(
    arguments: Any, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with what to do, and status 2."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ONEROOF_HISTORY", raising=False)
    done = call(*arguments)
    assert (done.exit_code, told in done.output) == (2, True)
    assert os.listdir(tmp_path) == []
