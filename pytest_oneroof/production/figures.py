"""The figures that a pack measures of a database, and the phase that they tell.

Which figures there are is said by the pack's `[figures]`; a pack that names none
measures none. What its phases are stands in `phases`; docs/packs.md tells the form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.pack import Pack
from pytest_oneroof.pack.fit import Fit

PARTIAL = "partial"

Connection = psycopg.Connection[Any]
Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Phase:
    """A phase, and where none fits, the nearest one and what differs from it.

    `differences` maps a figure or trace to (expected, found); `parts` tells for
    each part of the pipeline of which phases it is.
    """

    name: str
    nearest: str = ""
    differences: Mapping[str, tuple[Any, Any]] | None = None
    parts: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.differences:
            return self.name
        told = ", ".join(
            f"{metric} {found} instead of {expected}"
            for metric, (expected, found) in self.differences.items()
        )
        halves = "; ".join(self.parts)
        return f"{self.name}: {halves} (nearest: {self.nearest}; {told})"


@dataclass(frozen=True)
class Organic:
    """A figure that production moves by itself; `exact` when it was counted."""

    value: int
    exact: bool


def nothing_more(connection: Connection) -> Mapping[str, int]:
    """Return no figure beside those of the pack."""
    return {}


@dataclass(frozen=True)
class Asks:
    """What one side of a run asks of its owner.

    `fitted` is told whether the pack fits, before anything else is measured; `figures`
    measures beside the pack.
    """

    fitted: Callable[[Fit], object] = lambda fit: None
    figures: Callable[[Connection], Mapping[str, int]] = nothing_more


ASKS_NOTHING = Asks()


@dataclass(frozen=True)
class Figures:
    """What a pack measures of a connected database, and what is measured beside it."""

    pack: Pack
    beside: Callable[[Connection], Mapping[str, int]] = nothing_more

    def metrics(self, connection: Connection) -> dict[str, int]:
        """Return the figures of the connected database, by name.

        Raise psycopg.errors.UndefinedTable where it has no such tables, OneroofError
        where one is measured twice.
        """
        found = dict(self._rows(connection, self.pack.figures.metrics))
        beside = self.beside(connection)
        if twice := sorted(found.keys() & beside.keys()):
            raise OneroofError(f"the figure {twice[0]!r} is the pack's and a hook's")
        return found | dict(beside)

    def organic(self, connection: Connection) -> dict[str, Organic]:
        """Return the figures that move by themselves, counted or estimated."""
        rows = self._rows(connection, self.pack.figures.organic)
        return {name: Organic(value, exact) for name, value, exact in rows}

    def traces(self, connection: Connection) -> dict[str, str]:
        """Return what a release leaves beside figures, as text by name."""
        return dict(self._rows(connection, self.plan.get("traces")))

    def phase(
        self, metrics: Mapping[str, int], traces: Mapping[str, str] | None = None
    ) -> Phase | None:
        """Return the phase that figures tell, or None where no phases are known."""
        return tell_phase(self.plan, metrics, traces) if self.plan else None

    def phase_of(self, connection: Connection) -> Phase | None:
        """Return the phase at which the connected clone stands."""
        return self.phase(self.metrics(connection)) if self.plan else None

    @property
    def plan(self) -> Plan:
        """What the pack says of phases; empty where it knows none."""
        name = self.pack.figures.phases
        return self.pack.read_json(name) if name is not None else {}

    def _rows(self, connection: Connection, name: str | None) -> list[tuple[Any, ...]]:
        if name is None:
            return []
        return connection.execute(self.pack.read_text(name).encode()).fetchall()


def tell_phase(
    plan: Plan, metrics: Mapping[str, int], traces: Mapping[str, str] | None = None
) -> Phase:
    """Return the phase whose every figure is met, else 'partial' with the nearest.

    With the `traces` of a production only its phases count, and traces, and figures
    that must be at least something, have to fit as well. Pure.
    """
    known = dict(metrics) | dict(traces or {})
    distances = []
    for phase in plan["phases"]:
        if traces is not None and not phase["production"]:
            continue
        wrong = _wrong(phase, known, whole=traces is not None)
        if not wrong:
            return Phase(phase["name"])
        distances.append((len(wrong), phase["name"], wrong))
    _, nearest, wrong = min(distances, key=lambda entry: entry[0])
    return Phase(PARTIAL, nearest, wrong, _parts(plan, known))


def expected_of(plan: Plan, phase: Phase, metric: str) -> tuple[int | None, int | None]:
    """Return what a phase expects of a metric: (exactly, at least), None for any.

    Raise KeyError for a phase that is none: 'partial'.
    """
    known = {entry["name"]: entry for entry in plan["phases"]}[phase.name]
    exactly = (plan["same_in_all"] | known["figures"]).get(metric)
    return exactly, known["at_least"].get(metric)


def compare_metrics(
    entry: Mapping[str, int], exit_: Mapping[str, int]
) -> dict[str, tuple[int | None, int | None]]:
    """Return the metrics that differ, each with (entry, exit)."""
    return {
        name: (entry.get(name), exit_.get(name))
        for name in sorted(entry.keys() | exit_.keys())
        if entry.get(name) != exit_.get(name)
    }


def _wrong(
    phase: Plan, known: Mapping[str, Any], *, whole: bool
) -> dict[str, tuple[Any, Any]]:
    expected: dict[str, Any] = dict(phase["figures"])
    if whole:
        expected |= phase["traces"]
    wrong = {
        name: (value, known.get(name))
        for name, value in expected.items()
        if known.get(name) != value
    }
    if whole:
        wrong |= {
            name: (f"at least {least}", known.get(name))
            for name, least in phase["at_least"].items()
            if (known.get(name) or 0) < least
        }
    return wrong


def _parts(plan: Plan, known: Mapping[str, Any]) -> tuple[str, ...]:
    """Tell for each part which phases' figures it has: which half is there."""
    told = []
    for part, names in plan["parts"].items():
        figures = ", ".join(f"{name} {known.get(name)}" for name in names)
        fitting = [
            phase["name"]
            for phase in plan["phases"]
            if all(
                known.get(name) == (plan["same_in_all"] | phase["figures"]).get(name)
                for name in names
            )
        ]
        whose = f"as in {' or '.join(fitting)}" if fitting else "as in no phase"
        told.append(f"{part} {whose} ({figures})")
    return tuple(told)
