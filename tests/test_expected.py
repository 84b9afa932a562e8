"""Figures of a check, by name: compared, noted, and told where they differ."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pytest_oneroof import expect, note
from pytest_oneroof.expected import Compared, noting


def test_an_expected_figure_passes_and_is_noted() -> None:
    """The report shows what was as expected, too; a number equals its text."""
    with noting() as compared:
        expect("own", 30, 30)
        expect("share", "100.00", Decimal("100.00"))
    assert compared == [
        Compared("own", 30, 30),
        Compared("share", "100.00", Decimal("100.00")),
    ]


def test_another_figure_fails_by_name() -> None:
    """The failure says what was expected, and what was found."""
    with (
        noting() as compared,
        pytest.raises(pytest.fail.Exception, match=r"^gap: expected 210, found 6$"),
    ):
        expect("gap", 210, 6)
    assert [figure.differs for figure in compared] == [True]


def test_what_is_only_noted_fails_nothing() -> None:
    """Whoever compares several figures fails once, with all of them."""
    with noting() as compared:
        assert note("gap", 210, 6).differs
        assert not note("own", 30, 30).differs
    assert [str(figure) for figure in compared] == [
        "gap: expected 210, found 6",
        "own: expected 30, found 30",
    ]


def test_figures_belong_to_the_check_that_runs() -> None:
    """Those of a check that is called within another one are not the outer one's."""
    with noting() as outer:
        note("a", 1, 1)
        with noting() as inner:
            note("b", 1, 1)
        note("c", 1, 1)
    assert [figure.name for figure in outer] == ["a", "c"]
    assert [figure.name for figure in inner] == ["b"]
    assert not note("outside of a run", 1, 1).differs
