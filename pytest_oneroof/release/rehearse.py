"""The rehearsal of a packet: the bytes that production would get, on a clone.

Greenfield, gate closed (refused), gate opened there and only there, finalized,
again (refused), rolled back, rolled back again; each state pinned by schema and
content. It authorizes nothing on production (domain: pipeline, section 4).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.pack import Pack
from pytest_oneroof.release.executor import Outcome, end_log, run_steps
from pytest_oneroof.release.plan import Packet
from pytest_oneroof.release.proof import Pin, Proof, differences, prove, read_pin
from pytest_oneroof.release.rehearsal_clone import RehearsalClone
from pytest_oneroof.release.standing import Standing, read_standing
from pytest_oneroof.release.step_log import Log
from pytest_oneroof.release.steps import Where, open_target
from pytest_oneroof.release.telling import told_runs
from pytest_oneroof.statements.scripts import run_script

Say = Callable[[str], Any]


class RehearsalFailed(OneroofError):
    """Raised where a rehearsal does not come out as the plan says."""


@dataclass
class Rehearsal:
    """What a rehearsal showed, in its order; `proof` judges the rollback."""

    packet: str
    clone: str
    manifest_sha256: str
    shown: list[str] = field(default_factory=list)
    fingerprints: dict[str, dict[str, str]] = field(default_factory=dict)
    forward: Outcome | None = None
    backward: Outcome | None = None
    proof: Proof | None = None
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            "packet": self.packet,
            "clone": self.clone,
            "manifest_sha256": self.manifest_sha256,
            "shown": self.shown,
            "fingerprints": self.fingerprints,
            "forward": self.forward.to_dict() if self.forward else None,
            "backward": self.backward.to_dict() if self.backward else None,
            "proof": self.proof.to_dict() if self.proof else None,
            "rollback_proof_status": "PROVEN_IN_STAGING",
            "production_rollback_status": "NOT_APPLICABLE",
            "authorizes_production": False,
            "seconds": round(self.seconds, 1),
        }

    def lines(self) -> list[str]:
        """Return it as lines for a person."""
        runs = [o.runs for o in (self.forward, self.backward) if o is not None]
        return [
            f"rehearsed {self.packet} on {self.clone}, dropped since",
            *told_runs(run for part in runs for run in part),
            *(f"  {line}" for line in self.shown),
            *(self.proof.lines() if self.proof else []),
            f"manifest sha256 {self.manifest_sha256}, {self.seconds:.1f} s; "
            "it authorizes nothing on production",
        ]


def rehearse(
    packet: Packet, clone: RehearsalClone, say: Say, log: Log | None = None
) -> Rehearsal:
    """Run a packet forth, again, back and back again on a greenfield clone.

    The log takes the steps forth and the first way back. Raise RehearsalFailed at
    the first state that is not as planned.
    """
    began = time.perf_counter()
    where = clone.where
    told = Rehearsal(packet.name, clone.clone.database, packet.sha256)
    _expect_phase(packet, where, packet.start, told)
    _expect_refusal(packet, where, "at a closed gate", told)
    say("opening the gate of the clone")
    open_gate(packet.pack, where)
    told.shown.append(f"gate {_ready(packet, where).gate.status} on the clone only")
    before = _pin(where)
    forward = (*packet.steps, *packet.reads)
    told.forward = _passed(run_steps(where, packet, forward, say, log), "forward", log)
    applied, near = _pin(where), _pin(where, packet.touches)
    _expect_phase(packet, where, packet.end, told)
    _expect_refusal(packet, where, "a second time", told)
    _same(near, _pin(where, packet.touches), "the refused second run")
    backward = run_steps(where, packet, packet.rollback, say, log)
    told.backward = _passed(backward, "backward", log)
    rolled_back = _pin(where)
    pins = {"before": before, "applied": applied, "rolled_back": rolled_back}
    told.fingerprints = {name: pin.digests() for name, pin in pins.items()}
    told.proof = prove(f"packet {packet.name}", before, applied, rolled_back)
    if not told.proof.holds:
        raise RehearsalFailed("\n".join(told.proof.lines()))
    _expect_phase(packet, where, packet.start, told)
    _passed(run_steps(where, packet, packet.rollback, say), "backward again")
    _same(before, _pin(where), "the second rollback")
    told.shown.append("second rollback: held, and changed nothing")
    told.seconds = time.perf_counter() - began
    return told


def open_gate(pack: Pack, where: Where) -> None:
    """Open the ratification gate of a marked clone; its file refuses all others."""
    with contextlib.closing(open_target(where, writes=True)) as connection:
        run_script(connection, pack.path(pack.needed("release", "open_gate")))


def _pin(where: Where, relations: Sequence[str] | None = None) -> Pin:
    with contextlib.closing(open_target(where)) as connection:
        return read_pin(connection, relations)


def _ready(packet: Packet, where: Where) -> Standing:
    standing = read_standing(where, packet)
    if standing.gate.status != "READY":
        raise RehearsalFailed(f"the opened gate is {standing.gate.row()}")
    return standing


def _expect_phase(packet: Packet, where: Where, phase: str, told: Rehearsal) -> None:
    standing = read_standing(where, packet)
    if standing.phase.name != phase:
        raise RehearsalFailed(f"expected phase {phase}, {' '.join(standing.lines())}")
    told.shown.append(f"phase {phase}")


def _expect_refusal(packet: Packet, where: Where, when: str, told: Rehearsal) -> None:
    outcome = run_steps(where, packet, packet.steps, lambda line: None)
    if outcome.failed is None or outcome.runs:
        raise RehearsalFailed(f"{packet.name} was not refused {when}")
    told.shown.append(f"refused {when}: {outcome.failed.said}")


def _passed(outcome: Outcome, what: str, log: Log | None = None) -> Outcome:
    if log is not None and outcome.failed is not None:
        end_log(log, outcome)
    if not outcome.passed or outcome.drift:
        reasons = [str(outcome.failed)] if outcome.failed else []
        reasons += [*outcome.moved, *outcome.drift]
        raise RehearsalFailed(f"{what}: {'; '.join(reasons)}")
    return outcome


def _same(expected: Pin, found: Pin, after: str) -> None:
    if told := differences(expected, found):
        raise RehearsalFailed(f"{after} changed {len(told)}: {'; '.join(told[:5])}")
