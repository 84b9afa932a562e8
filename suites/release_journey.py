"""The way of one rehearsal clone through the steps of a release packet.

A check names the step after which it looks; the rollout goes there, forth by the
sealed steps and back by the sealed rollback. Trials are rolled back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import psycopg
from pytest_oneroof.suites.support import PACK

from pytest_oneroof import resources
from pytest_oneroof.clone.rehearsal import Rehearsal
from pytest_oneroof.controls.changed import replaced
from pytest_oneroof.release.executor import Outcome, Probe, read_probe, run_steps
from pytest_oneroof.release.plan import Packet, Step, open_packet
from pytest_oneroof.release.proof import Pin, Proof, prove, read_pin
from pytest_oneroof.release.rehearse import open_gate
from pytest_oneroof.release.standing import Standing, read_standing
from pytest_oneroof.release.steps import StepRun, Where, open_target
from pytest_oneroof.statements.scripts import body

GREENFIELD = "greenfield"
UNDO_BASELINE = "sql/stages/F_rollback_clone.sql"

Connection = psycopg.Connection[Any]
MakeClone = Callable[[], AbstractContextManager[Rehearsal]]


class Rollout:
    """One rehearsal clone, its gate opened, and the step that it has reached.

    `close` it at the end. `runs` are what the steps told when they last ran.
    """

    def __init__(self, packet: str, make_clone: MakeClone) -> None:
        self.packet: Packet = open_packet(packet, PACK)
        self.folder = f"{PACK.needed('release', 'packets')}/{packet}/"
        self.numbers = [GREENFIELD, *(step.step for step in self.packet.steps)]
        self._stack = contextlib.ExitStack()
        self.clone = self._stack.enter_context(make_clone())
        self.runs: dict[str, StepRun] = {}
        self.stage = GREENFIELD
        try:
            self.clone.run(resources.path(UNDO_BASELINE))
            code = PACK.release.rehearsal_approval
            self.where = Where(self.clone.url, self.clone.name, code).of(PACK)
            open_gate(PACK, self.where)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Drop the clone."""
        self._stack.close()

    def step(self, number: str) -> Step:
        """Return a step of the packet, forth or back, by its number."""
        packet = self.packet
        parts = (packet.steps, packet.reads, packet.rollback, packet.tiers_back)
        return next(s for part in parts for s in part if s.step == number)

    def reach(self, stage: str) -> None:
        """Bring the clone to where a step has just run, or to greenfield.

        Raise AssertionError where a step stops.
        """
        if self.numbers.index(stage) < self.numbers.index(self.stage):
            self.back()
        first, last = self.numbers.index(self.stage), self.numbers.index(stage)
        outcome = self.run(*self.packet.steps[first:last])
        assert outcome.failed is None, f"not reached: {outcome.failed}"

    def run(self, *steps: Step) -> Outcome:
        """Run steps as the executor does; the stage follows the last that held."""
        outcome = run_steps(self.where, self.packet, steps, _quiet)
        for run in outcome.runs:
            self.runs[run.step] = run
            if run.kind == "rollback":
                self.stage = GREENFIELD
            elif run.step in self.numbers:
                self.stage = run.step
        return outcome

    def back(self) -> None:
        """Roll the clone back to greenfield, whole."""
        outcome = self.run(*self.packet.rollback)
        assert outcome.failed is None, f"not rolled back: {outcome.failed}"

    def proved(self, *back: Step) -> Proof:
        """Run the packet from greenfield to its end and back, and judge that.

        The pin is taken here, not once: a trial leaves sequences where it drew.
        """
        self.reach(GREENFIELD)
        before = self.pin()
        self.reach(self.numbers[-1])
        applied = self.pin()
        outcome = self.run(*back)
        assert outcome.failed is None, f"not rolled back: {outcome.failed}"
        return prove(self.packet.name, before, applied, self.pin())

    @contextlib.contextmanager
    def broken(self, fault: Any) -> Iterator[None]:
        """Have a fault of the controls stand at its stage, for a block.

        It changes a file of the packet, or writes on the clone beside it, or both.
        """
        self.reach(fault.at)
        whole = self.packet
        if fault.file:
            name = fault.file.removeprefix(self.folder)
            text = replaced(whole.files[name].decode(), name, fault.old, fault.new)
            self.packet = replace(whole, files={**whole.files, name: text.encode()})
        try:
            with contextlib.closing(open_target(self.where, writes=True)) as beside:
                for statement in fault.does:
                    beside.execute(statement.encode())
            yield
        finally:
            self.packet = whole
            # A rollback that was broken may have undone some tiers and not others.
            if fault.does or "rollback" in fault.file or self.stage != fault.at:
                self.back()

    @contextlib.contextmanager
    def trial(self, stage: str) -> Iterator[Connection]:
        """Bring the clone to a stage, and roll back what the block does there."""
        self.reach(stage)
        with (
            contextlib.closing(open_target(self.where, writes=True)) as connection,
            connection.transaction(force_rollback=True),
        ):
            yield connection

    def send(self, connection: Connection, number: str) -> list[str]:
        """Run a step's file inside a trial, without its BEGIN and COMMIT.

        Return its notices; raise psycopg.Error as it stops.
        """
        step = self.step(number)
        notices: list[str] = []

        def keep(diagnostic: psycopg.errors.Diagnostic) -> None:
            notices.append(diagnostic.message_primary or "")

        connection.add_notice_handler(keep)
        try:
            text = self.packet.bytes_of(step).decode()
            connection.execute(body(text, step.file).encode())
        finally:
            connection.remove_notice_handler(keep)
        return notices

    def log(self) -> dict[str, Any]:
        """Return how the packet's steps last ran, as a rollout's log has them."""
        steps = [step.step for step in self.packet.steps]
        runs = [self.runs[number].to_dict() for number in steps if number in self.runs]
        return {"packet": self.packet.name, "steps": runs, "stopped": ""}

    def standing(self) -> Standing:
        """Read where the clone stands."""
        return read_standing(self.where, self.packet)

    def probe(self) -> Probe:
        """Read the figures in and out of scope."""
        return read_probe(self.where, self.packet)

    def pin(self) -> Pin:
        """Read schema and content, whole."""
        with contextlib.closing(open_target(self.where)) as connection:
            return read_pin(connection)


def _quiet(line: str) -> None:
    """Say nothing: the suite tells by its items."""
