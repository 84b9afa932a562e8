"""The report of a run, as a plugin: notes what reports say, and writes at the end.

Workers attach each check's claim to its report; the process that sees all reports
writes, so that a serial run and one with workers come to the same.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Generator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof.answer import DONE
from pytest_oneroof.errors import OneroofError, SettingsError
from pytest_oneroof.evidence.conclusion import Conclusion, exit_status
from pytest_oneroof.evidence.exercised import OWN, exercises_of
from pytest_oneroof.evidence.facts import CLONE, NONE, PRODUCTION, STANDIN, RunFacts
from pytest_oneroof.evidence.gather import Besides, Noted, Setting, gather, message_of
from pytest_oneroof.evidence.origin import Origin
from pytest_oneroof.evidence.verdict import declared, judge, measured_of
from pytest_oneroof.expected import Compared, noting
from pytest_oneroof.history.store import require_folder
from pytest_oneroof.pack import Pack
from pytest_oneroof.packet.blockers import read_blockers
from pytest_oneroof.packet.of_run import packet_of
from pytest_oneroof.packet.shipped_seals import check_shipped
from pytest_oneroof.packet.write import require_ours, write_packet
from pytest_oneroof.provenance.secrets_allow import read_allowed
from pytest_oneroof.report.closing import Ending
from pytest_oneroof.report.document import document
from pytest_oneroof.report.objectives import objective_lines
from pytest_oneroof.report.report import report_files
from pytest_oneroof.run import hooks
from pytest_oneroof.run import record as run_record
from pytest_oneroof.run import suites as shipped
from pytest_oneroof.run.history_side import HistoryKeeper
from pytest_oneroof.run.isolation import exercises_by_marker
from pytest_oneroof.run.origin import read_origin
from pytest_oneroof.run.shown import output_of, place_of, remembering

if TYPE_CHECKING:
    from pytest_oneroof.run.conductor import RunPlugin

CLAIM = "oneroof_claim"
EXERCISES = "oneroof_exercises"
STATEMENTS = "oneroof_statements"
NOTE = "oneroof_figures"
sent_key = pytest.StashKey[list[str]]()
MANY = 40
LENGTH = 100


class ReportPlugin:
    """Keeps what reports say, and makes facts of it. Its owner calls `finish`."""

    def __init__(self, owner: RunPlugin) -> None:
        self.owner = owner
        self.noted: dict[str, Noted] = {}
        self.started = datetime.now(UTC)
        self.facts: RunFacts | None = None
        self.status = 0
        self.written: list[str] = []
        self.failures: list[str] = []
        self.keeper: HistoryKeeper | None = None
        # Where a test changes the working folder, the packet's stays.
        given = owner.settings.report
        self.folder = given.absolute() if given is not None else None
        kept = owner.settings.history
        self.kept = kept.absolute() if kept is not None else None
        if owner.worker is None:
            self._require_usable()

    # -------------------------------------------------------------------- reports

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Note the figures that a check compares, and the statements that it sends."""
        with noting() as compared, remembering(item) as sent:
            item.stash[sent_key] = sent
            try:
                return (yield)
            finally:
                _keep_figures(item, compared)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach an item's claim, the first paragraph of its docstring."""
        report = yield
        if report.when == "setup":
            text = inspect.getdoc(getattr(item, "obj", None)) or ""
            report.__dict__[CLAIM] = " ".join(text.partition("\n\n")[0].split())
            report.__dict__[EXERCISES] = exercises_by_marker(item)
        elif report.when == "teardown":
            report.__dict__[STATEMENTS] = item.stash.get(sent_key, [])
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note claim, properties, and what a failure says."""
        noted = self.noted.get(report.nodeid, Noted())
        noted = replace(
            noted,
            claim=getattr(report, CLAIM, noted.claim),
            exercises=getattr(report, EXERCISES, noted.exercises),
        )
        if report.when == "teardown":
            noted = replace(
                noted,
                properties=tuple(report.user_properties),
                statements=tuple(getattr(report, STATEMENTS, ())),
            )
        if report.failed and not noted.message:
            noted = replace(
                noted,
                message=message_of(report),
                place=place_of(report),
                output=output_of(report),
            )
        self.noted[report.nodeid] = noted

    # ------------------------------------------------------------------------ end

    def finish(self, session: pytest.Session) -> None:
        """Conclude, and write the packet where one is wanted.

        Call it when all shares are there and the clone is still held. A packet
        that is wanted and cannot be written, or does not hold, fails the run.
        """
        owner, status = self.owner, int(session.exitstatus)
        if owner.worker is not None or owner.config.option.collectonly:
            return
        seals = check_shipped(owner.pack)
        broken = [f"the seal {seal.name} is broken" for seal in seals if not seal.holds]
        owner.tally.besides += broken
        owner.conclusion = self._report(Besides(seals=seals), status)
        ended = exit_status(owner.conclusion.word, status)
        session.exitstatus = self.status = ended or self.status

    def _report(self, besides: Besides, status: int) -> Conclusion:
        """Ask the hooks, and write the packet; return what the run then comes to."""
        owner = self.owner
        conclusion = owner.tally.conclude(status)
        try:
            facts = self._gather(conclusion, besides)
            reasons = hooks.reasons_of(owner.config, facts)
            if self.kept is not None and conclusion.word:
                self.keeper = HistoryKeeper(owner, self.kept)
                reasons += self.keeper.reasons(facts)
            if reasons:
                owner.tally.besides += reasons
                conclusion = owner.tally.conclude(status)
                facts = replace(facts, reasons=conclusion.reasons)
            if self.keeper is not None:
                facts = replace(facts, history=self.keeper.told(facts))
            sections = hooks.sections_of(owner.config, facts)
            self.facts = replace(facts, sections=sections)
            if self.folder is not None and conclusion.word:
                ended = exit_status(conclusion.word, status)
                self._write(self.folder, self.facts, ended)
            elif self.folder is not None:
                self.failures.append("report: not written, as no check ran")
        except OneroofError as error:
            self._fail("report", str(error))
        if self.kept is not None:
            self._keep(conclusion)
        return conclusion

    def _keep(self, conclusion: Conclusion) -> None:
        """Add the run to its history."""
        try:
            if self.keeper is not None and self.facts is not None:
                self.keeper.add(self.facts)
            else:
                why = "the report failed" if conclusion.word else "no check ran"
                self.failures.append(f"history: not written, as {why}")
        except OneroofError as error:
            self._fail("history", str(error))

    def ending(self, target: str) -> Ending | None:
        """Return what the closing section is made of, None where nothing ended."""
        owner = self.owner
        if owner.conclusion is None:
            return None
        facts = self.facts or RunFacts(CLONE, NONE)
        shown = owner.settings.report if self.written else None
        return Ending(
            owner.conclusion,
            facts,
            judge(facts, declared(owner.pack)),
            target,
            against=tuple(owner.tally.against()),
            failures=tuple(self.failures),
            report=str(shown) if shown else "",
            end=owner.production.end,
            history=tuple(self.keeper.lines(facts) if self.keeper else ()),
        )

    def detail_lines(self) -> list[str]:
        """Return what `-v` tells of provenance, objectives and packet."""
        if self.facts is None:
            return []
        return [
            *run_record.provenance_lines(self.facts),
            *objective_lines(judge(self.facts, declared(self.owner.pack))),
            *self.written,
        ]

    def _write(self, folder: Path, facts: RunFacts, status: int) -> None:
        besides = run_record.besides_of(self.owner, facts, self.started, status)
        plan = declared(self.owner.pack)
        reports = report_files(document(facts, judge(facts, plan), plan))
        given = packet_of(facts, self.owner.tally, self.noted, besides, reports)
        answer = write_packet(folder, given)
        if answer.status != DONE:
            raise OneroofError("\n".join(("the packet does not hold:", *answer.lines)))
        shown = self.owner.settings.report
        files, tree = answer.data["files"], answer.data["tree"]
        self.written.append(f"packet     {shown}: {files} files, tree {tree}")

    def _fail(self, what: str, message: str) -> None:
        head, *details = message.splitlines()
        self.failures.append(f"{what}: FAILED: {head}")
        self.failures += [f"  {line.strip()}" for line in details]
        if self.folder is not None or self.kept is not None:
            self.status = self.status or pytest.ExitCode.TESTS_FAILED

    def _require_usable(self) -> None:
        """Refuse what could not be used at the end, before anything runs."""
        settings = self.owner.settings
        try:
            if self.folder is not None:
                run_record.require_place(self.folder, self.owner.config)
                require_ours(self.folder)
            if settings.history is not None:
                require_folder(settings.history, self.folder)
            if settings.secrets_allow is not None:
                read_allowed(settings.secrets_allow)
        except SettingsError as error:
            raise pytest.UsageError(str(error)) from error

    def _gather(self, conclusion: Conclusion, besides: Besides) -> RunFacts:
        owner, controlling = self.owner, self.owner.controlling
        measured = measured_of(owner.pack)
        production = self._production()
        setting = Setting(
            shipped.suite_of,
            target=CLONE if owner.settings.clone else PRODUCTION,
            production=production,
            measured=measured,
            exercises=exercises_of(_told_of_suites(owner.pack)),
        )
        entry_exit = owner.production.baselines
        if entry_exit is not None:
            besides = replace(
                besides,
                states=(run_record.state_of(*entry_exit, production),),
                gate=run_record.gate_of(entry_exit[1], production),
            )
        return gather(
            owner.tally,
            self.noted,
            setting,
            reasons=conclusion.reasons,
            run=run_record.told_of(owner, self.started),
            origin=self._origin(),
            besides=replace(
                besides,
                blockers=tuple(read_blockers(owner.pack)),
                contacted=self._contacted(production),
                controls=controlling.told() if controlling else None,
            ),
            seconds=(datetime.now(UTC) - self.started).total_seconds(),
        )

    def _origin(self) -> Origin:
        """Return which code runs, and by whom, where it is going to be told."""
        owner = self.owner
        if self.folder is None and self.kept is None:
            return Origin()
        root, meta = owner.config.rootpath, owner.settings.meta
        return read_origin(root, os.environ, meta)

    def _production(self) -> str:
        if self.owner.settings.production_url:
            return PRODUCTION
        clone = self.owner.clone
        return STANDIN if clone is not None and clone.server is not None else NONE

    def _contacted(self, production: str) -> str:
        """Return what was opened a channel to; a given URL counts as used."""
        if production == PRODUCTION or self.owner.production.end is not None:
            return production
        proofs = [item.proof for item in self.owner.tally.items.values()]
        read = any(p and run_record.READ_ONLY in p.constraints for p in proofs)
        return production if read else NONE


def _told_of_suites(pack: Pack) -> list[Mapping[str, Any]]:
    """Return what is declared of suites; the engine's own look at the database's."""
    own = [{"name": s.name, "exercises": OWN} for s in pack.suites if s.engine]
    return [*declared(pack)["suites"], *own]


def _keep_figures(item: pytest.Item, compared: list[Compared]) -> None:
    """Keep figures in an item's properties, those first that differ."""
    if not compared:
        return
    ordered = sorted(compared, key=lambda figure: not figure.differs)
    told = dict.fromkeys((f.name, _short(f.expected), _short(f.found)) for f in ordered)
    item.user_properties.append((NOTE, json.dumps(list(told)[:MANY])))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"
