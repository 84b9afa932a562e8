"""What a check left: states compared, circumstances weighed, the verdict."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.clone import residue
from pytest_oneroof.clone.residue import Circumstances, Proof, Residue, State

BEFORE = State(snapshot="100:100:", sessions_ever=4)
ROW = Residue("content", "table public.a", "1 rows (x)", "2 rows (y)")
TEXT = st.text(max_size=8)
RESIDUES = st.builds(Residue, TEXT, TEXT, TEXT, TEXT)
PROOFS = st.builds(
    Proof,
    check=TEXT,
    ids=st.integers(0),
    restored=st.lists(RESIDUES, max_size=3).map(tuple),
    dirty=st.lists(RESIDUES, max_size=3).map(tuple),
    reason=TEXT,
    notes=st.lists(TEXT, max_size=2).map(tuple),
)


def after(**changes: Any) -> State:
    """Return the state before with some changed."""
    return replace(BEFORE, **changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"advisory_locks": frozenset({"0/42/1 ExclusiveLock"})},
            "advisory lock 0/42/1 ExclusiveLock: before absent, after present",
        ),
        (
            {"prepared_statements": frozenset({"q"})},
            "prepared statement q: before absent, after present",
        ),
        (
            {"listeners": frozenset({"c"})},
            "listener c: before absent, after present",
        ),
        (
            {"cursors": frozenset({"c"})},
            "held cursor c: before absent, after present",
        ),
        (
            {"temporary": frozenset({"r t"})},
            "temporary object r t: before absent, after present",
        ),
    ],
)
def test_names_what_changed_in_its_session(changes: dict[str, Any], told: str) -> None:
    """Each thing that lives in the session is named by kind."""
    (left,) = residue.session_changes(BEFORE, after(**changes))
    assert str(left) == told
    assert residue.shared_changes(BEFORE, after(**changes)) == ()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"prepared_transactions": frozenset({"x"})},
            "prepared transaction x: before absent, after present",
        ),
        (
            {"slots": frozenset({"s"})},
            "replication slot s: before absent, after present",
        ),
        (
            {"sessions": {7: "app"}},
            "session pid 7 of app: before absent, after present",
        ),
    ],
)
def test_names_what_others_could_meet(changes: dict[str, Any], told: str) -> None:
    """Each thing that outlives the session is named by kind."""
    (left,) = residue.shared_changes(BEFORE, after(**changes))
    assert str(left) == told
    assert residue.session_changes(BEFORE, after(**changes)) == ()


def test_leaves_out_what_was_there_before() -> None:
    """What a check found is not what it left."""
    was = after(listeners=frozenset({"c"}), sessions={7: "app"})
    now = after(sessions={7: "app"})
    assert residue.session_changes(was, now) == ()
    assert residue.shared_changes(was, now) == ()


@pytest.mark.parametrize(
    ("suspects", "how", "needed"),
    [
        ((), Circumstances(intact=False, closed=True), False),
        (((5, "in progress"),), Circumstances(intact=False, closed=True), False),
        (((5, "committed"),), Circumstances(intact=True, closed=True), False),
        (((5, "committed"),), Circumstances(intact=False, closed=True), True),
        (((5, None),), Circumstances(intact=False, closed=True), True),
        (((5, "committed"),), Circumstances(intact=True, closed=False), False),
        (
            ((5, "committed"),),
            Circumstances(intact=True, closed=False, strangers=True),
            True,
        ),
        ((), Circumstances(intact=False, closed=True, crashed=True), True),
    ],
    ids=[
        "lost, nothing committed",
        "lost, others still open",
        "closed and intact: others' databases",
        "lost, something committed",
        "lost, something forgotten",
        "open, nobody there",
        "open, a stranger there",
        "crashed",
    ],
)
def test_looks_only_where_ids_leave_a_question(
    suspects: tuple[tuple[int, str | None], ...], how: Circumstances, *, needed: bool
) -> None:
    """Content is read when the ids alone cannot tell whose commit it was."""
    assert residue.needs_look(after(suspects=suspects), how) is needed


@pytest.mark.parametrize(
    ("changes", "lost", "strangers", "crashed"),
    [
        ({}, False, False, False),
        ({"sessions_ever": 5}, False, True, False),
        ({"sessions_ever": 5}, True, False, False),
        ({"sessions_ever": 6}, True, True, False),
        ({"sessions": {7: "app"}}, False, True, False),
        ({"sessions_ever": 1}, True, False, True),
        ({"sessions_ever": 4}, True, False, True),
    ],
    ids=[
        "nobody",
        "one came and went",
        "its own made anew",
        "made anew, and one came",
        "one is there",
        "counters discarded",
        "counters discarded, as many since",
    ],
)
def test_counts_who_was_there(
    changes: dict[str, Any], *, lost: bool, strangers: bool, crashed: bool
) -> None:
    """Sessions are counted; one made anew is ours, and fewer tell a crash."""
    how = residue.circumstances(
        BEFORE, after(**changes), intact=not lost, lost=lost, closed=False
    )
    assert (how.strangers, how.crashed) == (strangers, crashed)
    assert (how.intact, how.closed) == (not lost, False)


def test_a_closed_clone_is_told_as_closed() -> None:
    """Whether others could connect goes into the circumstances as it is."""
    how = residue.circumstances(BEFORE, after(), intact=True, lost=False, closed=True)
    assert how == Circumstances(intact=True, closed=True)


def test_reason_counts_the_ids_that_cannot_be_told_apart() -> None:
    """An unprovable verdict says what happened, and how many ids are open."""
    lost = Circumstances(intact=False, closed=True)
    assert residue.untold([], lost) == ""
    assert residue.untold([5, 6], lost) == (
        "the check ended its own transaction, and 2 ids committed meanwhile cannot be "
        "told from its own; tables and schema are as before"
    )
    assert residue.untold([5], replace(lost, lost=True)) == ""


def test_forgotten_ids_are_a_reason() -> None:
    """Ids whose end the server no longer knows are named, five of them."""
    assert residue.unknown_ids(after(suspects=((5, "committed"),))) == ""
    many = tuple((number, None) for number in range(7))
    assert residue.unknown_ids(after(suspects=many)) == (
        "the server no longer knows the ids [0, 1, 2, 3, 4]"
    )


def test_attributes_to_strangers_only_what_the_check_cannot_have_done() -> None:
    """With its own transaction intact, and a stranger there, a change is foreign."""
    there = after(sessions={7: "app", 9: "ops"})
    how = Circumstances(intact=True, closed=False, strangers=True)
    (left,) = residue.attributed((ROW,), there, how)
    assert str(left) == (
        "foreign content table public.a: before 1 rows (x), after 2 rows (y) "
        "(by pid 7 of app, pid 9 of ops, not by this check's session)"
    )
    (gone,) = residue.attributed((ROW,), BEFORE, how)
    assert "(by a session that has ended, not by this check's session)" in gone.after
    for own in (replace(how, intact=False), replace(how, strangers=False)):
        assert residue.attributed((ROW,), there, own) == (ROW,)


@given(st.lists(RESIDUES, max_size=6), st.lists(RESIDUES, max_size=6))
def test_merging_keeps_one_for_each_object(
    first: list[Residue], second: list[Residue]
) -> None:
    """Both lists' objects are there once, as the first list tells them."""
    both = residue.merged(tuple(first), tuple(second))
    keys = [(left.kind, left.object) for left in both]
    assert len(keys) == len(set(keys))
    assert set(keys) == {(left.kind, left.object) for left in (*first, *second)}
    for left in first:
        told = next(r for r in both if (r.kind, r.object) == (left.kind, left.object))
        assert told in first


@given(proof=PROOFS, strict=st.booleans())
def test_verdict_is_the_worst_that_was_found(proof: Proof, *, strict: bool) -> None:
    """Anything dirty is dirty; a reason is unprovable; only then clean."""
    verdict = residue.verdict_of(proof, strict=strict).verdict
    if proof.dirty or (strict and proof.restored):
        assert verdict == "dirty"
    else:
        assert verdict == ("unprovable" if proof.reason else "clean")


@given(PROOFS, st.dictionaries(TEXT | st.just("unprovable"), TEXT, max_size=3))
def test_allowance_loses_nothing(proof: Proof, allowed: dict[str, str]) -> None:
    """What a marker allows is moved, with its reason; all else stays dirty."""
    judged = residue.verdict_of(proof, strict=False)
    changed = residue.allow(judged, allowed)
    assert set(changed.dirty) == {r for r in proof.dirty if r.kind not in allowed}
    moved = len(proof.dirty) - len(changed.dirty)
    excused = bool(proof.reason) and "unprovable" in allowed
    assert len(changed.allowed) == moved + excused
    assert changed.reason == ("" if excused else proof.reason)
    assert (changed.verdict == "clean") == (not changed.dirty and not changed.reason)


def test_allowance_is_told_with_its_reason() -> None:
    """The report shows what was allowed, and why."""
    proof = Proof("t", verdict="dirty", dirty=(ROW,), reason="lost")
    reasons = {"content": "seeds once", "unprovable": "ends its own"}
    changed = residue.allow(proof, reasons)
    assert (changed.verdict, changed.reason) == ("clean", "")
    assert changed.allowed == (
        "content table public.a: before 1 rows (x), after 2 rows (y) "
        "(allowed: seeds once)",
        "unprovable: lost (allowed: ends its own)",
    )


@given(PROOFS)
def test_proof_survives_being_sent(proof: Proof) -> None:
    """A proof comes back whole from JSON, as workers send it."""
    assert Proof.from_dict(json.loads(json.dumps(proof.to_dict()))) == proof


def test_proof_is_told_line_by_line() -> None:
    """The message names the check, the verdict, what was left and put back."""
    moved = Residue("sequence", "public.a", "5", "6")
    proof = Proof(
        "test_it",
        verdict="dirty",
        dirty=(ROW,),
        restored=(moved,),
        reason="and a reason",
        notes=("and a note",),
    )
    assert str(proof).splitlines() == [
        "test_it: dirty",
        "  and a reason",
        "  left behind: content table public.a: before 1 rows (x), after 2 rows (y)",
        "  put back: sequence public.a: before 5, after 6",
        "  note: and a note",
    ]


@pytest.mark.parametrize(("dirty", "restored"), [(10, 0), (11, 0), (3, 9), (40, 40)])
def test_a_proof_tells_ten_lines_and_counts_the_rest(dirty: int, restored: int) -> None:
    """What was left comes first; what is not shown is counted."""
    left = tuple(Residue("content", f"table t{n}", "1", "2") for n in range(dirty))
    back = tuple(Residue("sequence", f"s{n}", "1", "2") for n in range(restored))
    proof = Proof("a check", "dirty", dirty=left, restored=back, notes=("a note",))
    lines = str(proof).splitlines()
    more = max(0, dirty + restored - 10)
    assert lines[1] == "  left behind: content table t0: before 1, after 2"
    assert len(lines) == 1 + min(10, dirty + restored) + bool(more) + 1
    assert (f"  and {more} more" in lines) is bool(more)
    assert lines[-1] == "  note: a note"
