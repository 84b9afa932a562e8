"""Figures of a production at entry and exit, read in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from pytest_oneroof import resources
from pytest_oneroof.fingerprint.compare import (
    Difference,
    SchemaFingerprint,
    compare,
    read_schema,
)
from pytest_oneroof.production.figures import Figures, Organic, Phase
from pytest_oneroof.production.gate import GateVerdict, gate_of

IDLE = "sql/production/idle_in_transaction.sql"

Connection = psycopg.Connection[Any]


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
    """One reading of a production, in one snapshot.

    `phase` and `gate` are None where the pack knows none.
    """

    database: str
    metrics: Mapping[str, int]
    organic: Mapping[str, Organic]
    traces: Mapping[str, str]
    schema: SchemaFingerprint
    phase: Phase | None
    gate: GateVerdict | None
    idle: Idle


def read_baseline(
    connection: Connection,
    figures: Figures,
    *,
    in_recovery: bool,
    sees_sessions: bool,
) -> Baseline:
    """Return all figures of the connected production, schema fingerprint included.

    Call it in one READ ONLY, REPEATABLE READ transaction, so that they belong
    together.
    """
    gate = gate_of(figures.pack)
    metrics, traces = figures.metrics(connection), figures.traces(connection)
    return Baseline(
        database=connection.info.dbname,
        metrics=metrics,
        gate=gate.judge(connection) if gate is not None else None,
        organic=figures.organic(connection),
        traces=traces,
        schema=read_schema(connection),
        phase=figures.phase(metrics, traces),
        idle=read_idle(
            connection, in_recovery=in_recovery, sees_sessions=sees_sessions
        ),
    )


def read_idle(
    connection: Connection, *, in_recovery: bool, sees_sessions: bool
) -> Idle:
    """Return who is idle in a transaction, or why that cannot be told."""
    if in_recovery:
        reason = (
            "sessions idle in transaction not shown: a hot standby does not see the "
            "primary's sessions"
        )
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
