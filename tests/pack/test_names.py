"""Names of new clones: they follow from the pattern that the guard measures."""

from __future__ import annotations

import re

import pytest

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.pack.model import ANY_CLONE
from pytest_oneroof.pack.names import name_clone

SHOP = "shop_test_[0-9]{8}(_[a-z0-9_]+)?"


@pytest.mark.parametrize(
    ("pattern", "source", "suffix", "name"),
    [
        (SHOP, "", "", "shop_test_20260102"),
        (SHOP, "other", "_rehearsal_ab12", "shop_test_20260102_rehearsal_ab12"),
        (r"qa_\d{8}", "shop", "", "qa_20260102"),
        (ANY_CLONE, "shop", "", "shop_test_20260102"),
        (ANY_CLONE, "shop", "_rehearsal_ab12", "shop_test_20260102_rehearsal_ab12"),
        ("fixed", "shop", "", "fixed"),
    ],
)
def test_a_name_follows_from_the_pattern(
    pattern: str, source: str, suffix: str, name: str
) -> None:
    """It matches the whole pattern, which is the guard's."""
    found = name_clone(pattern, "20260102", source=source, suffix=suffix)
    assert found == name
    assert re.fullmatch(pattern, found)


@pytest.mark.parametrize(
    ("pattern", "source", "suffix"),
    [
        (ANY_CLONE, "", ""),
        (".*", "", ""),
        ("qa_[0-9]{8}", "shop", "_rehearsal_ab12"),
        ("(?!)", "shop", ""),
    ],
)
def test_where_none_follows_it_has_to_be_given(
    pattern: str, source: str, suffix: str
) -> None:
    """A pattern that leaves more open than a date tells no name."""
    with pytest.raises(SettingsError, match="name the clone yourself"):
        name_clone(pattern, "20260102", source=source, suffix=suffix)
