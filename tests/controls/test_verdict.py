"""What a fault came to, and which checks are idle: decided from values alone."""

from __future__ import annotations

import pytest

from pytest_oneroof.controls.catalog import Fault
from pytest_oneroof.controls.verdict import (
    EQUIVALENT,
    KILLED,
    NOTICED,
    PASSED,
    SURVIVED,
    UNREACHED,
    Controls,
    Result,
    Seen,
    judge,
    named,
)

CHECKS = ("a:1", "a:2", "b:1")


def fault(**values: object) -> Fault:
    """Return a fault with these values."""
    given = {"ident": "x", "kind": "sql", "area": "data", "breaks": "It is gone."}
    return Fault(**{**given, **values})  # type: ignore[arg-type]


def test_checks_are_named_whole_and_by_their_beginning() -> None:
    """A name with `*` stands for all that begin so, but the exceptions."""
    listed = fault(noticed={"a:*": "any", "a:2": "two"}, but=("a:1",))
    assert named(listed, CHECKS) == {"a:2": "two"}
    assert named(fault(noticed={"*": ""}), CHECKS) == dict.fromkeys(CHECKS, "")
    assert named(fault(noticed={"a": ""}), CHECKS) == {}


@pytest.mark.parametrize(
    ("outcomes", "verdict", "missed"),
    [
        ((NOTICED, NOTICED), KILLED, ()),
        ((NOTICED, PASSED), SURVIVED, ("a:2",)),
        ((PASSED, PASSED), SURVIVED, ("a:1", "a:2")),
        ((NOTICED, UNREACHED), SURVIVED, ("a:2",)),
    ],
)
def test_a_listed_fault_needs_every_check(
    outcomes: tuple[str, str], verdict: str, missed: tuple[str, ...]
) -> None:
    """One named check that did not notice lets a listed fault survive."""
    seen = [Seen(c, o) for c, o in zip(CHECKS, outcomes, strict=False)]
    result = judge(fault(), seen, {})
    assert (result.verdict, result.missed_by) == (verdict, missed)


def test_a_generated_fault_needs_one_check() -> None:
    """One check that noticed kills a generated fault."""
    made = fault(relation="t")
    seen = [Seen("a:1", PASSED), Seen("a:2", NOTICED)]
    assert judge(made, seen, {}).verdict == KILLED
    assert judge(made, seen[:1], {}).verdict == SURVIVED
    assert judge(made, [], {}).verdict == SURVIVED


def test_a_check_has_to_notice_for_its_reason() -> None:
    """A failure that does not hold the text noticed something else."""
    seen = [Seen("a:1", NOTICED, "syntax error")]
    result = judge(fault(), seen, {"a:1": "expected 30"})
    assert result.verdict == SURVIVED
    assert result.reason == "a:1 does not say 'expected 30', but: syntax error"


def test_an_explanation_that_no_longer_holds_is_told() -> None:
    """An explained fault that is noticed counts as killed, else as equivalent."""
    explained = fault(equivalent="nobody can", relation="t")
    assert judge(explained, [Seen("a:1", PASSED)], {}).verdict == EQUIVALENT
    assert judge(explained, [], {}).reason == "nobody can"
    assert judge(explained, [Seen("a:1", NOTICED)], {}).verdict == KILLED


def result(ident: str, verdict: str, *killed_by: str) -> Result:
    """Return a result."""
    return Result(ident, "sql", "data", "It is gone.", verdict, killed_by)


def test_a_check_that_noticed_nothing_is_idle() -> None:
    """Idle is who noticed no fault and is not explained, when all faults ran."""
    controls = Controls(
        [result("x", KILLED, "a:1")], set(CHECKS), {"x"}, {"b:1": "only reads"}
    )
    assert controls.idle() == ["a:2"]
    assert controls.reasons() == ["1 checks are idle: a:2"]
    assert controls.line() == "1/1 killed, 1 idle (a:2)"
    controls.planned.add("y")
    assert controls.idle() == []
    assert controls.line() == ("1/1 killed, 1 not run, so that no check is judged idle")


def test_the_line_names_survivors() -> None:
    """Survivors are counted and named; equivalents do not count as faults to kill."""
    results = [
        result("x", KILLED, "a:1"),
        result("y", SURVIVED, "a:2"),
        result("z", EQUIVALENT),
    ]
    controls = Controls(results, {"a:1", "a:2"}, {"x", "y", "z"})
    assert controls.line() == "1/2 killed, 1 equivalent, 1 survived (y)"
    assert controls.reasons() == ["1 faults survived: y"]
    assert controls.document()["survived"] == 1
