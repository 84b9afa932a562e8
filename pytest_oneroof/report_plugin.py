"""The report of a run, as a plugin: notes what reports say, and writes at the end.

Workers attach each check's claim to its report; the process that sees all reports
writes, so that a serial run and one with workers come to the same.
"""

from __future__ import annotations

import inspect
import json
import platform
import sys
from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pytest_oneroof
from pytest_oneroof import resources, shipped
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.evidence import terminal
from pytest_oneroof.evidence.facts import (
    CLONE,
    NONE,
    PRODUCTION,
    STANDIN,
    Gate,
    Metric,
    RunFacts,
    State,
    Told,
)
from pytest_oneroof.evidence.gather import Noted, Setting, gather, message_of
from pytest_oneroof.evidence.objectives import objective_lines
from pytest_oneroof.evidence.report import write_report
from pytest_oneroof.evidence.verdict import declared, judge
from pytest_oneroof.production.baseline import (
    Baseline,
    compare_metrics,
    compare_schemas,
)
from pytest_oneroof.settings import OPTIONS

if TYPE_CHECKING:
    from pytest_oneroof.run import RunPlugin

CLAIM = "oneroof_claim"
NOTE = "oneroof_figures"
FIGURES = "pytest_oneroof.suites.figures"
MANY = 40
LENGTH = 100


class ReportPlugin:
    """Keeps what reports say, and makes facts of it. Its owner calls `finish`."""

    def __init__(self, owner: RunPlugin) -> None:
        self.owner = owner
        self.noted: dict[str, Noted] = {}
        self.started = datetime.now(UTC)
        self.facts: RunFacts | None = None
        self.written: list[Path] = []
        self.failure = ""

    # -------------------------------------------------------------------- reports

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach an item's claim, the first paragraph of its docstring, and figures."""
        if call.when == "call":
            take_figures(item)
        report = yield
        if report.when == "setup":
            text = inspect.getdoc(getattr(item, "obj", None)) or ""
            report.__dict__[CLAIM] = " ".join(text.partition("\n\n")[0].split())
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note claim, properties, and what a failure says."""
        noted = self.noted.get(report.nodeid, Noted())
        noted = replace(noted, claim=getattr(report, CLAIM, noted.claim))
        if report.when == "teardown":
            noted = replace(noted, properties=tuple(report.user_properties))
        if report.failed and not noted.message:
            noted = replace(noted, message=message_of(report))
        self.noted[report.nodeid] = noted

    # ------------------------------------------------------------------------ end

    def finish(self, session: pytest.Session) -> None:
        """Gather the facts, and write the report where one is wanted.

        Call it when all shares are there and the clone is still held. A report
        that is wanted and cannot be written fails the run.
        """
        if self.owner.worker is not None or not self.owner.tally.items:
            return
        folder = self.owner.settings.report
        try:
            self.facts = self._gather()
            if folder is not None:
                self.written = write_report(folder, self.facts)
        except OneroofError as error:
            self.failure = str(error)
            if folder is not None and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def objective_lines(self) -> list[str]:
        """Return the closing section's lines on objectives and files written."""
        lines = objective_lines(judge(self.facts)) if self.facts else []
        lines += [f"report     {file}" for file in self.written[-1:]]
        return [*lines, *([f"report     {self.failure}"] if self.failure else [])]

    def _gather(self) -> RunFacts:
        owner = self.owner
        measured = {
            s["name"]: s["measured"] for s in declared()["suites"] if "measured" in s
        }
        production = self._production()
        setting = Setting(
            shipped.suite_of,
            target=CLONE if owner.settings.clone else PRODUCTION,
            production=production,
            measured=measured,
        )
        baselines = owner.production.baselines
        seconds = (datetime.now(UTC) - self.started).total_seconds()
        return gather(
            owner.tally,
            self.noted,
            setting,
            reasons=terminal.reasons_against(owner.tally),
            run=self._provenance(),
            states=[state_of(*baselines, production)] if baselines else [],
            gate=gate_of(baselines[1], production) if baselines else None,
            seconds=seconds,
        )

    def _production(self) -> str:
        if self.owner.settings.production_url:
            return PRODUCTION
        clone = self.owner.clone
        return STANDIN if clone is not None and clone.server is not None else NONE

    def _provenance(self) -> list[Told]:
        owner, settings = self.owner, self.owner.settings
        shares = [share for share in owner.tally.shares if share.server]
        servers = sorted({share.server for share in shares})
        clones = sorted({share.clone for share in shares})
        lines = [
            Told("pytest-oneroof", pytest_oneroof.__version__),
            Told("sql and fixtures", f"sha256 {resources.content_hash()}"),
            Told("begun", self.started.strftime("%Y-%m-%dT%H:%M:%SZ")),
            Told("Python", platform.python_version()),
            Told("pytest", pytest.__version__),
        ]
        if clones:
            lines.append(Told("clone", ", ".join(clones), settings.told("clone_url")))
            lines.append(Told("PostgreSQL", ", ".join(servers)))
        if owner.clone is not None:
            name = owner.clone.production_name()
            lines.append(Told("production", name, settings.told("production_url")))
        names = ", ".join(suite.name for suite in owner.wanted()) or "none"
        lines.append(Told("suites", names, settings.told("suite")))
        lines += [
            Told(f"oneroof_{name}", str(getattr(settings, name)), settings.told(name))
            for name in (option.name for option in OPTIONS)
            if name in settings.sources
        ]
        return lines


def take_figures(item: pytest.Item) -> None:
    """Move what the check's suite has noted of figures to the item's properties."""
    noted: list[Any] | None = getattr(sys.modules.get(FIGURES), "NOTED", None)
    if not noted:
        return
    told = dict.fromkeys((name, _short(e), _short(f)) for name, e, f in noted)
    item.user_properties.append((NOTE, json.dumps(list(told)[:MANY])))
    noted.clear()


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LENGTH else f"{text[: LENGTH - 1]}…"


def state_of(entry: Baseline, exit_: Baseline, where: str) -> State:
    """Return a production's two readings as a state: figures, drift, schema."""
    moved = compare_metrics(entry.metrics, exit_.metrics)
    differences = [
        f"{n} was {old} at entry, is {new}" for n, (old, new) in moved.items()
    ]
    differences += [f"schema: {found}" for found in compare_schemas(entry, exit_)]
    figures = [Metric(n, v, exit_.metrics.get(n)) for n, v in entry.metrics.items()]
    organic = [
        Metric(name, value.value, exit_.organic[name].value, organic=True)
        for name, value in entry.organic.items()
        if name in exit_.organic
    ]
    return State(
        database=exit_.database,
        where=where,
        metrics=(*figures, *organic),
        differences=tuple(differences),
    )


def gate_of(baseline: Baseline, where: str) -> Gate:
    """Return the gate as it was read at exit."""
    told = baseline.gate.to_dict()
    return Gate(
        status=baseline.gate.status,
        blockers=baseline.gate.tokens,
        where=where,
        figures=told["detail"],
    )
