"""Proofs: what is seen of a database in, the licence to act or the reasons out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.ownership.marker import Marker
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.proofs import (
    Adoptable,
    HalfMade,
    NewName,
    OurDatabase,
    Seen,
    Source,
    is_ours,
    judge_adoptable,
    judge_half_made,
    judge_new,
    judge_ours,
    marked_productions,
)
from pytest_oneroof.ownership.records import Record
from pytest_oneroof.ownership.rules import Reason, Rules
from pytest_oneroof.postgres.identity import Identity, address

NAME = "shop_test_20260101"
HERE = frozenset({address("db", 5432)})
IDENTITY = Identity("7000", 16400, NAME, HERE)
RULES = Rules(r"shop_test_[0-9]{8}(_[a-z0-9_]+)?", parse_productions(["shop"]))
MARKER = Marker("0f", "shop", "2026-01-01T00:00:00Z", "clone", "o", "c").bound_to(
    IDENTITY
)
OURS = Seen(
    IDENTITY,
    MARKER.text(),
    takes_connections=True,
    is_template=False,
    in_recovery=False,
)
UNMARKED = dataclasses.replace(OURS, comment=None)
MAKING = f"{NAME}_01234567_making"
BEGUN = dataclasses.replace(
    UNMARKED,
    identity=dataclasses.replace(IDENTITY, name=MAKING),
    takes_connections=False,
)
RECORD = Record(MAKING, "0123456789abcdef", "7000")


def codes(verdict: Any) -> list[str]:
    """Return the words of the reasons in a verdict."""
    assert isinstance(verdict, tuple)
    assert all(isinstance(reason, Reason) for reason in verdict)
    return [reason.code for reason in verdict]


def seen(**changes: Any) -> Seen:
    """Return our database with another identity, its own marker kept."""
    return dataclasses.replace(OURS, identity=dataclasses.replace(IDENTITY, **changes))


def test_a_database_with_its_own_marker_is_ours() -> None:
    """The proof has what was seen, and the marker."""
    ours = judge_ours(OURS, RULES)
    assert isinstance(ours, OurDatabase)
    assert (ours.name, ours.oid, ours.marker) == (NAME, 16400, MARKER)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (UNMARKED, ["marker"]),
        (seen(oid=1), ["marker"]),
        (seen(system_identifier="1"), ["marker"]),
        (seen(name=f"{NAME}_x"), ["marker"]),
        (seen(name="shop"), ["production", "name", "marker"]),
        (seen(name="other"), ["name", "marker"]),
        (dataclasses.replace(OURS, in_recovery=True), ["standby"]),
    ],
)
def test_everything_that_speaks_against_it_is_told(
    changed: Seen, expected: list[str]
) -> None:
    """One proof that is missing is enough, and each that is missing is told."""
    assert codes(judge_ours(changed, RULES)) == expected


@given(
    declared=st.sampled_from(
        [NAME, NAME.upper(), f"db:5432/{NAME}", f"7000/{NAME}", "7000/16400"]
    ),
    kind=st.sampled_from(["clone", "copy", "making", "template", "replaced"]),
    own_server=st.booleans(),
)
def test_a_declared_production_is_never_ours(
    declared: str, kind: str, *, own_server: bool
) -> None:
    """No proof of any kind is made of it, whatever is written on it or in a record."""
    rules = dataclasses.replace(
        RULES, productions=parse_productions(["x", declared]), own_server=own_server
    )
    marker = dataclasses.replace(MARKER, kind=kind)
    marked = dataclasses.replace(OURS, comment=marker.text())
    assert codes(judge_ours(marked, rules)) == ["production"]
    assert not is_ours(marked.identity, marked.comment, rules)
    assert codes(judge_adoptable(UNMARKED, [], rules)) == ["production"]
    assert codes(judge_new(IDENTITY, rules, in_recovery=False)) == ["production"]
    (reason,) = marked_productions([marked, UNMARKED], rules)
    assert reason.found.endswith("and carries a marker of ours")
    begun = dataclasses.replace(
        RULES, productions=parse_productions([declared.lower().replace(NAME, MAKING)])
    )
    if "16400" not in declared:
        assert codes(judge_half_made(BEGUN, RECORD, begun)) == ["production"]


def test_without_any_declared_production_nothing_is_ours() -> None:
    """But on the embedded server, where nothing else lives."""
    rules = dataclasses.replace(RULES, productions=())
    assert codes(judge_ours(OURS, rules)) == ["production"]
    embedded = dataclasses.replace(rules, own_server=False)
    assert isinstance(judge_ours(OURS, embedded), OurDatabase)


@pytest.mark.parametrize(
    ("changed", "sessions", "expected"),
    [
        (UNMARKED, [(7, "app")], ["sessions"]),
        (dataclasses.replace(UNMARKED, is_template=True), [], ["template"]),
        (dataclasses.replace(UNMARKED, in_recovery=True), [], ["standby"]),
        (seen(name="other"), [], ["name"]),
    ],
)
def test_what_could_be_a_production_is_not_adopted(
    changed: Seen, sessions: list[tuple[int, str]], expected: list[str]
) -> None:
    """A database that somebody uses, copies or streams is left alone."""
    assert codes(judge_adoptable(changed, sessions, RULES)) == expected
    assert isinstance(judge_adoptable(UNMARKED, [], RULES), Adoptable)


@pytest.mark.parametrize(
    "changed",
    [
        dataclasses.replace(BEGUN, comment="somebody's"),
        dataclasses.replace(BEGUN, takes_connections=True),
        dataclasses.replace(
            BEGUN, identity=dataclasses.replace(IDENTITY, name=f"{NAME}_making")
        ),
    ],
)
def test_a_record_alone_is_no_licence(changed: Seen) -> None:
    """What we began looks so: its nonce in its name, no comment, closed."""
    assert codes(judge_half_made(changed, RECORD, RULES)) == ["record"]
    assert isinstance(judge_half_made(BEGUN, RECORD, RULES), HalfMade)


@pytest.mark.parametrize(
    "record",
    [
        Record(MAKING, "01234567", "7000"),
        Record(MAKING, "fedcba9876543210", "7000"),
        Record(MAKING, "0123456789abcdef", "7001"),
        Record(NAME, "0123456789abcdef", "7000"),
    ],
)
def test_a_record_that_does_not_fit_is_none(record: Record) -> None:
    """Nonce, server and name of a record have to be the database's."""
    assert codes(judge_half_made(BEGUN, record, RULES)) == ["record"]


@pytest.mark.parametrize("kind", [OurDatabase, Adoptable, HalfMade, Source])
def test_nobody_else_makes_a_proof(kind: Any) -> None:
    """A proof cannot be built by hand."""
    further = {OurDatabase: (MARKER,), HalfMade: ("0f",)}.get(kind, ())
    with pytest.raises(TypeError, match="is made by its judge alone"):
        kind(OURS, object(), *further)
    with pytest.raises(TypeError, match="is made by its judge alone"):
        NewName(NAME, object())
