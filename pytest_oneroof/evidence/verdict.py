"""The verdict of a run: objectives, GO / NO-GO matrices, forbidden actions. Pure.

What is asked for is named by the pack's `[verdict] objectives`; here is only how it
is decided. No declaration can change that a production target needs evidence from a
production: what was measured on a clone, or on a stand-in, never makes one GO.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_oneroof.evidence.conclusion import GO, NO_GO, named
from pytest_oneroof.evidence.facts import PRODUCTION, RunFacts
from pytest_oneroof.evidence.heat import open_cells
from pytest_oneroof.evidence.shown import Shown, claims, missing, show
from pytest_oneroof.pack import Pack

# Of a row that nothing was shown of: neither good nor bad.
NOT_CHECKED = "not checked"
WORDS = (GO, NO_GO, NOT_CHECKED, "HELD", "REJECTED", "RETAINED", "CLOSED")
NOT_SHOWN = "not shown"
NO_PRODUCTION = "nothing of it was measured on a production"


@dataclass(frozen=True)
class Row:
    """One objective, or one row of a matrix: status word, why, by what evidence."""

    code: str
    name: str
    title: str
    target: str
    gate: str
    status: str
    reason: str
    evidence: tuple[Shown, ...] = ()


@dataclass(frozen=True)
class Matrix:
    """A GO / NO-GO matrix, and where its rows come from."""

    title: str
    source: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Action:
    """A forbidden action: shown not to have been done, not shown, or broken."""

    action: str
    state: str
    reason: str
    evidence: tuple[Shown, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The whole verdict: of the run on its target, and of everything declared."""

    status: str
    target: str
    reasons: tuple[str, ...]
    objectives: tuple[Row, ...]
    matrices: tuple[Matrix, ...]
    compliance: tuple[Action, ...]
    open_cells: tuple[str, ...] = ()


NOTHING: Mapping[str, Any] = {
    "suites": [],
    "evidence": {},
    "objectives": [],
    "matrices": [],
    "forbidden": [],
}


def declared(pack: Pack) -> Mapping[str, Any]:
    """Return what a pack declares, by kind; empty lists where it declares nothing."""
    name = pack.verdict.objectives
    return NOTHING if name is None else NOTHING | pack.read_json(name)


def measured_of(pack: Pack) -> dict[str, str]:
    """Return the place at which a suite is measured, if not at the run's target."""
    places = {suite.name: PRODUCTION for suite in pack.suites if suite.moments}
    return places | {
        entry["name"]: entry["measured"]
        for entry in declared(pack)["suites"]
        if "measured" in entry
    }


def declaration(pack: Pack) -> dict[str, Any]:
    """Return all that a run is judged by, to stand beside what it came to."""
    return {
        "pack": pack.name,
        "content": pack.content_hash,
        "measured": measured_of(pack),
        "plan": declared(pack),
    }


def judge(facts: RunFacts, plan: Mapping[str, Any]) -> Verdict:
    """Return the verdict on a run; `plan` is what is declared."""
    shown = {name: show(name, e, facts) for name, e in plan["evidence"].items()}
    objectives = tuple(rule(row, shown) for row in plan["objectives"])
    matrices = tuple(
        Matrix(m["title"], m["source"], tuple(rule(row, shown) for row in m["rows"]))
        for m in plan["matrices"]
    )
    rows = [*objectives, *(row for matrix in matrices for row in matrix.rows)]
    for name, evidence in plan["evidence"].items():
        if evidence["kind"] == "claims":
            shown[name] = claims(name, [row.title for row in unfounded(rows)])
    return Verdict(
        status=NO_GO if facts.reasons else GO,
        target=facts.target,
        reasons=(*facts.reasons, *_open(facts)),
        open_cells=tuple(cell.name for cell in open_cells(facts.cells)),
        objectives=objectives,
        matrices=matrices,
        compliance=tuple(comply(entry, shown) for entry in plan["forbidden"]),
    )


def rule(row: Mapping[str, Any], shown: Mapping[str, Shown]) -> Row:
    """Return a declared row with its status: the first case that holds.

    Else it is NO-GO where evidence speaks against it, and not checked where there
    is none. A row with a `ruling` has no cases: it was decided, and no run reopens it.
    """
    title = row["title"]
    name, gate = row.get("name", title), row.get("gate", "")
    head = (row["code"], name, title, row["target"], gate)
    if "ruling" in row:
        return Row(*head, row["ruling"], row["reason"])
    for case in row["cases"]:
        evidence = tuple(shown[name] for name in case["when"])
        if all(e.holds for e in evidence) and _admitted(row, case, evidence):
            told = "; ".join(e.tells for e in evidence)
            reason = f"{case['reason']}: {told}" if case.get("reason") else told
            return Row(*head, case["status"], reason, evidence)
    last = tuple(shown[name] for name in row["cases"][-1]["when"])
    failed = [e.tells for e in last if e.holds is False]
    if failed:
        return Row(*head, NO_GO, "; ".join(failed), last)
    return Row(*head, NOT_CHECKED, missing(last) or NO_PRODUCTION, last)


def unfounded(rows: Iterable[Row]) -> list[Row]:
    """Return the production targets that are GO without evidence of a production."""
    return [
        row
        for row in rows
        if row.target == PRODUCTION
        and row.status == GO
        and not any(e.holds and e.where == PRODUCTION for e in row.evidence)
    ]


def comply(entry: Mapping[str, Any], shown: Mapping[str, Shown]) -> Action:
    """Return whether the run shows that a forbidden action was not done.

    `shown_by` are ways to show it, each a list of evidence that has to hold
    together. Evidence against it on any way breaks it.
    """
    action = entry["action"]
    ways = [tuple(shown[name] for name in way) for way in entry["shown_by"]]
    for way in ways:
        if broken := [e.tells for e in way if e.holds is False]:
            return Action(action, "broken", "; ".join(broken), way)
    for way in ways:
        if all(e.holds for e in way):
            return Action(action, "shown", "; ".join(e.tells for e in way), way)
    reason = missing([e for way in ways for e in way]) or entry["note"]
    return Action(action, NOT_SHOWN, reason, ways[0] if ways else ())


def _admitted(
    row: Mapping[str, Any], case: Mapping[str, Any], evidence: Sequence[Shown]
) -> bool:
    """Tell whether a case may stand: a production's GO needs its evidence."""
    if row["target"] != PRODUCTION or case["status"] != GO:
        return True
    return any(e.where == PRODUCTION for e in evidence)


def _open(facts: RunFacts) -> list[str]:
    """Return the open cells as a reason, where the run has reasons against it."""
    found = [cell.name for cell in open_cells(facts.cells)]
    if not found or not facts.reasons:
        return []
    return [f"{len(found)} open cells: {named(found)}"]
