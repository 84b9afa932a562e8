"""The closing section: problems first, in plain words, at most twelve lines."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from pytest_oneroof.clone.residue import Residue
from pytest_oneroof.evidence.conclusion import Conclusion
from pytest_oneroof.evidence.facts import Check, RunFacts
from pytest_oneroof.production.acceptance import AcceptanceExit
from pytest_oneroof.report.closing import MOST, Ending, closing

from . import runs

# Codes, statuses and internals that belong into verdict.json and `-v`.
CODES = re.compile(r"[A-Z]+_[A-Z_]+|<\d+;|RETAINED|READY|BLOCKED|transaction ids")


def ending(facts: RunFacts, word: str = "GO", **values: Any) -> Ending:
    """Return what a section is made of."""
    conclusion = Conclusion(word, tuple(facts.reasons))
    return Ending(conclusion, facts, runs.judge(facts), "(clone)", **values)


def texts(given: Ending, **how: Any) -> list[str]:
    """Return the section's lines, which hold no code."""
    lines = [line.text for line in closing(given, **how)]
    assert not [line for line in lines if CODES.search(line)], lines
    return lines


def others(*outcomes: str) -> tuple[Check, ...]:
    """Return own checks of those outcomes."""
    return tuple(
        Check(f"test_own.py::test_{n}", "own tests", "clone", outcome=o, why="why")
        for n, o in enumerate(outcomes)
    )


def test_whole_run_tells_what_is_not_checked() -> None:
    """A green run tells what passed, what was left, and what it did not check."""
    assert texts(ending(runs.clone_run(), report="out")) == [
        "passed: 122 of 122 checks (coverage 26/26, isolation 8/8, axis 7/7, "
        "events 9/9, dot 3/3, contract 8/8, gate 34/34, seal 9/9, production 18/18)",
        "exercised: production's own code by 59, the harness's own SQL by 50, "
        "neither by 13",
        "left behind: nothing (122 checks proved; clone and stand-in as before)",
        "clone: made from generated data; fine for checks, no stand-in for production",
        "not checked: production itself (add --oneroof-production-url URL)",
        "not checked: release rehearsal (add --oneroof-suite release)",
        "report: out/report.html",
        "verdict: GO (clone)",
    ]


def test_one_suite_is_not_red_for_the_others() -> None:
    """A run of one suite is GO; the others are one grey line with their option."""
    facts = runs.clone_run(checks=runs.suites("isolation"), cells=())
    lines = closing(ending(facts))
    assert [line.tone for line in lines] == ["", "", "", "", "dim", "dim", "good"]
    assert lines[-2].text == (
        "not checked: coverage of owners, axis and topic, issues and events and 3 more "
        "(add --oneroof-suite coverage,axis,events,dot,contract,release,seal)"
    )


def test_problems_come_first_each_by_name() -> None:
    """What failed, moved, did not run or is not there stands before all else."""
    facts = runs.failing(runs.clone_run(), "r1.2")
    more = others("not run", "not run", "not counted", "skipped", "xfailed")
    facts = replace(facts, checks=(*facts.checks, *more), deselected=("a", "b"))
    given = ending(facts, "NO-GO", against=("worker gw1 ended",), failures=("report",))
    lines = closing(given)
    assert [line.text for line in lines[:5]] == [
        "failed: oneroof/test_coverage.py::test_it[r1.2]: gap 1 instead of 0",
        "found: worker gw1 ended",
        "not run: 2 checks, why: test_own.py::test_0, test_own.py::test_1",
        "not counted: test_own.py::test_2: why",
        "report",
    ]
    assert {line.tone for line in lines[:5]} == {"bad"}
    assert (
        "not checked: 2 skipped or expected to fail (test_own.py::test_3 (why), "
        "test_own.py::test_4 (why)), 2 deselected"
    ) in texts(given)
    assert lines[-1].text == (
        "verdict: NO-GO (clone): oneroof/test_coverage.py::test_it[r1.2] failed"
    )


def test_residue_is_told_where_it_was_left() -> None:
    """A dirty check names what it left, and the run does not say 'nothing'."""
    facts = runs.dirty(runs.clone_run())
    lines = texts(ending(facts, "NO-GO"))
    assert lines[0].endswith("content table public.agents: before 6 rows, after 5 rows")
    (left,) = [line for line in lines if line.startswith("left behind: ")]
    assert left.startswith("left behind: content table public.agents: before 6 rows")


@pytest.mark.parametrize("count", [3, 30, 300])
def test_twelve_lines_whatever_fails(count: int) -> None:
    """However much is wrong the section has twelve lines; `-v` has them all."""
    checks = others(*["failed"] * count, *["not run"] * count, "skipped")
    facts = runs.clone_run(checks=checks, reasons=("test_own.py::test_0 failed",))
    given = ending(facts, "NO-GO", against=tuple(map(str, range(count))), report="r")
    assert len(texts(given)) <= MOST
    assert "test_own.py::test_0" in texts(given)[0]
    assert len(closing(given, full=True)) > 2 * count
    assert all(len(line) < 400 for line in texts(given))


def test_clone_is_told_in_words() -> None:
    """What a clone may stand for is told without the codes of its provenance."""
    secret = runs.surrogate(("CLONE_CONTAINS_SECRETS", "token 2"))
    found = {
        "made from generated data": runs.surrogate(),
        "it holds secrets": secret,
        "a production's copy": {**runs.surrogate(), "objections": []},
        "could not be read: gone": {"unread": "gone"},
    }
    for words, told in found.items():
        (line,) = [
            text
            for text in texts(ending(runs.clone_run(provenance=told)))
            if text.startswith("clone: ")
        ]
        assert words in line


def test_acceptance_tells_production_and_gate() -> None:
    """An acceptance says what was read, what moved by itself, how the gate stands."""
    facts = runs.with_production(
        runs.clone_run(target="production", provenance=None, cells=()), "BLOCKED"
    )
    end = AcceptanceExit(
        database="directus",
        gate="BLOCKED",
        blockers="ospa<1;",
        drift={"births": (3, 5, True), "events": (1, 1, True)},
    )
    lines = texts(replace(ending(facts), end=end))
    assert lines[3:5] == [
        "production: directus: nothing was written to it, and it is as before; "
        "moved by itself: births +2",
        "release gate: closed, oneroof gate tells by what",
    ]
    left = Residue("content", "x", "1", "2")
    changed = replace(end, differences={"own": (1, 2)}, unproved=[str(left)])
    told = texts(replace(ending(facts), end=changed))
    assert "production: directus: read only; what changed or is not proved" in told[3]


def test_nothing_checked_has_no_verdict() -> None:
    """Where nothing was checked the last line says so, and holds no verdict word."""
    facts = RunFacts("clone", "none", checks=others("not run", "skipped"))
    lines = closing(ending(facts, ""))
    assert lines[-1].text == "no verdict: nothing was checked"
    assert not any(re.search(r"\bGO\b", line.text) for line in lines)
