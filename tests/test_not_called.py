"""Runs in which checks are not called, or answered for: none of them says GO for it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.packet.write import verify_packet

Run = Callable[..., pytest.RunResult]
THREE = """
def test_1(oneroof_clone): pass
def test_2(oneroof_clone): pass
def test_3(oneroof_clone): pass
"""


def states(folder: Path) -> dict[str, str]:
    """Return what each check of a packet counts as; the packet holds."""
    answer = verify_packet(folder)
    assert answer.status == 0, "\n".join(answer.lines)
    results = json.loads((folder / "results.json").read_text())
    return {i["nodeid"].rpartition("::")[2]: i["outcome"] for i in results["items"]}


def no_word(result: pytest.RunResult) -> bool:
    """Tell whether a run gives no verdict at all, and says so."""
    text = result.stdout.str()
    return "no verdict: nothing was checked" in text and not any(
        line.startswith(("verdict", "GO", "NO-GO")) for line in result.outlines
    )


ANSWERS = """
import pytest

def report(item, when):
    return pytest.TestReport(item.nodeid, item.location, {}, "passed", None, when)

def pytest_runtest_protocol(item, nextitem):
    if item.name == "test_protocol_silent":
        return True
    if item.name == "test_protocol":
        for when in ("setup", "call", "teardown"):
            item.ihook.pytest_runtest_logreport(report=report(item, when))
        return True

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    return True if pyfuncitem.name == "test_function" else None

def pytest_collection_modifyitems(items):
    for item in items:
        if item.name == "test_exchanged":
            item.obj = lambda oneroof_clone: None
        if item.name == "test_runtest":
            item.runtest = lambda: None

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if item.name == "test_whitewashed" and call.when == "call":
        report.outcome = "passed"
    return report

@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except AssertionError:
        if item.name != "test_swallowed":
            raise
"""
ANSWERED = """
import asyncio
import threading
import unittest
import pytest
from hypothesis import given, strategies as st

def test_good(oneroof_clone): pass
def test_protocol(oneroof_clone): assert 0
def test_protocol_silent(oneroof_clone): assert 0
def test_function(oneroof_clone): assert 0
def test_exchanged(oneroof_clone): assert 0
def test_runtest(oneroof_clone): assert 0
def test_whitewashed(oneroof_clone): assert 0
def test_swallowed(oneroof_clone): assert 0

@pytest.mark.xfail(reason="known")
def test_xfail(oneroof_clone): assert 0
@pytest.mark.xfail
def test_xpass(oneroof_clone): pass
@pytest.mark.xfail(strict=True)
def test_xpass_strict(oneroof_clone): pass
@pytest.mark.xfail(run=False)
def test_xfail_unrun(oneroof_clone): assert 0
@pytest.mark.skip(reason="why not")
def test_skip(oneroof_clone): assert 0
def test_skip_inside(oneroof_clone): pytest.skip("inside")

@given(st.integers())
def test_given(oneroof_clone, number): pass

class TestUnit(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _clone(self, oneroof_clone): self.clone = oneroof_clone
    def test_unit(self):
        with self.subTest(part=1):
            self.clone.execute("SELECT 1")

class TestExchanged:
    @pytest.fixture
    def oneroof_clone(self): return None
    def test_no_proof(self, oneroof_clone): pass

class TestWrapped:
    @pytest.fixture
    def oneroof_clone(self, oneroof_clone): return oneroof_clone
    def test_wrapped(self, oneroof_clone): pass
    @staticmethod
    def test_static(oneroof_clone): pass

@pytest.fixture
def bad_end():
    yield
    assert 0
def test_bad_end(oneroof_clone, bad_end): pass
"""
STATES = {
    "test_good": "passed",
    "test_protocol": "not counted",
    "test_protocol_silent": "not run",
    "test_function": "not counted",
    "test_exchanged": "not counted",
    "test_runtest": "not counted",
    "test_whitewashed": "failed",
    "test_swallowed": "not counted",
    "test_xfail": "xfailed",
    "test_xpass": "passed",
    "test_xpass_strict": "failed",
    "test_xfail_unrun": "skipped",
    "test_skip": "skipped",
    "test_skip_inside": "skipped",
    "test_given": "passed",
    "test_unit": "passed",
    "test_no_proof": "not counted",
    "test_wrapped": "passed",
    "test_static": "passed",
    "test_bad_end": "failed",
}


@pytest.mark.parametrize("workers", ["-n0", "-n1"])
def test_what_answers_for_a_check_is_named(
    pytester: pytest.Pytester, run_oneroof: Run, workers: str
) -> None:
    """Each way to answer for a check without calling it is seen, in junit as well."""
    pytester.makeconftest(ANSWERS)
    pytester.makepyfile(test_answered=ANSWERED)
    path = ("test_answered.py", "--oneroof-report", "out", "--junitxml=j.xml")
    result = run_oneroof("--oneroof-clone", *path, workers)
    assert result.ret == 1
    assert states(pytester.path / "out") == STATES
    result.stdout.fnmatch_lines(["*NO-GO*"])
    bad: set[str] = set()
    for case in ET.parse(pytester.path / "j.xml").getroot().iter("testcase"):
        if {"failure", "error"} & {part.tag for part in case}:
            bad.add(str(case.get("name")))
    wrong = {n for n, s in STATES.items() if s in ("failed", "not run", "not counted")}
    assert bad == wrong


WITHHOLDS = """
import pytest

@pytest.fixture(autouse=True)
def outside(request):
    if "bom" in request.node.name:
        pytest.skip("not today")

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if "crlf" in item.name:
            item.add_marker(pytest.mark.xfail)
        if "missing" in item.name:
            item.add_marker(pytest.mark.skip)
    items[:] = [item for item in items if "edited" not in item.name]
"""


def test_what_keeps_a_shipped_check_from_running_is_named(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """A conftest that skips, expects to fail or removes a shipped check is no GO."""
    pytester.makeconftest(WITHHOLDS)
    result = run_oneroof(
        *("--oneroof-clone", "--oneroof-suite", "seal", "--oneroof-report", "out")
    )
    assert result.ret == 1
    found = states(pytester.path / "out")
    assert {n: s for n, s in found.items() if s != "passed"} == {
        "test_drift[edited_content]": "not run",
        "test_drift[bom_prefix]": "not counted",
        "test_drift[missing_file]": "not counted",
    }


NOTHING = {
    "setup-plan": ("--setup-plan",),
    "loop taken": ("-p", "taken"),
}


@pytest.mark.parametrize("how", list(NOTHING))
def test_where_nothing_is_called_there_is_no_verdict(
    pytester: pytest.Pytester, run_oneroof: Run, how: str
) -> None:
    """No word, no packet, exit status 5."""
    pytester.makepyfile(taken="def pytest_runtestloop(session): return True")
    pytester.makepyfile(test_three=THREE)
    path = ("test_three.py", "--oneroof-report", "out", *NOTHING[how])
    result = run_oneroof("--oneroof-clone", *path)
    assert (result.ret, no_word(result)) == (5, True), result.stdout.str()
    assert not (pytester.path / "out").exists()


ENDS = """
import os, pytest, signal

def test_1(oneroof_clone): pass
def test_2(oneroof_clone): {do}
def test_3(oneroof_clone): pass
"""


@pytest.mark.parametrize(
    ("do", "arguments", "ret", "third"),
    [
        ("pytest.exit('enough', returncode=0)", (), 1, "not run"),
        ("os.kill(os.getpid(), signal.SIGKILL)", ("-n1",), 1, "passed"),
        ("pass", ("-n2", "--dist=each"), 1, "not counted"),
        (
            "assert os.environ['PYTEST_XDIST_WORKER'] == 'gw0'",
            ("-n2", "--dist=each"),
            1,
            "not counted",
        ),
    ],
    ids=["exit", "killed", "each", "each, one fails"],
)
def test_a_run_that_ends_early_is_no_go(
    pytester: pytest.Pytester,
    run_oneroof: Run,
    do: str,
    arguments: tuple[str, ...],
    ret: int,
    third: str,
) -> None:
    """What was not run to its end is named, and the exit status is not 0."""
    pytester.makepyfile(test_ends=ENDS.format(do=do))
    path = ("test_ends.py", "--oneroof-report", "out", *arguments)
    result = run_oneroof("--oneroof-clone", *path)
    assert result.ret == ret
    found = states(pytester.path / "out")
    assert (found["test_2"] == "passed", found["test_3"]) == (False, third)
    run = json.loads((pytester.path / "out" / "run.json").read_text())
    assert run["verdict"] == "NO-GO"
    assert any("test_2" in reason for reason in run["reasons"])
    if "--dist=each" in arguments:
        told = " ".join(run["reasons"])
        assert "ran 2 times, selected 1 (on gw0, gw1)" in told
        assert ("test_2 failed: passed on gw0, failed on gw1" in told) == (do != "pass")


def test_no_plugin_makes_a_run_without_go_end_with_0(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """Exit status and verdict stay, also where a plugin resets what pytest found."""
    pytester.makeconftest(
        """
        import pytest

        @pytest.hookimpl(wrapper=True, tryfirst=True)
        def pytest_sessionfinish(session):
            yield
            session.exitstatus = 0
        """
    )
    pytester.makepyfile(test_bad="def test_bad(oneroof_clone): assert 0")
    assert run_oneroof("--oneroof-clone", "test_bad.py").ret == 1


def test_interrupt_of_all_processes(
    pytester: pytest.Pytester, cache: Path, run_oneroof: Run
) -> None:
    """Ctrl-C in a run with workers: NO-GO, each worker and check is named."""
    pytester.makepyfile(
        test_waits="""
        import pathlib, time
        def test_1(oneroof_clone): pass
        def test_2(oneroof_clone):
            pathlib.Path("waits").touch()
            time.sleep(30)
        """
    )
    arguments = ["--oneroof-clone", f"--oneroof-cache-dir={cache}", "-n1"]
    arguments += ["-p", "no:cacheprovider", "--oneroof-report=out", "test_waits.py"]
    run: Any = subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while run.poll() is None and not (pytester.path / "waits").exists():
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    said, _ = run.communicate(timeout=120)
    assert run.returncode == 2, said
    assert "worker gw0 ended without telling what it left" in said
    assert states(pytester.path / "out") == {"test_1": "passed", "test_2": "not run"}
