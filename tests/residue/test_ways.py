"""Every way known of leaving something is prevented, found or put back, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from all_ways import WAYS
from way import Way

DOCS = Path(__file__).parents[2] / "docs" / "residue.md"
CLOSED = [way for way in WAYS.values() if not way.open_clone]
OPEN = [way for way in WAYS.values() if way.open_clone]


def named(way: Way) -> str:
    return way.id


@pytest.mark.parametrize("way", CLOSED, ids=named)
def test_way_on_closed_clone(way: Way, closed_ways: Any) -> None:
    """The way ends as the table says, and the next check sees the clone as before."""
    judge(way, closed_ways)


@pytest.mark.parametrize("way", OPEN, ids=named)
def test_way_on_open_clone(way: Way, open_ways: Any) -> None:
    """The way ends as the table says, and the next check sees the clone as before."""
    judge(way, open_ways)


def judge(way: Way, run: Any) -> None:
    """Compare what was told of a way with its row in the table."""
    told = run.items.get(f"test_way[{way.id}]")
    assert told is not None, run.output
    raised = told.properties.get("raised", "")
    text = "\n".join(told.texts)
    shown = f"{raised}\n{text}\n{told.proof}"
    assert told.proof, shown
    expects_error = bool(way.refused or way.sqlstate)
    assert bool(raised) == expects_error, shown
    assert way.refused in raised, shown
    assert told.properties.get("sqlstate", "") == way.sqlstate, shown
    assert told.proof["verdict"] == way.verdict, shown
    assert_named(way.restored, told.proof["restored"], shown)
    assert_named(way.left, told.proof["dirty"], shown)
    assert way.reason in told.proof["reason"], shown
    assert bool(way.reason) == bool(told.proof["reason"]), shown
    noted = " ".join(told.proof["notes"])
    assert bool(way.note) == bool(noted), shown
    assert way.note in noted, shown
    failed = bool(way.left or way.reason or way.constraints)
    assert told.outcomes["teardown"] == ("failed" if failed else "passed"), shown
    assert way.constraints in text, shown
    if not way.stays:
        after = run.items[f"test_after[{way.id}]"]
        assert set(after.outcomes.values()) == {"passed"}, "\n".join(after.texts)


def assert_named(
    expected: tuple[str, ...], found: list[dict[str, str]], shown: str
) -> None:
    """Each expected beginning names one residue, and each residue is expected."""
    lines = [
        f"{r['kind']} {r['object']}: before {r['before']}, after {r['after']}"
        for r in found
    ]
    for start in expected:
        assert any(line.startswith(start) for line in lines), (start, shown)
    for line in lines:
        assert any(line.startswith(start) for start in expected), (line, shown)


def test_session_end_is_clean_after_all_ways(closed_ways: Any) -> None:
    """After all of them the session's end finds the clone as at entry."""
    told = "state      entry = exit (19 figures, sequences, schema)"
    assert told in closed_ways.output


def test_page_says_what_the_tests_do() -> None:
    """The tables of docs/residue.md have a row for each way, word for word."""
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert rows == [way.row() for way in WAYS.values()]
    assert len(rows) >= 45


def test_page_explains_each_layer() -> None:
    """Every layer that stops or finds a way is named in the page's text."""
    text = DOCS.read_text(encoding="utf-8").partition("## Refused")[0].lower()
    words = " ".join(text.replace("*", "").split())
    told = {
        "right of the role": "rights of the check role",
        "the server's own rule": "server's own rules",
        "constraints checked before the rollback": "constraints are checked",
        "clone closed to others": "clone is closed to others",
    }
    for way in WAYS.values():
        layer = way.by.split(", ")[0]
        assert told.get(layer, layer) in words, way.id
