"""The items of a run, as a plugin: which were selected, called and proved.

What a process sees itself travels on the item's reports; the process that sees all
reports keeps the tally. So a serial run and one with workers come to the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pytest_oneroof
from pytest_oneroof.clone.residue import Proof
from pytest_oneroof.evidence.counting import (
    ANSWERED,
    CALL,
    NOT_COUNTED,
    NOT_RUN,
    PASSED,
    RAISED,
    SETUP,
    SKIPPED,
    TEARDOWN,
    UNPROVED,
    Counted,
    Phase,
)
from pytest_oneroof.evidence.tally import FAULTS, Item, Tally
from pytest_oneroof.run import suites as shipped
from pytest_oneroof.run.isolation import uses_clone
from pytest_oneroof.run.junit import tell_unrun
from pytest_oneroof.run.keys import proofs_key
from pytest_oneroof.run.witness import Witness, code_of

if TYPE_CHECKING:
    from pytest_oneroof.run.conductor import RunPlugin

SEEN = "oneroof_seen"
STOPS = (pytest.skip.Exception, pytest.xfail.Exception)
WITHHOLDING = ("skip", "skipif", "xfail")


@dataclass
class Seen:
    """What this process saw of an item's call: it is running, it ran to its end."""

    running: bool = False
    ran: bool = False


seen_key: pytest.StashKey[Seen] = pytest.StashKey()


class ItemsPlugin:
    """Keeps the tally of a run."""

    def __init__(self, owner: RunPlugin) -> None:
        self.owner = owner
        self.tally = Tally()
        self._collected: list[pytest.Item] = []
        self._deselected: set[int] = set()
        self._workers: dict[str, bool] = {}

    # ---------------------------------------------------------------- selection

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note the project's own tests; shipped checks are offered by the owner."""
        if shipped.suite_of(item.nodeid) is None:
            self._collected.append(item)

    def offer(self, items: Iterable[pytest.Item]) -> None:
        """Note the shipped items that this process is to run."""
        self._collected += items

    def leave_out(self, items: Iterable[pytest.Item]) -> None:
        """Take items for left out: they are another process's, or of no concern."""
        self._deselected |= {id(item) for item in items}

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        """Note what was deselected, by option or plugin; other tests are no checks."""
        items = list(items)
        self.leave_out(items)
        self.tally.deselected += [i.nodeid for i in items if self._is_ours(i)]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, items: list[pytest.Item]
    ) -> Generator[None]:
        """Note what is left to run, when every plugin has had its say."""
        yield
        self.settle(items)

    def settle(self, items: Iterable[pytest.Item]) -> None:
        """Note what is to run: what is left, and what vanished without a word.

        A plugin that leaves items out tells by `pytest_deselected`; what it only
        removes was selected, and does not run.
        """
        final = list(items)
        known = {id(item) for item in final} | self._deselected
        vanished = [i for i in self._collected if id(i) not in known]
        chosen = [*final, *(i for i in vanished if self._is_ours(i))]
        self._select(item.nodeid for item in chosen)
        self._collected = []

    def _select(self, nodeids: Iterable[str]) -> None:
        for nodeid, times in Counter(nodeids).items():
            item = self.tally.item(nodeid)
            item.selected = max(item.selected, times)

    def _is_ours(self, item: pytest.Item) -> bool:
        """Tell whether an item is a check of this run, had it been selected."""
        if shipped.suite_of(item.nodeid) is not None or self.owner.takes_all:
            return True
        return uses_clone(item) or item.nodeid.startswith(FAULTS)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note what could not be collected."""
        if report.failed and report.nodeid not in self.tally.uncollected:
            self.tally.uncollected.append(report.nodeid or "the session")

    # -------------------------------------------------------------- what is seen

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """See the item's own code run, from within all other plugins' wrappers."""
        seen = item.stash.setdefault(seen_key, Seen())
        seen.running, seen.ran = True, False
        witness = Witness(code_of(item))
        try:
            with witness.watching():
                result = yield
            seen.ran = witness.entered
        finally:
            seen.running = False
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach what was seen to the report, with an item's proofs to its last."""
        report = yield
        seen = item.stash.setdefault(seen_key, Seen())
        told: dict[str, Any] = {"raised": call.excinfo is not None}
        if call.when == SETUP:
            item.stash[seen_key] = Seen()
            told["proves"] = self._proves(item)
        elif call.when == CALL:
            # pytest's subtests make reports of their own, while the call runs.
            told |= {"part": seen.running, "ran": seen.ran}
        else:
            told["proofs"] = [p.to_dict() for p in item.stash.get(proofs_key, [])]
        if report.skipped and shipped.suite_of(item.nodeid) is not None:
            told["withheld"] = _is_withheld(item, call)
        report.__dict__[SEEN] = told
        return report

    def _proves(self, item: pytest.Item) -> bool:
        return uses_clone(item) or "oneroof_production" in getattr(
            item, "fixturenames", ()
        )

    # -------------------------------------------------------------- the tally

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what a report tells; correct one that says passed for what is not."""
        told = getattr(report, SEEN, {})
        if told.get("part") and not report.failed:
            return
        item = self.tally.item(report.nodeid)
        item.seconds += report.duration
        item.proves = item.proves or told.get("proves", False)
        item.proofs += map(Proof.from_dict, told.get("proofs", ()))
        phase = _phase(report, told)
        item.phases.append(phase)
        if self.owner.worker is None:
            self._correct(report, phase)

    def _correct(self, report: pytest.TestReport, phase: Phase) -> None:
        """Have pytest and its JUnit report say of an item what the tally says."""
        if report.outcome != PASSED:
            return
        if phase.raised or (phase.when == CALL and not phase.ran):
            why = RAISED if phase.raised else ANSWERED
            report.outcome, report.longrepr = "failed", why
        elif phase.when == TEARDOWN:
            counted = self.tally.item(report.nodeid).counted
            if counted.state == NOT_RUN:
                place = (report.location[0], report.location[1] or 0, counted.why)
                report.outcome, report.longrepr = SKIPPED, place  # type: ignore[assignment]
            elif counted == Counted(NOT_COUNTED, UNPROVED):
                report.outcome, report.longrepr = "failed", counted.why

    # ---------------------------------------------------------------- processes

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Iterable[str]) -> None:
        """Note what a worker is to run."""
        self._select(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:
        """Expect a worker to hand in what it found."""
        self._workers[node.gateway.id] = False

    def handed_in(self, node: Any, output: dict[str, Any]) -> None:
        """Take over what a worker selected and left out."""
        self._workers[node.gateway.id] = True
        self._select(output["selected"])
        known = set(self.tally.deselected)
        self.tally.deselected += [n for n in output["deselected"] if n not in known]

    def to_hand_in(self) -> dict[str, Any]:
        """Return what a worker tells its controller at its end."""
        return {
            "selected": list(self.tally.items),
            "deselected": self.tally.deselected,
        }

    def finish(self) -> None:
        """Note workers that never ended; have junit name what did not run."""
        lost = [name for name, done in self._workers.items() if not done]
        self.tally.lost += [f"worker {name}" for name in lost]
        if self.owner.worker is None and not self.owner.config.option.collectonly:
            counted = {n: i.counted for n, i in self.tally.items.items() if _open(i)}
            unrun = {n: c.why for n, c in counted.items() if c.state == NOT_RUN}
            tell_unrun(self.owner.config, unrun)


def _open(item: Item) -> bool:
    return all(phase.when != TEARDOWN for phase in item.phases)


def _phase(report: pytest.TestReport, told: dict[str, Any]) -> Phase:
    node = getattr(report, "node", None)
    return Phase(
        when=report.when or "",
        outcome=report.outcome,
        ran=told.get("ran", False),
        raised=told.get("raised", False),
        expected=hasattr(report, "wasxfail"),
        withheld=told.get("withheld", False),
        why=_why(report),
        worker=node.gateway.id if node is not None else "",
    )


def _why(report: pytest.TestReport) -> str:
    """Return the reason of a skip, or of an expected failure."""
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ")
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return ""


def _is_withheld(item: pytest.Item, call: pytest.CallInfo[None]) -> bool:
    """Tell whether something outside of its suite keeps a shipped check from running.

    A suite may skip its own checks: by a mark that stands in it, or by a call in
    it, or in a fixture of ours.
    """
    written = _written(item)
    if any(id(mark) not in written for mark in _withholding(item)):
        return True
    if call.excinfo is None or not isinstance(call.excinfo.value, STOPS):
        return False
    places = [Path(str(entry.path)).resolve() for entry in call.excinfo.traceback]
    while places and places[-1].parts[-2:] == ("_pytest", "outcomes.py"):
        del places[-1]
    if not places or places[-1].parts[-2:] == ("_pytest", "skipping.py"):
        return False  # by a mark
    ours = item.path.parent, Path(pytest_oneroof.__file__).parent
    return not any(places[-1].is_relative_to(folder.resolve()) for folder in ours)


def _withholding(item: pytest.Item) -> list[pytest.Mark]:
    return [mark for mark in item.iter_markers() if mark.name in WITHHOLDING]


def _written(item: pytest.Item) -> set[int]:
    """Return the identities of the marks that stand in an item's own module."""
    its: Any = item
    marks: list[Any] = list(getattr(getattr(its, "callspec", None), "marks", ()))
    for place in (getattr(its, name, None) for name in ("function", "cls", "module")):
        found = getattr(place, "pytestmark", [])
        marks += found if isinstance(found, list) else [found]
    return {id(getattr(mark, "mark", mark)) for mark in marks}
