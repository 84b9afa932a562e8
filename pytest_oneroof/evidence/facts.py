"""What a verdict and a report are made of: plain facts of one run. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_oneroof.clone.residue import Proof
from pytest_oneroof.evidence.counting import NOT_COUNTED, NOT_RUN, Evidence
from pytest_oneroof.evidence.heat import Cell
from pytest_oneroof.evidence.origin import UNTOLD, Origin
from pytest_oneroof.section import Section

OWN = "own tests"
CLONE, STANDIN, PRODUCTION, PACKAGE = "clone", "stand-in", "production", "package"
NONE = "none"
# Begins a note of what a setting admits, or what cannot be shown.
UNCOVERED = "not covered by any proof"

_CODE = re.compile(r"[a-z]+\d+[a-z]?(\.\d+)?")


@dataclass(frozen=True)
class Figure:
    """One figure of a check: what was expected, and what was found."""

    name: str
    expected: str
    found: str


@dataclass(frozen=True)
class Check:
    """One item: what it claims, what came of it, where it was measured.

    `outcome` is one of the states of `counting.count`, `why` its reason, `evidence`
    what it was decided by; `exercises` is whose code it exercises (`exercised.py`);
    `place` is the line where it failed, `output` what it printed then, `statements`
    the last ones that it sent.
    """

    nodeid: str
    suite: str
    where: str
    claim: str = ""
    outcome: str = "passed"
    seconds: float = 0.0
    message: str = ""
    place: str = ""
    output: str = ""
    statements: tuple[str, ...] = ()
    proof: Proof | None = None
    figures: tuple[Figure, ...] = ()
    why: str = ""
    evidence: Evidence = field(default_factory=Evidence)
    exercises: str = ""

    @property
    def ident(self) -> str:
        """The id in the list of checks; without one, the test's name."""
        name = self.nodeid.rpartition("::")[2].removeprefix("test_")
        head, _, parameter = name.removesuffix("]").partition("[")
        if _CODE.fullmatch(parameter):
            return parameter
        code = head.partition("_")[0]
        return f"{code} {parameter}".strip() if _CODE.fullmatch(code) else name

    @property
    def bad(self) -> bool:
        """Whether it speaks against the run: failed, not run, or not counted."""
        return self.failed or self.outcome in (NOT_RUN, NOT_COUNTED)

    @property
    def failed(self) -> bool:
        """Whether it failed, or its proof is not clean."""
        unclean = self.proof is not None and self.proof.verdict != "clean"
        return self.outcome == "failed" or unclean


@dataclass(frozen=True)
class Metric:
    """One figure at entry and exit; an `organic` one moves by itself."""

    name: str
    entry: int | None
    exit: int | None
    organic: bool = False

    @property
    def drift(self) -> int | None:
        """Exit less entry, None where either is missing."""
        if self.entry is None or self.exit is None:
            return None
        return self.exit - self.entry


@dataclass(frozen=True)
class State:
    """One database at entry and exit, and what of it is not as it was."""

    database: str
    where: str
    metrics: tuple[Metric, ...] = ()
    differences: tuple[str, ...] = ()
    proof: Proof | None = None


@dataclass(frozen=True)
class Gate:
    """The gate as it was read, and on what: READY, or BLOCKED with its tokens."""

    status: str
    blockers: str
    where: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tier:
    """One file of a release as it ran: seconds from the start, locks, rows.

    `locks` are (relation, mode), of relations that were not only read; `reads`
    counts those that were; `rows` are (table, added, changed, removed); `says` is
    what the step said of itself.
    """

    tier: str
    title: str
    file: str
    status: str
    start: float
    seconds: float
    locks: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, int, int, int], ...] = ()
    reads: int = 0
    says: str = ""
    where: str = CLONE


@dataclass(frozen=True)
class Seal:
    """One seal: what it seals, its sha256, and whether it holds."""

    name: str
    sha256: str
    files: int
    holds: bool


@dataclass(frozen=True)
class Told:
    """One line of provenance, and where its value came from."""

    name: str
    value: str
    source: str = ""


@dataclass(frozen=True)
class RunFacts:
    """One run. `target` is what it is about, `production` what was read as one.

    That is 'production', 'stand-in' or 'none'.

    `reasons` are those against the run as a whole; `seconds` is its wall time;
    `provenance` is the verdict over where the clone comes from, as plain values,
    None where no clone was looked at; `blockers` are the records of what stands
    before production; `contacted` is what this run opened a channel to as a
    production ('production', 'stand-in' or 'none'); `deselected` are checks that
    options or plugins left out; `origin` is the code that ran, and who had it run;
    `history` is what earlier runs have to say (`history/since.py`), None without any.
    """

    target: str
    production: str
    checks: tuple[Check, ...] = ()
    reasons: tuple[str, ...] = ()
    states: tuple[State, ...] = ()
    cells: tuple[Cell, ...] = ()
    gate: Gate | None = None
    tiers: tuple[Tier, ...] = ()
    seals: tuple[Seal, ...] = ()
    run: tuple[Told, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    provenance: Mapping[str, Any] | None = None
    blockers: tuple[Mapping[str, Any], ...] = ()
    contacted: str = NONE
    controls: Mapping[str, Any] | None = None
    sections: tuple[Section, ...] = ()
    deselected: tuple[str, ...] = ()
    origin: Origin = UNTOLD
    history: Mapping[str, Any] | None = None
