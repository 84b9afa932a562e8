"""Figures of a database at entry and exit, and the phase that they tell.

Which figures and which phases there are stands in `fixtures/phases.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg

from pytest_oneroof import resources
from pytest_oneroof.fingerprint.compare import (
    Difference,
    SchemaFingerprint,
    compare,
    read_schema,
)
from pytest_oneroof.production.gate import GateVerdict, decide, read_facts

PHASES = "fixtures/phases.json"
IDLE = "sql/production/idle_in_transaction.sql"
PARTIAL = "partial"

Connection = psycopg.Connection[Any]


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


@dataclass(frozen=True)
class Idle:
    """Sessions idle in transaction, or the reason why they cannot be seen.

    `shown` is false on a hot standby, where the primary's sessions are not; with
    `shown` and a reason the figure is unprovable, never 0.
    """

    sessions: tuple[str, ...] = ()
    reason: str = ""
    shown: bool = True


@dataclass(frozen=True)
class Baseline:
    """One reading of a production, in one snapshot."""

    database: str
    metrics: Mapping[str, int]
    organic: Mapping[str, Organic]
    traces: Mapping[str, str]
    schema: SchemaFingerprint
    phase: Phase
    gate: GateVerdict
    idle: Idle


def read_baseline(
    connection: Connection, *, in_recovery: bool, sees_sessions: bool
) -> Baseline:
    """Return all figures of the connected production, schema fingerprint included.

    Call it in one READ ONLY, REPEATABLE READ transaction, so that they belong
    together.
    """
    metrics, traces = read_metrics(connection), read_traces(connection)
    gate = decide(read_facts(connection))
    return Baseline(
        database=connection.info.dbname,
        metrics=metrics,
        organic=read_organic(connection),
        traces=traces,
        schema=read_schema(connection),
        phase=tell_phase(metrics, traces),
        gate=gate,
        idle=read_idle(
            connection, in_recovery=in_recovery, sees_sessions=sees_sessions
        ),
    )


def read_metrics(connection: Connection) -> dict[str, int]:
    """Return the figures of the connected database, by name.

    Raise psycopg.errors.UndefinedTable where it has no such tables.
    """
    query = resources.read_text(_plan()["metrics"])
    return dict(connection.execute(query.encode()).fetchall())


def read_organic(connection: Connection) -> dict[str, Organic]:
    """Return the figures that move by themselves, counted or estimated."""
    query = resources.read_text(_plan()["organic"])
    rows = connection.execute(query.encode()).fetchall()
    return {name: Organic(value, exact) for name, value, exact in rows}


def read_traces(connection: Connection) -> dict[str, str]:
    """Return what a release leaves beside figures: whose anchors, how many tables."""
    query = resources.read_text(_plan()["traces"])
    return dict(connection.execute(query.encode()).fetchall())


def read_idle(
    connection: Connection, *, in_recovery: bool, sees_sessions: bool
) -> Idle:
    """Return who is idle in a transaction, or why that cannot be told."""
    if in_recovery:
        reason = "P8 not shown: a hot standby does not see the primary's sessions"
        return Idle(reason=reason, shown=False)
    if not sees_sessions:
        reason = (
            "unprovable: the role is no member of pg_read_all_stats, so that the "
            "state of other sessions is NULL"
        )
        return Idle(reason=reason)
    rows = connection.execute(resources.read_text(IDLE).encode()).fetchall()
    return Idle(
        tuple(f"pid {pid} of {role}, for {seconds} s" for pid, role, seconds in rows)
    )


def tell_phase(
    metrics: Mapping[str, int], traces: Mapping[str, str] | None = None
) -> Phase:
    """Return the phase whose every figure is met, else 'partial' with the nearest.

    With the `traces` of a production only its phases count, and traces, ratified
    approvals and whose anchors stand there have to fit as well.
    """
    known = dict(metrics) | dict(traces or {})
    distances = []
    for phase in _plan()["phases"]:
        if traces is not None and not phase["production"]:
            continue
        wrong = _wrong(phase, known, whole=traces is not None)
        if not wrong:
            return Phase(phase["name"])
        distances.append((len(wrong), phase["name"], wrong))
    _, nearest, wrong = min(distances, key=lambda entry: entry[0])
    return Phase(PARTIAL, nearest, wrong, _parts(known))


def expected_of(phase: Phase, metric: str) -> tuple[int | None, int | None]:
    """Return what a phase expects of a metric: (exactly, at least), None for any.

    Raise KeyError for a phase that is none: 'partial'.
    """
    plan = _plan()
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


def compare_schemas(entry: Baseline, exit_: Baseline) -> tuple[Difference, ...]:
    """Return what of the schema differs, object by object."""
    return compare(entry.schema, exit_.schema)


def drift(entry: Baseline, exit_: Baseline) -> dict[str, tuple[Organic, Organic]]:
    """Return each organic figure with its values at entry and exit."""
    return {
        name: (value, exit_.organic[name])
        for name, value in entry.organic.items()
        if name in exit_.organic
    }


def _wrong(
    phase: Mapping[str, Any], known: Mapping[str, Any], *, whole: bool
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


def _parts(known: Mapping[str, Any]) -> tuple[str, ...]:
    """Tell for each part which phases' figures it has: which half is there."""
    told = []
    for part, names in _plan()["parts"].items():
        figures = ", ".join(f"{name} {known.get(name)}" for name in names)
        fitting = [
            phase["name"]
            for phase in _plan()["phases"]
            if all(
                known.get(name) == (_plan()["same_in_all"] | phase["figures"]).get(name)
                for name in names
            )
        ]
        whose = f"as in {' or '.join(fitting)}" if fitting else "as in no phase"
        told.append(f"{part} {whose} ({figures})")
    return tuple(told)


@cache
def _plan() -> Any:
    return resources.read_json(PHASES)
