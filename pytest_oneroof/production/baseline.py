"""Figures of a database at entry and exit, and the phase that they tell.

Which figures and which phases there are stands in `fixtures/phases.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof import resources

PHASES = "fixtures/phases.json"
PARTIAL = "partial"


@dataclass(frozen=True)
class Phase:
    """A phase, and where none fits, the nearest one and what differs from it.

    `differences` maps a metric to (expected, found).
    """

    name: str
    nearest: str = ""
    differences: Mapping[str, tuple[int, int | None]] | None = None

    def __str__(self) -> str:
        if not self.differences:
            return self.name
        told = ", ".join(
            f"{metric} {found} instead of {expected}"
            for metric, (expected, found) in self.differences.items()
        )
        return f"{self.name} (nearest: {self.nearest}; {told})"


def read_metrics(
    connection: psycopg.Connection[Any], *, organic: bool = False
) -> dict[str, int]:
    """Return the figures of the connected database, by name.

    Raise psycopg.errors.UndefinedTable where it has no such tables.
    """
    name = resources.read_json(PHASES)["organic" if organic else "metrics"]
    query = resources.read_text(name)
    return dict(connection.execute(query.encode()).fetchall())


def tell_phase(metrics: Mapping[str, int]) -> Phase:
    """Return the phase whose every figure is met, else 'partial' with the nearest."""
    phases = resources.read_json(PHASES)["phases"]
    distances = []
    for phase in phases:
        wrong = {
            metric: (expected, metrics.get(metric))
            for metric, expected in phase["figures"].items()
            if metrics.get(metric) != expected
        }
        if not wrong:
            return Phase(phase["name"])
        distances.append((len(wrong), phase["name"], wrong))
    _, nearest, wrong = min(distances, key=lambda entry: entry[0])
    return Phase(PARTIAL, nearest, wrong)


def compare_metrics(
    entry: Mapping[str, int], exit_: Mapping[str, int]
) -> dict[str, tuple[int | None, int | None]]:
    """Return the metrics that differ, each with (entry, exit)."""
    return {
        name: (entry.get(name), exit_.get(name))
        for name in sorted(entry.keys() | exit_.keys())
        if entry.get(name) != exit_.get(name)
    }
