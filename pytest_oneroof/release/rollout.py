"""Rolling a packet out on a production: run, roll back, verify, as answers.

The one way to write to a production. Before the hold it sees our own statements
alone; what it then gets are the sealed bytes, after pinned seal, identity, rehearsal
or record of the run, gate and ratification are proved, over a URL given for this.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_oneroof.answer import DONE, FAILED, Answer
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.release.ending import NOTHING, ended, head, held, told_outcome
from pytest_oneroof.release.executor import Outcome, end_log, pin_of, run_steps
from pytest_oneroof.release.identity import Identity
from pytest_oneroof.release.order import (
    Order,
    find_rehearsed,
    find_undone,
    folder_of_runs,
    hold_schema,
)
from pytest_oneroof.release.plan import Packet, Step
from pytest_oneroof.release.proof import Pin, Proof, pins_to_data, prove, read_pin
from pytest_oneroof.release.ratified import read_refusal
from pytest_oneroof.release.reading import reading
from pytest_oneroof.release.records import Record, mark_undone
from pytest_oneroof.release.standing import (
    Hold,
    Standing,
    find_standing,
    hold_identity,
    hold_ratification,
    hold_rollback,
    hold_run,
    hold_target,
    read_identity,
    read_standing,
)
from pytest_oneroof.release.step_log import Log, new_log
from pytest_oneroof.release.steps import Where

__all__ = ["Order", "roll_back", "run", "verify"]

Say = Callable[[str], Any]


@dataclass(frozen=True)
class Target:
    """What one snapshot of the target tells before the hold."""

    standing: Standing
    refusal: str
    pin: Pin


def run(order: Order, say: Say) -> Answer:
    """Run a packet on the production: status 0, 1 for a step that stopped, 10 held.

    Held: another database than typed, no rehearsal of these bytes on this schema, a
    phase that is not the packet's start, a closed gate, no ratification, or a
    preflight that refuses.
    """
    packet = order.packet
    identity = read_identity(Where(order.url))
    where = Where(order.url, ratified=order.ratified, identity=identity)
    where = where.of(order.packet.pack)
    rehearsal, holds = find_rehearsed(order)
    if unmeant := hold_target(packet, identity, order.typed):
        return held(packet, "run", (*unmeant, *holds))
    target = _read_target(where, packet)
    if rehearsal is not None:
        holds += hold_schema(rehearsal, identity, target.pin.schema)
    holds += hold_run(packet, target.standing)
    holds += hold_ratification(target.standing, target.refusal)
    if holds or rehearsal is None:
        return held(packet, "run", holds, target.standing)
    evidence = {
        "target": identity.to_dict(),
        "ratified": order.ratified,
        "rehearsal": rehearsal.sha256,
        "pins": pins_to_data({"before": target.pin}),
    }
    log = _log(order, identity, "run", evidence)
    return _send(packet, where, target.pin, log, say)


def _send(packet: Packet, where: Where, before: Pin, log: Log, say: Say) -> Answer:
    """Send the steps of a run that nothing holds."""
    outcome = _run(where, packet, (*packet.steps, *packet.reads), say, log)
    failed = outcome.failed
    if failed is not None and failed.step.kind == "preflight" and failed.refused:
        end_log(log, outcome)
        hold = Hold("preflight", failed.said, failed.hint or NOTHING)
        return held(packet, "run", [hold], read_standing(where, packet))
    answer = ended(packet, "run", packet.end, outcome, where, log)
    return _pinned(answer, where, packet, log, before)


def roll_back(order: Order, say: Say, *, tier_by_tier: bool = False) -> Answer:
    """Take a packet back on the production, and have the rollback prove itself.

    Held without the record of the run that it undoes, on exactly this database. The
    state before is the pin in that record. A rollback that undid nothing fails. A
    packet without tiers goes back the one way that it has.
    """
    packet = order.packet
    identity = read_identity(Where(order.url))
    if holds := hold_target(packet, identity, order.typed):
        return held(packet, "rollback", holds)
    where = Where(order.url, identity=identity).of(order.packet.pack)
    standing = read_standing(where, packet)
    record, holds = find_undone(order, standing)
    holds = (*hold_rollback(packet, standing), *holds)
    if holds or record is None:
        return held(packet, "rollback", holds, standing)
    pins = record.pins
    evidence = {"target": identity.to_dict(), "undoes": record.file.name}
    log = _log(order, identity, "rollback", evidence)
    met = pin_of(where, packet)
    steps = packet.rollback
    if tier_by_tier and packet.tiers_back:
        steps = packet.tiers_back
    outcome = _run(where, packet, steps, say, log)
    answer = ended(packet, "rollback", packet.start, outcome, where, log)
    if answer.data["standing"] is None:
        return answer
    applied = pins.get("applied", met)
    surface = f"packet {packet.name}"
    proof = prove(surface, pins["before"], applied, pin_of(where, packet), met=met)
    return _proved(answer, proof, record)


def verify(packet: Packet, where: Where, say: Say) -> Answer:
    """Run the packet's verifying steps, which only read; status 0 or 1, 10 held.

    Held on another database than the packet's, which sees nothing of it.
    """
    identity = read_identity(where)
    if not where.target and (holds := hold_identity(packet, identity)):
        return held(packet, "verify", holds)
    where = replace(where, identity=identity)
    steps = [s for s in (*packet.steps, *packet.reads) if s.kind == "verify"]
    standing = read_standing(where, packet)
    outcome = run_steps(where, packet, steps, say)
    lines = [*standing.lines(), *told_outcome(outcome)]
    status = DONE if outcome.passed and standing.phase.name == packet.end else FAILED
    data = {**head(packet, "verify", standing), **outcome.to_dict()}
    lines.append(f"{packet.name} {'verified' if status == DONE else 'does not stand'}")
    return Answer(status, data, tuple(lines))


def _read_target(where: Where, packet: Packet) -> Target:
    with reading(where) as connection:
        return Target(
            find_standing(connection, packet),
            read_refusal(connection, packet),
            read_pin(connection, packet.touches),
        )


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
    """Keep the pins of before and after in the log; tell where that failed."""
    if answer.data["standing"] is None:
        return answer
    applied = pin_of(where, packet)
    log.evidence["pins"] = pins_to_data({"before": before, "applied": applied})
    try:
        log.write()
    except OneroofError as error:
        status = max(answer.status, FAILED)
        return Answer(status, answer.data, (*answer.lines, str(error)))
    return answer


def _proved(answer: Answer, proof: Proof, record: Record) -> Answer:
    """Add what the rollback proved, and note in the run's record that it is undone."""
    lines = [*answer.lines, *proof.lines()]
    status = answer.status if proof.holds else FAILED
    if answer.status == DONE:
        try:
            mark_undone(record)
        except OneroofError as error:
            status, lines = FAILED, [*lines, str(error)]
    return Answer(status, {**answer.data, "proof": proof.to_dict()}, tuple(lines))


def _log(order: Order, identity: Identity, what: str, evidence: dict[str, Any]) -> Log:
    """Begin the log before anything is sent; it has to be writable."""
    folder = folder_of_runs(order.folder, identity)
    log = new_log(folder, order.packet, what, identity.database)
    log.evidence.update(evidence)
    try:
        log.write()
    except OneroofError as error:
        raise OneroofError(f"{NOTHING}: {error}") from error
    return log
