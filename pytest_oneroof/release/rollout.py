"""Rolling a packet out on a production: run, roll back, verify, as answers.

The one way to write to a production. Nothing is sent to it but the sealed bytes,
after seal, identity, gate and phase are proved, and over a URL given for this.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_oneroof.answer import DONE, FAILED, Answer
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.release.ending import NOTHING, ended, head, held, told_outcome
from pytest_oneroof.release.executor import Outcome, end_log, pin_of, run_steps
from pytest_oneroof.release.plan import Packet, Step
from pytest_oneroof.release.proof import Pin, Proof, load_pins, prove, save_pins
from pytest_oneroof.release.standing import (
    Hold,
    Identity,
    hold_rollback,
    hold_run,
    hold_target,
    read_identity,
    read_standing,
)
from pytest_oneroof.release.step_log import Log, new_log
from pytest_oneroof.release.steps import Where

Say = Callable[[str], Any]


@dataclass(frozen=True)
class Order:
    """What an operator ordered: packet, URL, the name typed, where logs are kept."""

    packet: Packet
    url: str
    typed: str
    folder: Path
    ratified: str = ""


def run(order: Order, say: Say) -> Answer:
    """Run a packet on the production: status 0, 1 for a step that stopped, 10 held.

    Held: another database than typed, a phase that is not the packet's start, a
    closed gate, or a preflight that refuses (approval, quorum, drift).
    """
    packet = order.packet
    where = Where(order.url, ratified=order.ratified)
    identity = read_identity(where)
    if holds := hold_target(packet, identity, order.typed):
        return held(packet, "run", holds)
    standing = read_standing(where, packet)
    if holds := hold_run(packet, standing):
        return held(packet, "run", holds, standing)
    log = _log(order, identity, "run")
    before = pin_of(where, packet)
    _keep(log, {"before": before})
    steps = (*packet.steps, *packet.reads)
    outcome = _run(where, packet, steps, say, log)
    failed = outcome.failed
    if failed is not None and failed.step.kind == "preflight" and failed.refused:
        end_log(log, outcome)
        hold = Hold("preflight", failed.said, failed.hint or NOTHING)
        return held(packet, "run", [hold], read_standing(where, packet))
    answer = ended(packet, "run", packet.end, outcome, where, log)
    return _pinned(answer, where, packet, log, before)


def roll_back(
    order: Order, say: Say, *, tier_by_tier: bool = False, pins: Path | None = None
) -> Answer:
    """Take a packet back on the production, and have the rollback prove itself.

    The state before is the pin that the run's log kept; without one only figures
    can be compared, which is said. A rollback that undid nothing fails.
    """
    packet = order.packet
    where = Where(order.url)
    identity = read_identity(where)
    if holds := hold_target(packet, identity, order.typed):
        return held(packet, "rollback", holds)
    standing = read_standing(where, packet)
    if holds := hold_rollback(packet, standing):
        return held(packet, "rollback", holds, standing)
    kept = _pins(order, identity, pins)
    log = _log(order, identity, "rollback")
    met = pin_of(where, packet)
    steps = packet.tiers_back if tier_by_tier else packet.rollback
    outcome = _run(where, packet, steps, say, log)
    answer = ended(packet, "rollback", packet.start, outcome, where, log)
    if answer.data["standing"] is None:
        return answer
    proof = _judge(packet, kept, met, pin_of(where, packet))
    data = {**answer.data, "proof": proof.to_dict(), "pinned": bool(kept)}
    unpinned = [] if kept else ["no pin of the state before: figures were compared"]
    status = answer.status if proof.holds else FAILED
    return Answer(status, data, (*answer.lines, *proof.lines(), *unpinned))


def verify(packet: Packet, where: Where, say: Say) -> Answer:
    """Run the packet's verifying steps, which only read; status 0 or 1."""
    steps = [s for s in (*packet.steps, *packet.reads) if s.kind == "verify"]
    standing = read_standing(where, packet)
    outcome = run_steps(where, packet, steps, say)
    lines = [*standing.lines(), *told_outcome(outcome)]
    status = DONE if outcome.passed and standing.phase.name == packet.end else FAILED
    data = {**head(packet, "verify", standing), **outcome.to_dict()}
    lines.append(f"{packet.name} {'verified' if status == DONE else 'does not stand'}")
    return Answer(status, data, tuple(lines))


def _run(
    where: Where, packet: Packet, steps: Sequence[Step], say: Say, log: Log
) -> Outcome:
    """Run steps; where none could begin, the log says why before that is raised."""
    try:
        return run_steps(where, packet, steps, say, log)
    except OneroofError as error:
        with contextlib.suppress(OneroofError):
            log.end(None, str(error))
        raise


def _pinned(
    answer: Answer, where: Where, packet: Packet, log: Log, before: Pin
) -> Answer:
    """Keep the pins of before and after beside the log; tell where that failed."""
    if answer.data["standing"] is None:
        return answer
    try:
        _keep(log, {"before": before, "applied": pin_of(where, packet)})
    except OneroofError as error:
        status = max(answer.status, FAILED)
        return Answer(status, answer.data, (*answer.lines, str(error)))
    return answer


def _log(order: Order, identity: Identity, what: str) -> Log:
    """Begin the log before anything is sent; it has to be writable."""
    log = new_log(_folder(order, identity), order.packet, what, identity.database)
    try:
        log.write()
    except OneroofError as error:
        raise OneroofError(f"{NOTHING}: {error}") from error
    return log


def _folder(order: Order, identity: Identity) -> Path:
    return order.folder / f"{identity.system_identifier}-{identity.database}"


def _keep(log: Log, pins: Mapping[str, Pin]) -> None:
    file = log.file.with_suffix(".pins")
    try:
        save_pins(file, pins)
    except OSError as error:
        raise OneroofError(
            f"the pins {file} cannot be written ({error.strerror})"
        ) from error


def _pins(order: Order, identity: Identity, given: Path | None) -> dict[str, Pin]:
    """Return the pins of the newest run of this packet on this database, if any."""
    if given is not None:
        return load_pins(given)
    pattern = f"rollout_{order.packet.name}_run_*.pins"
    found = sorted(_folder(order, identity).glob(pattern))
    return load_pins(found[-1]) if found else {}


def _judge(packet: Packet, kept: Mapping[str, Pin], met: Pin, now: Pin) -> Proof:
    before = kept.get("before")
    if before is None:
        # Nothing to restore to is known: only that something was undone is judged.
        return prove(f"packet {packet.name}", now, met, now)
    applied = kept.get("applied", met)
    return prove(f"packet {packet.name}", before, applied, now, met=met)
