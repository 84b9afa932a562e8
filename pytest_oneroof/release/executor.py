"""The executor: gates, then the sealed steps one by one, then what stands.

Preflight first, one transaction per step, the first failure stops. It writes to
nothing but the target, never to what opens the gate, and knows no way to force.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import psycopg

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.release.plan import Packet, Step
from pytest_oneroof.release.proof import Pin, read_pin
from pytest_oneroof.release.reading import reading, rows_of_file
from pytest_oneroof.release.step_log import Log, Probe
from pytest_oneroof.release.steps import (
    APPLICATION,
    WRITING,
    StepFailed,
    StepRun,
    Where,
    open_target,
    run_step,
)

Say = Callable[[str], Any]
# Session advisory lock of the target: one rollout at a time.
LOCK = 0x6F6E65726F6C6C
IN_SCOPE, ORGANIC = "in scope", "organic"


@dataclass(frozen=True)
class Outcome:
    """What running steps came to: their runs, and the one that stopped, if any.

    `moved` names figures outside the packet that differ between entry and exit;
    `drift` those that a live production moves by itself.
    """

    runs: tuple[StepRun, ...]
    failed: StepFailed | None = None
    moved: tuple[str, ...] = ()
    drift: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every step held and nothing beside the packet moved."""
        return self.failed is None and not self.moved

    @property
    def committed(self) -> bool:
        """Whether any step that changes something has committed."""
        return any(run.kind in WRITING for run in self.runs)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "passed": self.passed,
            "steps": [run.to_dict() for run in self.runs],
            "stopped": str(self.failed) if self.failed else "",
            "stopped_at": asdict(self.failed.step) if self.failed else None,
            "moved": list(self.moved),
            "drift": list(self.drift),
        }


def run_steps(
    where: Where,
    packet: Packet,
    steps: Sequence[Step],
    say: Say,
    log: Log | None = None,
) -> Outcome:
    """Run these steps in order, and stop at the first that fails.

    A rollout runs alone: the target's advisory lock is held meanwhile. Raise
    OneroofError when another rollout holds it, ServerError when the target cannot
    be reached to begin with. The log, if any, has not ended yet: `end_log` ends it.
    """
    runs: list[StepRun] = []
    failed: StepFailed | None = None
    with _alone(where):
        entry = read_probe(where, packet)
        if log is not None:
            log.probes.setdefault("entry", entry)
        for number, step in enumerate(steps, 1):
            say(f"running packet {packet.name}: {number}/{len(steps)} {step}")
            try:
                with _stopping(step):
                    if log is not None:
                        log.begin(step)
                    runs.append(run_step(where, packet, step))
                with _stopping(step, "it held, but "):
                    _keep(where, packet, log, runs[-1])
            except StepFailed as error:
                failed = error
                break
        moved, drift = _compare(entry, _exit_probe(where, packet, failed))
    return Outcome(tuple(runs), failed, moved, drift)


def end_log(log: Log, outcome: Outcome) -> str:
    """Close a rollout's log; return why it could not be kept, or nothing.

    What was done is done, so that this is told and not raised.
    """
    try:
        log.end(outcome.failed)
    except OneroofError as error:
        return str(error)
    return ""


def read_probe(where: Where, packet: Packet) -> Probe:
    """Return the packet's figures as (scope, value): gate, in and out of scope."""
    if not packet.probe:
        return {}
    with reading(where) as connection:
        rows = rows_of_file(connection, packet, packet.probe)
    return {row["metric"]: (row["scope"], row["value"]) for row in rows}


def pin_of(where: Where, packet: Packet) -> Pin:
    """Read the pin of a production: its schema, and what the packet touches.

    The big tables are not read: a production's content is not scanned.
    """
    with reading(where) as connection:
        return read_pin(connection, packet.touches)


@contextlib.contextmanager
def _alone(where: Where) -> Iterator[None]:
    connection = open_target(where)
    try:
        row = connection.execute(
            "SELECT pg_catalog.pg_try_advisory_lock(%s)", [LOCK]
        ).fetchone()
        if row is None or not row[0]:
            raise OneroofError(
                f"another rollout runs on {connection.info.dbname!r}\n"
                "wait for its end; who it is: SELECT * FROM pg_stat_activity WHERE "
                f"application_name = '{APPLICATION}'"
            )
        try:
            yield
        finally:
            # Before closing: a backend ends some time after its client has left.
            with contextlib.suppress(psycopg.Error):
                connection.execute("SELECT pg_catalog.pg_advisory_unlock(%s)", [LOCK])
    finally:
        connection.close()


@contextlib.contextmanager
def _stopping(step: Step, when: str = "") -> Iterator[None]:
    """Stop a step also for what is no word of the server's.

    A log that cannot be kept, a server that is gone, an operator's Ctrl-C.
    """
    try:
        yield
    except StepFailed:
        raise
    except KeyboardInterrupt:
        raise StepFailed(step, f"{when}it was interrupted by Ctrl-C") from None
    except (OneroofError, psycopg.Error) as error:
        said, _, hint = str(error).strip().partition("\n")
        raise StepFailed(step, when + said, hint) from error


def _keep(where: Where, packet: Packet, log: Log | None, run: StepRun) -> None:
    if log is not None:
        middle = run.step == packet.middle
        log.keep(run, {"middle": read_probe(where, packet)} if middle else {})


def _exit_probe(where: Where, packet: Packet, failed: StepFailed | None) -> Probe:
    try:
        return read_probe(where, packet)
    except (OneroofError, psycopg.Error):
        if failed is None:
            raise
        return {}


def _compare(entry: Probe, exit_: Probe) -> tuple[tuple[str, ...], tuple[str, ...]]:
    moved: list[str] = []
    drift: list[str] = []
    for metric, (scope, value) in entry.items():
        if scope == IN_SCOPE or metric not in exit_ or exit_[metric][1] == value:
            continue
        told = f"{metric} {value} -> {exit_[metric][1]}"
        (drift if scope == ORGANIC else moved).append(told)
    return tuple(moved), tuple(drift)
