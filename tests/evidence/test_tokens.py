"""Tests of forbidden tokens: found in every disguise, and not in plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof import resources
from pytest_oneroof.packet.tokens import TOKENS, forbidden_in, forbidden_in_value

ALL = resources.read_json(TOKENS)["tokens"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("GO REAL RUN now", ("REAL_RUN",)),
        ("QT001-APPLY", ("QT001_APPLY",)),
        ("REAL\u200b_RUN", ("REAL_RUN",)),
        ("ＣＵＴＯＶＥＲ", ("CUTOVER",)),
        ("ANYTHING_AUTHORIZED", ("ANYTHING_AUTHORIZED",)),
        ("MY-OWN_PASS", ("MY_OWN_PASS",)),
        ("a real run, a cutover, an activation", ()),
        ("NOT_AUTHORIZED", ()),
        ("AUTHORIZE_PRODUCTION_EXECUTION", ()),
        ("XAUTHORIZE_PRODUCTION_EXECUTION", ("PRODUCTION_EXECUTION",)),
        ("OVERALL_RESULT: PASS", ()),
        ("test_drift[production_pass_from_clone]", ()),
    ],
)
def test_tokens_are_found_in_text(text: str, found: tuple[str, ...]) -> None:
    """A token in capitals is found however it is joined; plain words are none."""
    assert forbidden_in(text) == found


@given(
    st.sampled_from(ALL),
    st.sampled_from(["", "go: ", "{", "x="]),
    st.sampled_from(["", ".", " ok", "}"]),
    st.sampled_from(["_", "-", " ", "__", "\u2011", "\u00ad_"]),
)
def test_no_token_escapes_its_surroundings(
    token: str, before: str, after: str, joined: str
) -> None:
    """Every token is found whatever stands around it and however it is joined."""
    text = before + token.replace("_", joined) + after
    assert forbidden_in(text)


@given(st.sampled_from([token for token in ALL if "_" in token]), st.booleans())
def test_values_are_searched_in_any_case(token: str, as_key: bool) -> None:  # noqa: FBT001
    """In a JSON value small letters count too, in keys and at any depth."""
    part = {token.lower(): 1} if as_key else [token.title()]
    assert forbidden_in_value({"a": [{"b": part}]}) == (token,)
