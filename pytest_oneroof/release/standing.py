"""Where a database stands between two releases, and whether a packet may go on.

Facts are read in one READ ONLY transaction; the decision is pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_oneroof.production.figures import PARTIAL, Figures, Phase
from pytest_oneroof.production.gate import Gate, GateVerdict
from pytest_oneroof.release.identity import Identity, identify
from pytest_oneroof.release.plan import Packet, known_packets, open_packet, read_selects
from pytest_oneroof.release.reading import absent, reading, rows_of
from pytest_oneroof.release.steps import Connection, Where

ABSENT, WHOLE = "absent", "whole"


@dataclass(frozen=True)
class StepState:
    """Whether one step stands: absent, whole or in part, and what was found."""

    packet: str
    step: str
    state: str
    found: str


@dataclass(frozen=True)
class Standing:
    """A database's phase, its gate, and the steps of packets that stand in it."""

    identity: Identity
    phase: Phase
    gate: GateVerdict
    steps: tuple[StepState, ...]

    @property
    def present(self) -> tuple[StepState, ...]:
        """The steps of which anything is there."""
        return tuple(step for step in self.steps if step.state != ABSENT)

    def lines(self) -> list[str]:
        """Return it as lines for a person."""
        lines = [f"{self.identity.database} stands at {self.phase}"]
        lines += [
            f"  {step.packet} step {step.step} {step.state}: {step.found}"
            for step in self.present
        ]
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        return {
            **asdict(self.identity),
            "phase": self.phase.name,
            "told": str(self.phase),
            "gate": self.gate.to_dict(),
            "steps": [asdict(step) for step in self.steps],
        }


@dataclass(frozen=True)
class Hold:
    """One reason why nothing is run: a word for it, what was found, the way on."""

    code: str
    found: str
    way: str

    def __str__(self) -> str:
        return f"[{self.code}] {self.found}\n     {self.way}"


def read_identity(where: Where) -> Identity:
    """Read which database that is; raise ServerError when it cannot be reached."""
    with reading(where) as connection:
        return identify(connection)


def read_standing(where: Where, packet: Packet) -> Standing:
    """Read where the database stands, by this packet and its pack's others.

    Raise ServerError when it cannot be reached or read: another database, one
    without the schema of the pack, a role without the rights.
    """
    with reading(where) as connection:
        return find_standing(connection, packet)


def find_standing(connection: Connection, packet: Packet) -> Standing:
    """Return where a database stands, inside a transaction of `reading`."""
    pack, packets = packet.pack, [packet, *_others(packet)]
    pack.needed("figures", "phases")
    figures = Figures(pack)
    phase = figures.phase(figures.metrics(connection), figures.traces(connection))
    assert phase is not None
    steps = tuple(state for each in packets for state in _states(connection, each))
    return Standing(
        identify(connection),
        _agreed(phase, packets, steps),
        Gate(pack).judge(connection),
        steps,
    )


def _states(connection: Connection, packet: Packet) -> Iterator[StepState]:
    """Ask for each changing step by its own SELECT, where its relations are there."""
    selects = read_selects(packet, packet.standing)
    for step, select in zip(packet.changes, selects, strict=True):
        if missing := absent(connection, select):
            found = f"{missing[0]} is not there"
            yield StepState(packet.name, step.step, ABSENT, found)
        else:
            [row] = rows_of(connection, select)
            yield StepState(packet.name, step.step, row["state"], row["found"])


def hold_target(packet: Packet, identity: Identity, typed: str) -> tuple[Hold, ...]:
    """Return every reason why this is not the database that is meant, or none."""
    return (*hold_identity(packet, identity), *_mistyped(identity, typed))


def hold_identity(packet: Packet, identity: Identity) -> tuple[Hold, ...]:
    """Return why this is not the database that a packet is for, or nothing."""
    if identity.database == packet.target:
        return ()
    found = (
        f"the database is {identity.database!r}, the packet is for {packet.target!r}"
    )
    way = "a clone is rehearsed, not run: oneroof rollout rehearse"
    return (Hold("identity", found, way),)


def hold_run(packet: Packet, standing: Standing) -> tuple[Hold, ...]:
    """Return every reason against running a packet on a production, or none."""
    return (*_not_at_start(packet, standing), *_gate(standing))


def hold_ratification(standing: Standing, refusal: str) -> tuple[Hold, ...]:
    """Return why the packet is not ratified, where the gate does not say it already."""
    if not refusal or not standing.gate.facts.get("signed", True):
        return ()
    way = "only humans ratify: never invent a code, and wait for the quorum"
    return (Hold("ratification", refusal, way),)


def hold_rollback(packet: Packet, standing: Standing) -> tuple[Hold, ...]:
    """Return every reason against rolling a packet back, or none.

    The gate is no reason: the way back needs no ratification.
    """
    packets = {step.packet for step in standing.present}
    if packets and packet.name not in packets:
        other = min(packets)
        return (
            Hold(
                "other_packet",
                f"what stands there is of packet {other}",
                f"roll that back: oneroof rollout rollback {other}",
            ),
        )
    return ()


def way_back(standing: Standing) -> str:
    """Return the command that leads back to greenfield, for what stands there."""
    packets = list(dict.fromkeys(step.packet for step in standing.present))
    if not packets:
        return "nothing of a known packet stands there: find out who wrote it"
    commands = [f"oneroof rollout rollback {name}" for name in packets]
    return f"the way back: {', then '.join(commands)}"


def _others(packet: Packet) -> list[Packet]:
    pack = packet.pack
    others = (name for name in known_packets(pack) if name != packet.name)
    return [open_packet(name, pack) for name in others]


def _agreed(
    phase: Phase, packets: Sequence[Packet], steps: Sequence[StepState]
) -> Phase:
    """Return the phase if the steps that stand agree with it, else partial.

    A phase is told by figures; a packet's later steps move none of them.
    """
    for packet in packets:
        wanted = {packet.end: WHOLE, packet.start: ABSENT}.get(phase.name)
        wrong = {
            f"{step.packet} step {step.step}": (wanted, f"{step.state}: {step.found}")
            for step in steps
            if wanted and step.packet == packet.name and step.state != wanted
        }
        if wrong:
            whole = [
                s.step for s in steps if s.packet == packet.name and s.state == WHOLE
            ]
            stand = f"{packet.name} steps {', '.join(whole) or 'none'} stand"
            return Phase(PARTIAL, phase.name, wrong, (stand,))
    return phase


def _mistyped(identity: Identity, typed: str) -> Iterator[Hold]:
    if typed != identity.database:
        yield Hold(
            "typed",
            f"{typed!r} was typed, the database is {identity.database!r}",
            "type the name of the database that is meant: --database NAME",
        )
    if identity.in_recovery:
        yield Hold("standby", "the server is a hot standby", "give the primary's URL")


def _not_at_start(packet: Packet, standing: Standing) -> Iterator[Hold]:
    phase = standing.phase
    if phase.name == packet.start:
        return
    if phase.name == packet.end:
        yield Hold(
            "done",
            f"{packet.name} is there already: the phase is {phase.name}",
            way_back(standing),
        )
    else:
        word = PARTIAL if phase.name == PARTIAL else "phase"
        yield Hold(
            word,
            f"{packet.name} begins at {packet.start}, the database stands at {phase}",
            way_back(standing),
        )


def _gate(standing: Standing) -> Iterator[Hold]:
    if standing.gate.status != "READY":
        yield Hold(
            "gate",
            f"GATE: {standing.gate.status}|{standing.gate.tokens}",
            "only humans open it: wait for the ratification, or look into the drift",
        )
