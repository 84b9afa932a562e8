"""Expected figures: where they come from, and how a moved one is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.run import suites as shipped


@pytest.fixture(scope="module")
def figures() -> Any:
    """The module of the shipped suites that compares figures."""
    return shipped.load(bundled(), "coverage").expect.__globals__


def test_moved_figures_are_told_by_name(figures: Any) -> None:
    """A failure names each figure with what was expected and what was found."""
    moved = figures["compare"]({"gap": 0, "inventory": 35}, {"gap": 6, "inventory": 36})
    with pytest.raises(pytest.fail.Exception) as failure:
        figures["tell"](moved, "phase 'seeded'", ["  open cells: agents/audit"])
    assert str(failure.value) == (
        "2 figures moved, phase 'seeded':\n"
        "  gap: expected 0, found 6\n"
        "  inventory: expected 35, found 36\n"
        "  open cells: agents/audit"
    )


def test_one_moved_figure_is_singular(figures: Any) -> None:
    """One figure is told in the singular, and a missing one as None."""
    with pytest.raises(pytest.fail.Exception, match=r"^1 figure moved, here:"):
        figures["tell"](figures["compare"]({"own": 30}, {}), "here")


def test_equal_figures_are_not_told(figures: Any) -> None:
    """Equal figures pass; a percentage equals its text to the last digit."""
    compare = figures["compare"]
    assert compare({"pct": "100.00"}, {"pct": Decimal("100.00")}) == {}
    assert compare({"pct": "100.00"}, {"pct": Decimal("100.0")}) != {}
    figures["tell"]({}, "anywhere")


def test_figures_that_nobody_tells_are_an_error(figures: Any) -> None:
    """A read file without expected figures is an error, and never passes."""
    expected = figures["expected_figures"]
    assert expected("coverage/owner_gap.gap", "greenfield") == {"gap": 210}
    with pytest.raises(KeyError, match=r"tells no figures of coverage/open_cells"):
        expected("coverage/open_cells", "greenfield")
    with pytest.raises(KeyError, match="'gaps'"):
        expected("coverage/owner_gap.gaps", "greenfield")
