"""What counts: the state of one item by its evidence, and the verdict over all."""

from __future__ import annotations

from itertools import product

import pytest

from pytest_oneroof.evidence.conclusion import conclude, exit_status
from pytest_oneroof.evidence.counting import (
    ANSWERED,
    RAISED,
    UNPROVED,
    Counted,
    Evidence,
    Phase,
    count,
)

UP, DOWN = Phase("setup", "passed"), Phase("teardown", "passed")
CALLED = Phase("call", "passed", ran=True)
RUN = (UP, CALLED, DOWN)
SKIP = Phase("setup", "skipped", why="no")
AGAIN = Phase("call", "rerun", raised=True)
EXPECTED = Phase("call", "skipped", raised=True, expected=True, why="known")


def on(worker: str) -> tuple[Phase, ...]:
    """Return the phases of a passed run on a worker."""
    call = Phase("call", "passed", ran=True, worker=worker)
    return (UP, call, DOWN)


CASES: dict[str, tuple[Evidence, Counted]] = {
    "passed": (Evidence(phases=RUN), Counted("passed")),
    "proved": (
        Evidence(proves=True, phases=RUN, proofs=("clean",)),
        Counted("passed"),
    ),
    "run again": (Evidence(phases=(UP, AGAIN, *RUN)), Counted("passed")),
    "unproved": (
        Evidence(proves=True, phases=RUN),
        Counted("not counted", UNPROVED),
    ),
    "dirty": (
        Evidence(proves=True, phases=RUN, proofs=("dirty",)),
        Counted("failed", "its proof is dirty"),
    ),
    "dirty, then run again": (
        Evidence(phases=(UP, AGAIN, *RUN), proofs=("unprovable", "clean")),
        Counted("failed", "its proof is unprovable"),
    ),
    "failed": (Evidence(phases=(UP, Phase("call", "failed"), DOWN)), Counted("failed")),
    "failed teardown": (
        Evidence(phases=(UP, CALLED, Phase("teardown", "failed"))),
        Counted("failed"),
    ),
    "failed on one of two": (
        Evidence(phases=(*on("gw0"), UP, Phase("call", "failed", worker="gw1"), DOWN)),
        Counted("failed", "passed on gw0, failed on gw1"),
    ),
    "crashed": (Evidence(phases=(UP, Phase("???", "failed"))), Counted("failed")),
    "whitewashed": (
        Evidence(phases=(UP, Phase("call", "passed", ran=False, raised=True), DOWN)),
        Counted("failed", RAISED),
    ),
    "answered by another": (
        Evidence(phases=(UP, Phase("call", "passed"), DOWN)),
        Counted("not counted", ANSWERED),
    ),
    "never started": (Evidence(), Counted("not run", "never started")),
    "set up only": (
        Evidence(phases=(UP, DOWN)),
        Counted("not run", "set up, and not called to its end"),
    ),
    "interrupted": (
        Evidence(phases=(UP,)),
        Counted("not run", "set up, and not called to its end"),
    ),
    "without teardown": (
        Evidence(phases=(UP, CALLED)),
        Counted("not counted", "ended before its teardown"),
    ),
    "skipped": (Evidence(phases=(SKIP, DOWN)), Counted("skipped", "no")),
    "skipped inside": (
        Evidence(phases=(UP, Phase("call", "skipped", raised=True), DOWN)),
        Counted("skipped"),
    ),
    "failed as expected": (
        Evidence(phases=(UP, EXPECTED, DOWN)),
        Counted("xfailed", "known"),
    ),
    "expected and not run": (
        Evidence(phases=(Phase("setup", "skipped", expected=True), DOWN)),
        Counted("skipped"),
    ),
    "withheld": (
        Evidence(phases=(Phase("setup", "skipped", withheld=True, why="no"), DOWN)),
        Counted("not counted", "skipped by something outside of its suite: no"),
    ),
    "run twice": (
        Evidence(phases=(*on("gw1"), *on("gw0"))),
        Counted("not counted", "ran 2 times, selected 1 (on gw0, gw1)"),
    ),
    "selected twice": (Evidence(2, phases=(*RUN, *RUN)), Counted("passed")),
    "run once of two": (
        Evidence(2, phases=RUN),
        Counted("not counted", "ran 1 of 2 times"),
    ),
}


@pytest.mark.parametrize("case", list(CASES))
def test_counts_by_own_evidence(case: str) -> None:
    """Each evidence has one state; only a passed call and a clean proof pass."""
    evidence, counted = CASES[case]
    assert count(evidence) == counted
    assert count(Evidence.from_values(evidence.to_values())) == counted


def test_nothing_passes_without_call_and_proof() -> None:
    """Of all short reports, an item passes in those alone where its own code ran."""
    outcomes = ("passed", "failed", "skipped", "rerun")
    kinds = [
        Phase(when, outcome, ran=ran, raised=raised)
        for when in ("setup", "call", "teardown")
        for outcome, ran, raised in product(outcomes, (False, True), (False, True))
    ]
    proofs: tuple[tuple[str, ...], ...] = ((), ("clean",), ("clean", "dirty"))
    for phases in (*product(kinds, repeat=2), *product(kinds, kinds, (DOWN,))):
        for proof in proofs:
            evidence = Evidence(proves=True, phases=phases, proofs=proof)
            if count(evidence).state == "passed":
                assert any(p.when == "call" and p.ran for p in phases)
                assert proof == ("clean",)
                assert not any(p.outcome == "failed" for p in phases)


PASSING, SKIPPING = Evidence(phases=RUN), Evidence(phases=(SKIP, DOWN))
FAILING = Evidence(phases=(UP, Phase("call", "failed"), DOWN))


@pytest.mark.parametrize(
    ("items", "against", "status", "word", "ends"),
    [
        ({"a": PASSING}, [], 0, "GO", 0),
        ({"a": PASSING, "b": SKIPPING}, [], 0, "GO", 0),
        ({"a": PASSING, "b": Evidence()}, [], 0, "NO-GO", 1),
        ({"a": FAILING}, [], 1, "NO-GO", 1),
        ({"a": PASSING}, ["moved"], 0, "NO-GO", 1),
        ({"a": PASSING}, [], 2, "NO-GO", 2),
        ({}, [], 5, "", 5),
        ({"a": SKIPPING}, [], 0, "", 5),
        ({"a": Evidence(phases=(UP, DOWN))}, [], 0, "", 5),
        ({"a": Evidence(phases=(UP, EXPECTED, DOWN))}, [], 0, "", 5),
        ({}, ["x could not be collected"], 2, "", 2),
    ],
)
def test_concludes(
    items: dict[str, Evidence], against: list[str], status: int, word: str, ends: int
) -> None:
    """Nothing checked, no word; anything wrong, NO-GO; and only GO ends with 0."""
    found = conclude(items, against, status)
    assert (found.word, exit_status(found.word, status)) == (word, ends)
    assert bool(found.reasons) == (word != "GO")


def test_reasons_name_what_failed_first() -> None:
    """What failed comes first, then findings of the run, then what did not run."""
    items = {f"t{n}": Evidence() for n in range(8)} | {"bad": FAILING, "good": PASSING}
    found = conclude(items | {"skip": SKIPPING}, ["a figure moved"], 1)
    assert found.reasons == (
        "bad failed",
        "a figure moved",
        "8 checks did not run: never started (t0, t1, t2, t3, t4, t5 and 2 more)",
    )
    assert found.unchecked == {"skip": "no"}
