"""What counts as passed: the state of one item, from its own evidence. Pure.

It is decided here and nowhere else. Terminal, junit, packet, acceptance and report
ask `count`, and `oneroof packet verify` asks it again about the evidence that it
reads from the packet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SETUP, CALL, TEARDOWN = "setup", "call", "teardown"
PASSED, FAILED, SKIPPED, XFAILED = "passed", "failed", "skipped", "xfailed"
NOT_RUN, NOT_COUNTED = "not run", "not counted"
STATES = (PASSED, FAILED, SKIPPED, XFAILED, NOT_RUN, NOT_COUNTED)
# Of these nothing is known, and nothing is wrong: they are told as not checked.
UNCHECKED = (SKIPPED, XFAILED)
RERUN = "rerun"
# Verdicts of proofs, the worst last.
WORST = ("clean", "unprovable", "dirty")
ANSWERED = "its own code did not run to the end; something else reported it as passed"
UNPROVED = "asked for the clone or production, and has no proof of what was left"
RAISED = "raised an error, and something else reported it as passed"


@dataclass(frozen=True)
class Phase:
    """One report of an item: what came of its setup, call or teardown.

    `outcome` is what was reported; the rest is what this plugin saw itself. `ran`:
    the check's own code was entered, and ended without raising; `raised`: the
    phase raised. `expected`: a failure that a mark expects. `withheld`: a check of a
    suite was skipped, or expected to fail, by something outside of that suite.
    """

    when: str
    outcome: str
    ran: bool = False
    raised: bool = False
    expected: bool = False
    withheld: bool = False
    why: str = ""
    worker: str = ""


@dataclass(frozen=True)
class Evidence:
    """All that is known of one item.

    `selected` is how often it was to run; `proves` tells that it asked for a
    connection whose use is proved; `proofs` are the verdicts of its proofs.
    """

    selected: int = 1
    proves: bool = False
    phases: tuple[Phase, ...] = ()
    proofs: tuple[str, ...] = ()

    def to_values(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> Evidence:
        """Return what `to_values` wrote; raise TypeError for anything else."""
        phases = tuple(Phase(**phase) for phase in values["phases"])
        return cls(**{**values, "phases": phases, "proofs": tuple(values["proofs"])})


@dataclass(frozen=True)
class Counted:
    """The state of an item, one of STATES, and why it is not passed."""

    state: str
    why: str = ""


def count(evidence: Evidence) -> Counted:
    """Return what an item counts as; passed by its own call and its proof alone."""
    last = _last_attempt(evidence.phases)
    return (
        _failed(evidence)
        or _not_run(last)
        or _skipped(last)
        or _not_counted(evidence, last)
        or Counted(PASSED)
    )


def worst(verdicts: Sequence[str]) -> str | None:
    """Return the worst verdict of an item's proofs, None without any."""
    return max(verdicts, key=WORST.index, default=None)


def _by_worker(phases: Sequence[Phase]) -> str:
    """Return what came of an item on each worker, where several ran it."""
    ends: dict[str, str] = {}
    for phase in phases:
        if phase.worker and ends.get(phase.worker) != FAILED:
            ends[phase.worker] = phase.outcome
    told = [f"{outcome} on {worker}" for worker, outcome in sorted(ends.items())]
    return ", ".join(told) if len(told) > 1 else ""


def was_called(evidence: Evidence) -> bool:
    """Tell whether the item's own code ran, however it ended."""
    return any(
        p.when == CALL and (p.ran or p.raised or p.outcome == FAILED)
        for p in evidence.phases
    )


def _last_attempt(phases: Sequence[Phase]) -> Sequence[Phase]:
    """Return the phases of the last attempt, where an item was run again."""
    again = [n for n, phase in enumerate(phases, 1) if phase.outcome == RERUN]
    return phases[again[-1] :] if again else phases


def _failed(evidence: Evidence) -> Counted | None:
    if any(phase.outcome == FAILED for phase in evidence.phases):
        return Counted(FAILED, _by_worker(evidence.phases))
    if any(phase.outcome == PASSED and phase.raised for phase in evidence.phases):
        return Counted(FAILED, RAISED)
    verdict = worst(evidence.proofs)
    unclean = verdict is not None and verdict != WORST[0]
    return Counted(FAILED, f"its proof is {verdict}") if unclean else None


def _not_run(phases: Sequence[Phase]) -> Counted | None:
    if not phases:
        return Counted(NOT_RUN, "never started")
    ends = {phase.when for phase in phases}
    if SETUP in ends and CALL not in ends and not _skips(phases):
        return Counted(NOT_RUN, "set up, and not called to its end")
    return None


def _skipped(phases: Sequence[Phase]) -> Counted | None:
    for phase in _skips(phases):
        if phase.withheld:
            how = "expected to fail" if phase.expected else "skipped"
            told = f"{how} by something outside of its suite"
            return Counted(NOT_COUNTED, _with(told, phase.why))
        called = phase.expected and phase.when == CALL
        return Counted(XFAILED if called else SKIPPED, phase.why)
    return None


def _not_counted(evidence: Evidence, phases: Sequence[Phase]) -> Counted | None:
    calls = [phase for phase in phases if phase.when == CALL]
    if any(not call.ran for call in calls):
        return Counted(NOT_COUNTED, ANSWERED)
    if len(calls) > max(evidence.selected, 1):
        where = ", ".join(sorted({call.worker for call in calls if call.worker}))
        told = f"ran {len(calls)} times, selected {max(evidence.selected, 1)}"
        return Counted(NOT_COUNTED, f"{told} (on {where})" if where else told)
    if not calls or sum(phase.when == TEARDOWN for phase in phases) < len(calls):
        return Counted(NOT_COUNTED, "ended before its teardown")
    if len(calls) < evidence.selected:
        told = f"ran {len(calls)} of {evidence.selected} times"
        return Counted(NOT_COUNTED, told)
    if evidence.proves and not evidence.proofs:
        return Counted(NOT_COUNTED, UNPROVED)
    return None


def _skips(phases: Sequence[Phase]) -> list[Phase]:
    return [phase for phase in phases if phase.outcome == SKIPPED]


def _with(told: str, why: str) -> str:
    return f"{told}: {why}" if why else told
