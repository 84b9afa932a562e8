"""What is governed: as the clone's baseline recorded it, and as it is now.

Expected figures are counted from the record that the committed stages left in the
clone, so that no figure stands in Python: a further collection or scope makes the
figures differ, and the message names what moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
from pytest_oneroof.suites.support import rows, sql

WORDS = {"object": "inventory", "scope": "active scopes", "group": "groups"}


@dataclass(frozen=True)
class Governed:
    """Names recorded by the baseline, and names there now, by kind.

    `members` counts the recorded objects of each group.
    """

    recorded: Mapping[str, frozenset[str]]
    present: Mapping[str, frozenset[str]]
    members: Mapping[str, int] = field(default_factory=dict)

    @property
    def objects(self) -> int:
        """Objects that the baseline's scan saw."""
        return len(self.recorded["object"])

    @property
    def scopes(self) -> int:
        """Scopes that the baseline's anchors cover."""
        return len(self.recorded["scope"])

    @property
    def groups(self) -> int:
        """Groups that the baseline's scan saw."""
        return len(self.recorded["group"])

    @property
    def cells(self) -> int:
        """Objects times scopes: what needs an owner."""
        return self.objects * self.scopes

    def moved(self) -> list[str]:
        """Return a line for each kind that is not as recorded, with the names."""
        lines = []
        for kind, word in WORDS.items():
            was, now = self.recorded[kind], self.present[kind]
            if was != now:
                names = [f"new: {name}" for name in sorted(now - was)]
                names += [f"gone: {name}" for name in sorted(was - now)]
                lines.append(
                    f"{word}: expected {len(was)}, found {len(now)} "
                    f"({', '.join(names)})"
                )
        return lines


def read_governed(connection: psycopg.Connection[Any]) -> Governed:
    """Return what is governed, recorded and now.

    Raise AssertionError where the baseline recorded nothing, as then every figure
    would agree with every other.
    """
    found = rows(connection, sql("axis/governed.sql"))
    recorded = _names(found, 3)
    members: dict[str, int] = {}
    for kind, _, parent, was, _ in found:
        if kind == "object" and was:
            members[parent] = members.get(parent, 0) + 1
    for kind, word in WORDS.items():
        if not recorded[kind]:
            raise AssertionError(
                f"{word}: the clone's baseline recorded none; bring it to its "
                "baseline: oneroof clone baseline"
            )
    return Governed(recorded, _names(found, 4), members)


def same(figure: str, expected: object, found: object, governed: Governed) -> None:
    """Assert that a figure is as expected; else tell both, and what moved."""
    __tracebackhide__ = True
    if expected != found:
        lines = [f"{figure}: expected {expected}, found {found}"]
        lines += [f"  moved: {line}" for line in governed.moved()]
        raise AssertionError("\n".join(lines))


def _names(found: list[tuple[Any, ...]], column: int) -> dict[str, frozenset[str]]:
    return {
        kind: frozenset(row[1] for row in found if row[0] == kind and row[column])
        for kind in WORDS
    }
