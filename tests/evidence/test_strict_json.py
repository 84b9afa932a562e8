"""Tests of the strict JSON reader: one meaning, or a refusal that says why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof.sealing.strict_json import MalformedJson, read_json, write_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\xef\xbb\xbf{}", "it begins with a byte order mark"),
        (b'"\xff"', "byte 1 is no UTF-8"),
        (b'{"a": 1, "a": 1}', "a key is given twice in one object"),
        (b'[{"b": {"a": 1, "a": 1}}]', "a key is given twice in one object"),
        (b"[NaN]", "NaN is no JSON number"),
        (b"[-Infinity]", "-Infinity is no JSON number"),
        (b"1e999", "1e999 is too large for a number"),
        (b"{} {}", "line 1, column 4: Extra data"),
        (b"", "line 1, column 1: Expecting value"),
        (b"[" * 100_000, "it is nested too deeply"),
    ],
)
def test_what_readers_differ_in_is_refused(data: bytes, told: str) -> None:
    """What two readers could read differently is refused, and says where."""
    with pytest.raises(MalformedJson) as refused:
        read_json(data)
    assert str(refused.value) == told


@given(values)
def test_what_is_written_reads_back(value: object) -> None:
    """Every value that is written is read back the same."""
    assert read_json(write_json(value)) == value
