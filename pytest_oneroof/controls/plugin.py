"""The negative controls of a run, as a plugin: faults collected, called, told."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof.controls.called import Caller
from pytest_oneroof.controls.catalog import Catalog, Fault, read_catalog
from pytest_oneroof.controls.changed import figures_noted
from pytest_oneroof.controls.definitions import from_definitions, read_definitions
from pytest_oneroof.controls.generated import (
    SPEED,
    explained,
    figures,
    generate,
    read_rules,
    read_schemas,
    read_views,
)
from pytest_oneroof.controls.items import collect_faults, result_key
from pytest_oneroof.controls.stages import GuardedStage, Stage, text_changed
from pytest_oneroof.controls.touched import Touched, with_views
from pytest_oneroof.controls.verdict import (
    NOTICED,
    PASSED,
    UNREACHED,
    Controls,
    Result,
    Seen,
    judge,
    named,
)
from pytest_oneroof.evidence.facts import Check
from pytest_oneroof.evidence.tally import FAULTS
from pytest_oneroof.expected import noting
from pytest_oneroof.pack import Pack
from pytest_oneroof.run import suites as shipped
from pytest_oneroof.run.isolation import examples_isolated, uses_clone

if TYPE_CHECKING:
    from pytest_oneroof.run.clone_side import CloneRun
    from pytest_oneroof.run.conductor import RunPlugin

STAGES = {
    "sql": "guarded",
    "file": "guarded",
    "admin": "admin",
    "session": "admin",
    "production": "production",
    "stepped": "stepped",
}
# An explained fault is shown to the checks that write its table, and take less than
# this, in seconds: what explains it may no longer hold.
QUICK = 0.25
# An explained fault of a definition is shown to so many of the quickest.
FEW = 3
REPORTED = "oneroof_control"
OUTPUT = "oneroof_controls"


class ControlsPlugin:
    """Collects the faults, calls the checks under each, and keeps the results."""

    def __init__(self, owner: RunPlugin) -> None:
        self.owner = owner
        self.controls = Controls()
        self.checks: dict[str, pytest.Function] = {}
        self.touched: dict[str, Touched] = {}
        self.seconds: dict[str, float] = {}
        self.unfit: dict[tuple[str, str], str] = {}
        self._seen_unbroken: set[tuple[str, str]] = set()
        self._caller: Caller | None = None
        self._guarded: GuardedStage | None = None
        self._stages: dict[str, Stage] = {}
        self._production: tuple[str, ...] = ()

    # ----------------------------------------------------------------- collection

    def collect(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> list[pytest.Item]:
        """Return the faults' items, after seeing each check pass unbroken."""
        catalog = self._read()
        self._caller = Caller(session)
        self._production = catalog.production
        self.checks = {check_id(item): item for item in checks_among(items)}
        faults = [f for f in catalog.faults if named(f, self.checks)]
        generated: tuple[Fault, ...] = ()
        if self.owner.clone is not None and self.owner.clone.sandbox is not None:
            self._guarded = GuardedStage(self.owner.clone.sandbox)
            self._stages[self._guarded.name] = self._guarded
            generated = self._learn(catalog)
        faults += generated
        # The engine's own look for what a pack's database has not: no fault is theirs.
        engine = {suite.name for suite in self._pack.suites if suite.engine}
        self.controls.checks = {
            check for check in self.checks if check.partition(":")[0] not in engine
        }
        self.controls.planned = {fault.ident for fault in faults}
        self.controls.unseen = dict(catalog.unseen)
        return collect_faults(session, self, tuple(faults))

    def suites_of(self, nodeids: Iterable[str]) -> list[str]:
        """Return the suites whose checks these faults are shown to.

        Generated ones are shown to the default suites.
        """
        idents = {nodeid.removeprefix(FAULTS) for nodeid in nodeids}
        faults = [f for f in self._read().faults if f.ident in idents]
        names = {check.partition(":")[0] for f in faults for check in f.noticed}
        if idents - {fault.ident for fault in faults}:
            names |= {suite.name for suite in self._pack.suites if suite.default}
        return [suite.name for suite in self._pack.suites if suite.name in names]

    @property
    def _pack(self) -> Pack:
        return self.owner.pack

    def _read(self) -> Catalog:
        folder = self._pack.controls.faults
        catalog = read_catalog(self._pack.path(folder)) if folder else Catalog()
        if self.owner.settings.faults is not None:
            catalog = catalog.joined(read_catalog(self.owner.settings.faults))
        return catalog

    def _learn(self, catalog: Catalog) -> tuple[Fault, ...]:
        """See each check pass unbroken, learn what it touches; generate faults."""
        stage = self._guarded
        assert stage is not None
        views = stage.sandbox.aside(read_views)
        rules = stage.sandbox.aside(read_rules)
        schemas = stage.sandbox.aside(read_schemas)
        found = stage.sandbox.aside(lambda c: read_definitions(c, schemas))
        stage.watches = True
        with (
            contextlib.redirect_stdout(io.StringIO()),
            stage.broken(None, "controls, unbroken"),
            self._on(stage),
        ):
            for name in self.checks:
                suite = self._pack.suite(name.partition(":")[0])
                if suite is not None and not suite.generated_faults:
                    continue
                stage.touched = Touched()
                began = time.perf_counter()
                with figures_noted() as figures_read:
                    outcome, text = self._call(name, stage)
                self.seconds[name] = time.perf_counter() - began
                touched = replace(stage.touched, figures=frozenset(figures_read))
                self.touched[name] = with_views(touched, views)
                self._seen_unbroken.add((stage.name, name))
                if outcome != PASSED:
                    self.unfit[stage.name, name] = text
            stage.watches = False
            registries = self._pack.controls.registries
            made = [
                fault
                for fault in from_definitions(found, self.touched, registries)
                if self._is_whole() and stage.admits(fault)
            ]
        if self._is_whole():
            made += figures(self._pack, self.touched)
        written = {table for one in self.touched.values() for table in one.written}
        return (*generate(rules, written, catalog), *explained(made, catalog))

    def _is_whole(self) -> bool:
        """Tell whether each default suite takes part.

        Several suites lean on a view: one of them alone need not notice all of it.
        """
        names = {check.partition(":")[0] for check in self.checks}
        suites = [s for s in self._pack.suites if s.default and s.generated_faults]
        return names.issuperset(suite.name for suite in suites)

    # ----------------------------------------------------------------- one fault

    def stage_of(self, fault: Fault) -> Stage:
        """Return where a fault is made; made itself when first asked for."""
        name = STAGES[fault.kind]
        if name not in self._stages:
            self._stages[name] = self._stage(name)
        stage = self._stages[name]
        stage.proof = None
        return stage

    def _stage(self, name: str) -> Stage:
        run = self.owner.clone
        assert run is not None
        if name == "production":
            from pytest_oneroof.controls.accepted import ProductionStage

            return ProductionStage(run, self.owner.config, self._pack, self._production)
        if name == "stepped":
            from pytest_oneroof.controls.stepped import SteppedStage

            return SteppedStage()
        from pytest_oneroof.controls.rehearsed import RehearsalStage

        return RehearsalStage(run, self.owner.config)

    def try_fault(self, fault: Fault, stage: Stage, name: str) -> Result:
        """Make a fault, call the checks that must notice, and judge."""
        texts = self._called_for(fault)
        for check in texts:
            self._see_unbroken(check, stage)
        seen = []
        with stage.broken(fault, name), self._changed(fault), self._on(stage):
            for check in texts:
                seen.append(self._see(check, stage))
                if fault.generated and seen[-1].outcome == NOTICED:
                    break
        return judge(fault, seen, texts)

    def _changed(self, fault: Fault) -> AbstractContextManager[None]:
        """Return a block in which the file that a fault changes is changed.

        A suite that goes step by step does it itself, at the stage that is named.
        """
        if fault.kind == "stepped":
            return contextlib.nullcontext()
        return text_changed(fault, self._pack)

    def _called_for(self, fault: Fault) -> dict[str, str]:
        if not fault.generated:
            return named(fault, self.checks)
        if fault.equivalent == SPEED:
            return {}
        using = [
            name
            for name, touched in self.touched.items()
            if self._leans(name, touched, fault)
            and ("guarded", name) not in self.unfit
            and (not fault.equivalent or self.seconds[name] < QUICK)
        ]
        using.sort(key=self.seconds.__getitem__)
        if fault.equivalent and fault.shown_to:
            using = using[:FEW]
        return dict.fromkeys(using, "")

    def _leans(self, name: str, touched: Touched, fault: Fault) -> bool:
        """Tell whether a generated fault is shown to a check."""
        if fault.shown_to:
            return name in fault.shown_to
        return fault.relation in (touched.written if fault.equivalent else touched.used)

    def _see_unbroken(self, check: str, stage: Stage) -> None:
        """Call a check without any fault, once in each place, to see it pass."""
        known = (stage.name, check)
        if known in self._seen_unbroken:
            return
        self._seen_unbroken.add(known)
        with stage.broken(None, f"{check}, unbroken"), self._on(stage):
            outcome, text = self._call(check, stage)
        if outcome != PASSED:
            self.unfit[known] = text

    def _see(self, check: str, stage: Stage) -> Seen:
        if reason := self.unfit.get((stage.name, check)):
            return Seen(check, UNREACHED, f"it fails unbroken: {reason}")
        return Seen(check, *self._call(check, stage))

    def _call(self, check: str, stage: Stage) -> tuple[str, str]:
        run = self.owner.clone
        assert run is not None
        assert self._caller is not None
        item = self.checks[check]
        with stage.calling(item):
            return self._caller.call(item, lambda i: _called(i, run, stage))

    @contextlib.contextmanager
    def _on(self, stage: Stage) -> Iterator[None]:
        run = self.owner.clone
        assert run is not None
        run.stage = stage
        try:
            yield
        finally:
            run.stage = None

    # -------------------------------------------------------------------- reports

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach a fault's result to the report of its call."""
        report = yield
        result = item.stash.get(result_key, None)
        if result is not None and report.when == "call":
            report.__dict__[REPORTED] = asdict(result)
        if report.when == "call" and report.passed:
            self._note_passed(item)
        return report

    def _note_passed(self, item: pytest.Item) -> None:
        """Take a step that passed for seen unbroken: its faults are made there."""
        suite = self._pack.suite(shipped.suite_of(item.nodeid))
        if suite is not None and suite.ordered:
            self._seen_unbroken.add((STAGES["stepped"], check_id(item)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the result that a report carries."""
        values = getattr(report, REPORTED, None)
        if values:
            self.controls.results.append(Result.from_values(values))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over which checks and faults a worker knew."""
        output = getattr(node, "workeroutput", None) or {}
        if OUTPUT in output:
            self.controls.checks |= set(output[OUTPUT]["checks"])
            self.controls.planned |= set(output[OUTPUT]["planned"])
            self.controls.unseen |= output[OUTPUT]["unseen"]

    def finish(self) -> None:
        """Finish what the calls have set up; tell what is against the run."""
        if self._caller is not None:
            self._caller.close()
        for stage in self._stages.values():
            stage.close()
        if self.owner.worker is not None:
            told = self.controls
            self.owner.config.workeroutput[OUTPUT] = {  # type: ignore[attr-defined]
                "checks": sorted(told.checks),
                "planned": sorted(told.planned),
                "unseen": told.unseen,
            }
            return
        self.owner.tally.besides += self.controls.reasons()

    def told(self) -> dict[str, Any] | None:
        """Return the results for verdict and report, None where no fault ran."""
        return self.controls.document() if self.controls.results else None

    def closing_lines(self) -> list[str]:
        """Return the closing section's line on the controls."""
        if not self.controls.results:
            return []
        return [f"controls   {self.controls.line()}"]


@contextlib.contextmanager
def _called(item: pytest.Item, run: CloneRun, stage: Stage) -> Iterator[None]:
    """Call a check; its figures are none of the report's."""
    with (
        noting(),
        stage.around(item),
        examples_isolated(item, run, contextlib.nullcontext),
    ):
        yield


def checks_among(items: list[pytest.Item]) -> Iterator[pytest.Function]:
    """Yield the checks that faults can be shown to: shipped ones, and own tests."""
    for item in items:
        is_shipped = shipped.suite_of(item.nodeid) is not None
        if isinstance(item, pytest.Function) and (is_shipped or uses_clone(item)):
            yield item


def check_id(item: pytest.Item) -> str:
    """Return a check's name in catalogs: `suite:id`, or the node id of an own test."""
    suite = shipped.suite_of(item.nodeid)
    if suite is None:
        return item.nodeid
    return f"{suite}:{Check(item.nodeid, suite, '').ident}"
