"""The marker: what makes a database ours, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.ownership.marker import PREFIX, Marker, parse_marker
from pytest_oneroof.postgres.identity import Identity

MARKER = Marker("0f", "directus", "2026-06-01T00:00:00Z", "clone", "owner", "check")


@given(
    st.builds(
        Marker,
        nonce=st.text(),
        source=st.text(),
        created=st.text(),
        kind=st.sampled_from(["clone", "copy", "template", "throwaway"]),
        owner=st.text(),
        role=st.text(),
        baseline=st.text(),
        protected=st.booleans(),
        expires=st.text(),
        system_identifier=st.text(),
        oid=st.integers(0, 2**32 - 1),
        name=st.text(),
    )
)
def test_is_read_as_it_was_written(marker: Marker) -> None:
    """Whatever names it holds, a marker survives being a comment."""
    assert parse_marker(marker.text()) == marker


def test_text_is_the_same_in_every_version() -> None:
    """The comment is readable, its fields in the order of their names."""
    assert MARKER.text() == (
        'pytest-oneroof clone {"baseline": "", "created": "2026-06-01T00:00:00Z", '
        '"expires": "", "kind": "clone", "name": "", "nonce": "0f", "oid": 0, '
        '"owner": "owner", "protected": false, "role": "check", "source": "directus", '
        '"system_identifier": ""}'
    )


def test_reads_markers_without_later_fields() -> None:
    """Fields with defaults may be missing, as in markers of earlier versions."""
    short = (
        PREFIX + '{"nonce": "0f", "source": "directus", "kind": "clone", "owner": '
        '"owner", "role": "check", "created": "2026-06-01T00:00:00Z"}'
    )
    assert parse_marker(short) == MARKER


@pytest.mark.parametrize(
    "comment",
    [
        None,
        "",
        "my clone",
        PREFIX,
        PREFIX + "{}",
        PREFIX + "null",
        PREFIX + '["a"]',
        PREFIX + "{'nonce': 1}",
        MARKER.text()[:-1],
        " " + MARKER.text(),
        MARKER.text().replace('"nonce"', '"nonse"'),
        MARKER.text().replace('"oid": 0', '"oid": "0"'),
        MARKER.text().replace('"oid": 0', '"oid": true'),
        MARKER.text().replace('"clone"', '["clone"]'),
    ],
)
def test_anything_else_is_no_marker(comment: str | None) -> None:
    """A comment that is not exactly a marker marks nothing."""
    assert parse_marker(comment) is None


HERE = Identity("7000", 16400, "shop_test_1")


def test_a_marker_is_that_of_the_database_it_was_written_on() -> None:
    """Bound to a database, it is that one's and nobody else's."""
    assert MARKER.bound_to(HERE).why_not_of(HERE) == ""


@pytest.mark.parametrize(
    ("found_on", "told"),
    [
        (
            Identity("7000", 16400, "shop"),
            "it was written on 'shop_test_1': the database was renamed since",
        ),
        (
            Identity("7000", 16384, "shop_test_1"),
            "it was written on 'shop_test_1', oid 16400: it came with a dump, or by "
            "hand",
        ),
        (
            Identity("7001", 16400, "shop_test_1"),
            "it was written on 'shop_test_1' of another server, system identifier "
            "7000: it came with a dump, or by hand",
        ),
    ],
    ids=["renamed", "copied on the server", "copied to another server"],
)
def test_a_marker_that_travelled_is_told_as_such(found_on: Identity, told: str) -> None:
    """How the comment came to another database is said."""
    assert MARKER.bound_to(HERE).why_not_of(found_on) == told


def test_a_marker_that_names_no_database_is_nobodys() -> None:
    """A text without binding proves nothing."""
    told = "it does not say which database it was written on"
    assert MARKER.why_not_of(HERE) == told
