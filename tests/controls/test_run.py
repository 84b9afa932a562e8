"""Runs with negative controls: killed, survived, idle, own tests, own faults."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., pytest.RunResult]
ANCHOR = "DELETE FROM public.governance_object_ownership WHERE object_ref = 'GRP-AI'"
OWN = """
    def count(connection, table):
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]

    def test_owners(oneroof_clone):
        assert count(oneroof_clone, "governance_object_ownership") == 30

    def test_blind(oneroof_clone):
        assert count(oneroof_clone, "governance_object_ownership") >= 0
"""
# Every shipped check replaced by one that passes, whatever it is given.
WEAK = """
    import functools
    from pytest_oneroof.run import suites as shipped

    load = shipped.load

    def passing(function):
        @functools.wraps(function)
        def weak(**given):
            pass
        return weak

    def weakened(pack, name):
        module = load(pack, name)
        for test in [n for n in vars(module) if n.startswith("test_")]:
            setattr(module, test, passing(getattr(module, test)))
        return module

    shipped.load = weakened
"""


@pytest.fixture
def faults(pytester: pytest.Pytester) -> Callable[..., None]:
    """Write a catalog of one's own, and name its folder in the ini file."""

    def write(*entries: dict[str, Any], **more: Any) -> None:
        folder = pytester.mkdir("faults")
        text = json.dumps({"faults": entries, **more})
        (folder / "own.json").write_text(text)
        pytester.makeini("[pytest]\noneroof_faults = faults")

    return write


def own(ident: str, *checks: str, does: str = ANCHOR) -> dict[str, Any]:
    """Return a fault of a project's own."""
    breaks = "The owners of a group are gone."
    noticed = [f"test_own.py::{check}" for check in checks]
    return {
        "id": ident,
        "kind": "sql",
        "breaks": breaks,
        "does": [does],
        "noticed": noticed,
    }


def test_coverage_kills_all(pytester: pytest.Pytester, run_oneroof: Run) -> None:
    """Every fault of a suite is killed or explained, in two processes as in one."""
    given = ("--oneroof-clone", "--oneroof-suite", "coverage", "--oneroof-controls")
    lines = []
    for more in ((), ("-n", "2")):
        result = run_oneroof(*given, "--oneroof-report", f"out{len(more)}", *more)
        assert result.ret == 0
        result.stdout.fnmatch_lines(["coverage   26/26", "state *entry = exit*"])
        told = [line for line in result.outlines if line.startswith("controls ")]
        lines += told
    assert lines[0] == lines[1]
    assert "survived" not in lines[0]
    assert "idle" not in lines[0]
    found = [next(pytester.path.glob(f"out{n}/**/verdict.json")) for n in (0, 2)]
    serial, shared = (json.loads(f.read_text())["controls"] for f in found)
    for told in (serial, shared):
        for fault in told["faults"]:
            # Of a generated fault the quickest check is told.
            fault["killed_by"] = bool(fault["killed_by"])
    assert serial == shared
    assert serial["generated"] > 30
    assert serial["idle"] == []


def test_a_blind_check_lets_a_fault_survive(
    pytester: pytest.Pytester, run_oneroof: Run, faults: Callable[..., None]
) -> None:
    """Own tests take part; the one that misses a fault is named, and is idle."""
    pytester.makepyfile(test_own=textwrap.dedent(OWN))
    faults(own("group-unowned", "test_owners", "test_blind"))
    result = run_oneroof("--oneroof-clone", "--oneroof-controls", "test_own.py")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "group-unowned survived: The owners of a group are gone.",
            "  not noticed: test_own.py::test_blind",
            "  noticed by: test_own.py::test_owners",
            "own tests  2/2",
            "controls   0/1 killed, 1 survived (group-unowned), 1 idle "
            "(test_own.py::test_blind)",
            "verdict: NO-GO (clone): *1 checks are idle: test_own.py::test_blind",
        ]
    )


def test_an_idle_check_alone_fails_the_run(
    pytester: pytest.Pytester, run_oneroof: Run, faults: Callable[..., None]
) -> None:
    """All faults are killed, and yet a check that noticed none fails the run."""
    pytester.makepyfile(test_own=textwrap.dedent(OWN))
    faults(own("group-unowned", "test_owners"))
    result = run_oneroof("--oneroof-clone", "--oneroof-controls", "test_own.py")
    result.assert_outcomes(passed=3)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["controls   1/1 killed, 1 idle (test_own.py::test_blind)"]
    )


def test_an_explained_check_is_not_idle(
    pytester: pytest.Pytester, run_oneroof: Run, faults: Callable[..., None]
) -> None:
    """A reason in the catalog explains a check that can notice nothing."""
    pytester.makepyfile(test_own=textwrap.dedent(OWN))
    reason = {"test_own.py::test_blind": "it asks whether the table is there"}
    faults(own("group-unowned", "test_owners"), unseen=reason)
    result = run_oneroof("--oneroof-clone", "--oneroof-controls", "test_own.py")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["controls   1/1 killed", "verdict: GO (clone)"])


def test_a_fault_runs_alone_by_its_id(run_oneroof: Run) -> None:
    """The id of a fault, as printed, runs that fault and nothing beside it."""
    given = ("--oneroof-clone", "--oneroof-controls")
    listed = "oneroof/controls::axis-substrate-a-a05"
    generated = "oneroof/controls::trigger.event_outbox.trg_event_outbox_type_validate"
    check = "oneroof/test_coverage.py::test_ownership_rows[r1.1]"
    result = run_oneroof(*given, listed, generated)
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["controls   2/2 killed*", "verdict: GO (clone)"])
    run_oneroof(*given, listed, check).assert_outcomes(passed=2)
    for arguments, told in (
        ((*given, "oneroof/controls::none"), "*no shipped check matches: *::none"),
        (("--oneroof-clone", listed), f"*{listed}: give --oneroof-controls too"),
    ):
        refused = run_oneroof(*arguments)
        assert refused.ret == pytest.ExitCode.USAGE_ERROR
        refused.stderr.fnmatch_lines([told])


def test_a_check_that_fails_unbroken_notices_nothing(
    pytester: pytest.Pytester, run_oneroof: Run, faults: Callable[..., None]
) -> None:
    """A check that fails without any fault does not kill one."""
    pytester.makepyfile(
        test_own="def test_red(oneroof_clone):\n    assert oneroof_clone is None\n"
    )
    faults(own("group-unowned", "test_red"))
    result = run_oneroof("--oneroof-clone", "--oneroof-controls", "test_own.py")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*test_own.py::test_red was not reached: it fails unbroken: *"]
    )


def test_a_fault_that_changes_nothing_is_an_error(
    pytester: pytest.Pytester, run_oneroof: Run, faults: Callable[..., None]
) -> None:
    """A definition that does not hold the text is told, and the fault fails."""
    pytester.makepyfile(test_own=textwrap.dedent(OWN))
    fault = own("no-such-text", "test_owners", does="SELECT 1")
    fault |= {"definition": "public.v_object_owner_gap", "old": "SIDE JOIN", "new": ""}
    faults(fault)
    result = run_oneroof(
        "--oneroof-clone", "--oneroof-controls", "test_own.py", "-k", "no-such-text"
    )
    result.assert_outcomes(failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        ["*no-such-text: public.v_object_owner_gap does not hold 'SIDE JOIN': *"]
    )


def test_weakening_any_check_is_told(
    pytester: pytest.Pytester, run_oneroof: Run
) -> None:
    """With every shipped check made to pass, a listed fault is missed by each.

    A listed fault is killed only if each check that it names has noticed: one that is
    missed by a check in this run survives as well where that check alone is weak.
    """
    pytester.makepyfile(weak=textwrap.dedent(WEAK))
    pytester.syspathinsert()
    result = run_oneroof(
        *("--oneroof-clone", "--oneroof-controls", "--oneroof-report", "out"),
        *("-p", "weak", "-n", "2"),
    )
    assert result.ret == 1
    file = next(pytester.path.glob("out/**/verdict.json"))
    told = json.loads(file.read_text())
    controls = told["controls"]
    assert controls["killed"] == 0
    listed = [fault for fault in controls["faults"] if not fault["generated"]]
    missed = {check for fault in listed for check in fault["missed_by"]}
    assert set(controls["idle"]) == missed
    checks = sum(suite["total"] for suite in told["suites"])
    assert len(missed) == checks == 139
