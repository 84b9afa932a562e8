"""The marker: what makes a database ours, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.clone.marker import PREFIX, Marker, parse_marker

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
    )
)
def test_is_read_as_it_was_written(marker: Marker) -> None:
    """Whatever names it holds, a marker survives being a comment."""
    assert parse_marker(marker.text()) == marker


def test_text_is_the_same_in_every_version() -> None:
    """The comment is readable, its fields in the order of their names."""
    assert MARKER.text() == (
        'pytest-oneroof clone {"baseline": "", "created": "2026-06-01T00:00:00Z", '
        '"expires": "", "kind": "clone", "nonce": "0f", "owner": "owner", '
        '"protected": false, "role": "check", "source": "directus"}'
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
    ],
)
def test_anything_else_is_no_marker(comment: str | None) -> None:
    """A comment that is not exactly a marker marks nothing."""
    assert parse_marker(comment) is None
