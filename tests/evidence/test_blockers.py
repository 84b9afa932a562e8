"""Tests of the blocker map: open until somebody outside of the tool closes it."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.packet.blockers import (
    check_blockers,
    open_blockers,
    read_blockers,
    show_blockers,
)

CLOSED = {"sha256": "a" * 64, "closed_by": "Operator"}


def changed(**changes: Any) -> list[dict[str, Any]]:
    """Return the shipped map with its first record changed."""
    first, *rest = read_blockers(bundled())
    return [{**first, **changes}, *map(dict, rest)]


def codes(records: Any) -> list[str]:
    """Return the codes of a map's refusals."""
    return [refusal.code for refusal in check_blockers(records)]


def test_shipped_map_has_seven_open_blockers() -> None:
    """The shipped map tells seven open blockers, who can lift each, and how."""
    answer = show_blockers(read_blockers(bundled()))
    assert answer.status == 0
    assert answer.lines[0] == "7 of 7 blockers are open"
    assert len(answer.data["open"]) == 7
    assert "FIX7-P0-OPERATOR-INPUT-1 OPEN" in answer.lines
    assert (
        "  who: operator · next: deliver the dump that `oneroof provenance` describes"
        in answer.lines
    )


def test_blocker_with_evidence_is_closed() -> None:
    """A blocker that an operator closed, with evidence, is open no more."""
    records = changed(status="CLOSED", evidence=CLOSED)
    assert codes(records) == []
    assert len(open_blockers(records)) == 6
    assert show_blockers(records).lines[0] == "6 of 7 blockers are open"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "CLOSED"}, "CLOSED_WITHOUT_EVIDENCE"),
        (
            {"status": "CLOSED", "evidence": {**CLOSED, "sha256": "abc"}},
            "CLOSED_WITHOUT_EVIDENCE",
        ),
        (
            {"status": "CLOSED", "evidence": {**CLOSED, "closed_by": "oneroof"}},
            "CLOSED_BY_TOOL",
        ),
        (
            {"status": "CLOSED", "evidence": {**CLOSED, "closed_by": ""}},
            "CLOSED_BY_TOOL",
        ),
        ({"status": "DONE"}, "MALFORMED_BLOCKER"),
        ({"actor_needed": " "}, "MALFORMED_BLOCKER"),
        ({"blocks": []}, "MALFORMED_BLOCKER"),
        ({"id": "FIX7-P0-OPERATOR-INPUT-1"}, "DUPLICATE_BLOCKER"),
    ],
)
def test_untrustworthy_records_are_refused(changes: dict[str, Any], code: str) -> None:
    """A record that was closed without evidence, or lacks a part, is refused."""
    records = changed(**changes)
    assert codes(records) == [code]
    answer = show_blockers(records)
    assert answer.status == 1
    assert answer.lines[0] == "the blocker map is refused: 1 finding(s)"
