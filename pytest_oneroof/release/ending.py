"""What a rollout came to, as an answer: held, done, or stopped and standing where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pytest_oneroof.answer import DONE, FAILED, HELD, Answer
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.release.executor import Outcome, end_log
from pytest_oneroof.release.plan import Packet
from pytest_oneroof.release.standing import Hold, Standing, read_standing, way_back
from pytest_oneroof.release.step_log import Log
from pytest_oneroof.release.steps import Where
from pytest_oneroof.release.telling import told_runs

NOTHING = "nothing was written"


def held(
    packet: Packet, what: str, holds: Iterable[Hold], standing: Standing | None = None
) -> Answer:
    """Return the answer of a rollout that did not begin, with every reason."""
    listed = list(holds)
    lines = [f"{what} of packet {packet.name} is held; {NOTHING}"]
    lines += [f"  {n}. {hold}" for n, hold in enumerate(listed, 1)]
    lines += standing.lines() if standing else []
    data = {
        **head(packet, what, standing),
        "held": [asdict(hold) for hold in listed],
        "written": False,
    }
    return Answer(HELD, data, tuple(lines))


def ended(
    packet: Packet, what: str, wanted: str, outcome: Outcome, where: Where, log: Log
) -> Answer:
    """Close the log and return the answer of a rollout that has ended.

    It is done when every step held and the database stands at the phase wanted;
    what stands is read anew, not concluded.
    """
    standing, unread = _stands(where, packet)
    lost = end_log(log, outcome)
    done = outcome.passed and standing is not None and standing.phase.name == wanted
    lines = [*told_outcome(outcome), *(standing.lines() if standing else [unread])]
    if done:
        lines.append(f"{what} of packet {packet.name} complete: {wanted}")
    else:
        lines.append(f"{what} of packet {packet.name} did not reach {wanted}")
        lines += [way_back(standing)] if standing and standing.present else []
    lines += [lost] if lost else []
    lines.append(f"log: {log.file}")
    data = {
        **head(packet, what, standing),
        **outcome.to_dict(),
        "complete": done,
        "log": str(log.file),
        "log_lost": lost,
    }
    return Answer(DONE if done and not lost else FAILED, data, tuple(lines))


def told_outcome(outcome: Outcome) -> list[str]:
    """Return steps, the one that stopped, and what moved, as lines for a person."""
    lines = told_runs(outcome.runs)
    lines += [str(outcome.failed)] if outcome.failed is not None else []
    lines += [f"moved beside the packet: {told}" for told in outcome.moved]
    lines += [f"moved by itself: {told}" for told in outcome.drift]
    return lines


def head(packet: Packet, what: str, standing: Standing | None) -> dict[str, Any]:
    """Return what every answer of a rollout begins with."""
    return {
        "packet": packet.name,
        "what": what,
        "manifest_sha256": packet.sha256,
        "standing": standing.to_dict() if standing else None,
    }


def _stands(where: Where, packet: Packet) -> tuple[Standing | None, str]:
    try:
        return read_standing(where, packet), ""
    except OneroofError as error:
        return None, (
            f"where the database stands cannot be read: {error}\n"
            f"read it before anything else: oneroof rollout plan {packet.name} "
            "--target-url URL"
        )
