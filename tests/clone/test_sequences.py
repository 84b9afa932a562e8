"""Sequences: only what a check has touched is read and put back, by oid."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from pytest_oneroof.check import sequences
from pytest_oneroof.check.sandbox import Sandbox
from pytest_oneroof.check.sequences import Position, moved_since
from pytest_oneroof.clone.residue import Residue

INSERT = "INSERT INTO law_catalog (law_code) VALUES ('LEFT-BEHIND') RETURNING id"
OWN = "CREATE TABLE own (id serial PRIMARY KEY, v int)"
DRAW = "INSERT INTO own (v) VALUES (1) RETURNING id"
ANOTHER = "CREATE SEQUENCE another START 100 CACHE 10"


def value(db: Any, text: str) -> Any:
    """Return the one value of a statement."""
    return db.execute(text).fetchone()[0]


def position(
    value: int | None = 5, *, called: bool = True, read: str = "SELECT 1"
) -> Position:
    """Return a position of public.a."""
    return Position("public.a", value, called, read)


@pytest.mark.parametrize(
    ("was", "text"),
    [
        (position(), "5"),
        (position(called=False), "5, not called"),
        (position(None, called=False), "never called"),
        (position(None, called=False, read=""), "not readable"),
    ],
)
def test_says_where_a_sequence_is(was: Position, text: str) -> None:
    """Also of one that was never called, and of one that may not be read."""
    assert str(was) == text


def test_tells_what_moved_by_oid() -> None:
    """A position differs by its value or by whether it was called; a new one not."""
    before = {1: position(), 2: position(7), 3: position()}
    now = {1: position(6), 2: position(7, called=False), 3: position(), 4: position()}
    moved, changes = moved_since(before, now)
    assert moved == {1: before[1], 2: before[2]}
    assert changes == (
        Residue("sequence", "public.a", "5", "6"),
        Residue("sequence", "public.a", "7", "7, not called"),
    )
    assert moved_since(before, {}) == ({}, ())


def test_reads_only_what_was_touched(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check that draws from one sequence has that one read, and no other."""
    known: list[int] = []
    real = sequences.put_back

    def put_back(session: Any, positions: Any, *place: Any) -> Any:
        known.extend(positions)
        return real(session, positions, *place)

    monkeypatch.setattr(sequences, "put_back", put_back)
    db = sandbox.begin("test_it")
    oid = value(db, "SELECT 'law_catalog_id_seq'::regclass::oid::bigint")
    db.execute(INSERT)
    assert sandbox.finish().verdict == "clean"
    assert known == [oid]
    sandbox.begin("test_next").execute("DELETE FROM modules")
    assert sandbox.finish().restored == ()
    assert known == [oid]


@pytest.mark.parametrize("before", [(), ("SELECT currval('law_catalog_id_seq')",)])
def test_values_of_the_session_are_not_taken_for_moves(
    sandbox: Sandbox, before: tuple[str, ...]
) -> None:
    """What only looked at a sequence leaves nothing to report."""
    db = sandbox.begin("test_it")
    for text in before:
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
            db.execute(text)
    if not before:
        db.execute("SELECT last_value FROM pg_sequences")
    proof = sandbox.finish()
    assert (proof.verdict, proof.restored) == ("clean", ())


# ----------------------------------------------------------------- between examples
def test_own_serial_begins_anew(sandbox: Sandbox) -> None:
    """A sequence that the check has made begins where it was, in each example."""
    db = sandbox.begin("test_it")
    db.execute(OWN)
    for _ in range(3):
        with sandbox.example():
            assert (value(db, DRAW), value(db, DRAW)) == (1, 2)
    assert value(db, DRAW) == 1
    proof = sandbox.finish()
    assert (proof.verdict, proof.examples) == ("clean", 3)


def test_own_cached_sequence_goes_on_where_it_was(sandbox: Sandbox) -> None:
    """With CACHE, and after values were drawn before the examples."""
    db = sandbox.begin("test_it")
    db.execute(ANOTHER)
    assert value(db, "SELECT nextval('another')") == 100
    for _ in range(3):
        with sandbox.example():
            assert value(db, "SELECT nextval('another')") == 101
            db.execute("SELECT setval('another', 7000, false)")
    assert value(db, "SELECT nextval('another')") == 101
    assert sandbox.finish().verdict == "clean"


def test_currval_and_lastval_tell_what_they_told(sandbox: Sandbox) -> None:
    """What was drawn before the examples is told in each; what was not, is not."""
    db = sandbox.begin("test_it")
    db.execute(OWN)
    drawn = [value(db, DRAW), value(db, INSERT), value(db, DRAW)]
    assert drawn == [1, 6, 2]
    asked = (
        "SELECT lastval(), currval('own_id_seq'), currval('law_catalog_id_seq'),"
        " (SELECT last_value FROM own_id_seq)"
    )
    for _ in range(3):
        with sandbox.example():
            assert db.execute(asked).fetchone() == (2, 2, 6, 2)
            assert (value(db, INSERT), value(db, DRAW)) == (7, 3)
            db.execute("SELECT nextval('event_pending_id_seq')")
        with sandbox.example(), pytest.raises(psycopg.Error), db.transaction():
            db.execute("SELECT currval('event_pending_id_seq')")
    assert db.execute(asked).fetchone() == (2, 2, 6, 2)
    assert sandbox.finish().verdict == "clean"


def test_examples_after_a_drop_and_a_rename(sandbox: Sandbox) -> None:
    """What was dropped, or renamed, before the examples blurs none of them."""
    db = sandbox.begin("test_it")
    db.execute(INSERT)
    db.execute("DROP SEQUENCE law_catalog_id_seq CASCADE")
    db.execute("CREATE SEQUENCE law_catalog_id_seq START 40")
    db.execute("ALTER SEQUENCE event_pending_id_seq RENAME TO renamed")
    for _ in range(3):
        with sandbox.example():
            drawn = value(db, "SELECT nextval('law_catalog_id_seq')")
            assert (drawn, value(db, "SELECT nextval('renamed')")) == (40, 1)
            db.execute("DROP SEQUENCE renamed CASCADE")
    proof = sandbox.finish()
    assert proof.verdict == "clean"
    assert {r.object for r in proof.restored} == {
        "public.law_catalog_id_seq",
        "public.renamed",
    }


def test_examples_in_another_role(sandbox: Sandbox) -> None:
    """Whatever role the check has set itself to, sequences are put back."""
    db = sandbox.begin("test_it")
    role = value(
        db,
        "SELECT roleid::regrole::text FROM pg_auth_members"
        " WHERE member = session_user::regrole"
        " AND starts_with(roleid::regrole::text, 'oneroof_owner_')",
    )
    db.execute(f"SET LOCAL ROLE {role}")
    db.execute(OWN)
    db.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for _ in range(2):
        with sandbox.example():
            assert (value(db, DRAW), value(db, INSERT)) == (1, 6)
            assert value(db, "SELECT current_user") == role.strip('"')
    assert sandbox.finish().verdict == "clean"


def test_failing_example_puts_its_sequences_back(sandbox: Sandbox) -> None:
    """Also where the example's error goes on, and its transaction had failed."""
    db = sandbox.begin("test_it")
    db.execute(OWN)
    failing = f"{DRAW}; SELECT 1 / 0"
    with pytest.raises(psycopg.errors.DivisionByZero), sandbox.example():
        db.execute(failing)
    with sandbox.example():
        assert value(db, DRAW) == 1
    assert sandbox.finish().verdict == "clean"
