"""Whose code a check exercises: production's own, or SQL that the harness brings. Pure.

A check of a constraint, trigger, view or function tells something of production. One of
the harness's own SQL (a prototype, a simulated writer) tells something of that SQL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pytest_oneroof.evidence.counting import PASSED
from pytest_oneroof.evidence.facts import Check

OWN, HARNESS, NEITHER, UNTOLD = "production", "harness", "neither", "not told"
KINDS = (OWN, HARNESS, NEITHER)
Exercises = Callable[[str, str], str]


def exercises_of(suites: Iterable[Mapping[str, Any]]) -> Exercises:
    """Return what tells of a suite and a check's id what it exercises, '' if unknown.

    A suite's entry says it by `exercises`, and lists the ids that do otherwise.
    """
    told = {entry["name"]: entry for entry in suites}

    def exercises(suite: str, ident: str) -> str:
        entry = told.get(suite, {})
        listed = (kind for kind in KINDS if ident in entry.get(kind, ()))
        return next(listed, str(entry.get("exercises", "")))

    return exercises


def count_exercised(checks: Sequence[Check]) -> dict[str, int]:
    """Return how many passed checks exercise what."""
    found = Counter(c.exercises or UNTOLD for c in checks if c.outcome == PASSED)
    return {kind: found[kind] for kind in (*KINDS, UNTOLD)}


def exercised_line(counts: Mapping[str, int]) -> str:
    """Return in one line what passed checks exercise, '' where none of them says it."""
    if not any(counts[kind] for kind in KINDS):
        return ""
    words = {OWN: "production's own code", HARNESS: "the harness's own SQL"}
    return ", ".join(
        f"{words.get(kind, kind)} by {counts[kind]}"
        for kind in (*KINDS, UNTOLD)
        if counts[kind]
    )
