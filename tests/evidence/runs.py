"""Facts of made-up runs, for the tests of verdict and report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest_oneroof.clone.residue import Proof, Residue
from pytest_oneroof.evidence import verdict as verdicts
from pytest_oneroof.evidence.exercised import exercises_of
from pytest_oneroof.evidence.facts import (
    Check,
    Figure,
    Gate,
    Metric,
    RunFacts,
    Seal,
    State,
    Tier,
    Told,
)
from pytest_oneroof.evidence.heat import Cell
from pytest_oneroof.evidence.verdict import Verdict, declared
from pytest_oneroof.pack import bundled
from pytest_oneroof.packet.blockers import read_blockers
from pytest_oneroof.provenance.provenance import answer
from pytest_oneroof.report.document import document

PLAN = declared(bundled())

SCOPES = ("audit", "policy")
OBJECTS = {"agents": "GRP-AI", "tasks": "GRP-B", "workflows": "GRP-B"}
TIERS = ("0", "1", "2", "3", "4", "5", "6", "8")


def judge(facts: RunFacts, plan: Mapping[str, Any] = PLAN) -> Verdict:
    """Return the verdict on a run by what One Roof declares."""
    return verdicts.judge(facts, plan)


def told_of(facts: RunFacts) -> dict[str, Any]:
    """Return the document of a run."""
    return document(facts, judge(facts), PLAN)


def proved(name: str, **values: Any) -> Proof:
    """Return a proof of a check, clean unless said otherwise."""
    return Proof(name, **values)


def check(suite: str, ident: str, where: str = "clone", **values: Any) -> Check:
    """Return a passed and proved check."""
    name = f"oneroof/test_{suite}.py::test_it[{ident}]"
    exercises = exercises_of(PLAN["suites"])(suite, ident)
    values = {"proof": proved(name), "seconds": 0.25, "exercises": exercises, **values}
    return Check(name, suite, where, claim=f"It is {ident}.", **values)


def suite(name: str, where: str = "clone") -> list[Check]:
    """Return as many passed checks of a suite as the verdict asks for, by their ids."""
    asked = [e for e in PLAN["evidence"].values() if e.get("suite") == name]
    idents = list(dict.fromkeys(i for e in asked for i in e.get("ids", ())))
    wanted = max(e.get("checks", 0) for e in asked)
    idents += [f"z{number}" for number in range(wanted - len(idents))]
    return [check(name, ident, where) for ident in idents]


def suites(*names: str, where: str = "clone") -> tuple[Check, ...]:
    """Return the checks of several suites."""
    return tuple(check for name in names for check in suite(name, where))


def cells(*without: str) -> tuple[Cell, ...]:
    """Return a small heat map; cells named in `without` have no owner."""
    found = []
    for object_, group in OBJECTS.items():
        for scope in SCOPES:
            owner = ("GOV-DOT", "Quản trị DOT") if group == "GRP-AI" else ("GOV-X", "X")
            cell = Cell(group, object_, scope, *owner, "inherited", 1, "group", group)
            if cell.name in without:
                cell = Cell(group, object_, scope, *[None] * 6)
            found.append(cell)
    return tuple(found)


def state(where: str = "clone", *differences: str) -> State:
    """Return a database at entry and exit."""
    metrics = (Metric("own", 30, 30), Metric("gap", 0, 0))
    return State(f"{where}_db", where, metrics, differences, proved("session"))


def tiers(**values: Any) -> tuple[Tier, ...]:
    """Return the tiers of a rehearsed release."""
    return tuple(
        Tier(
            name, f"tier {name}", f"{name}0_file.sql", "passed", n * 1.5, 1.25, **values
        )
        for n, name in enumerate(TIERS)
    )


def surrogate(*more: tuple[str, str]) -> dict[str, Any]:
    """Return the provenance of the embedded clone, with more objections if given."""
    given = (("GENERATED_SURROGATE_NOT_REAL_PRODUCTION_DUMP", "made up"), *more)
    secret = "YES (token 2; " if more else "NO ("
    told = answer(None, bundled()).data
    clone = {
        "candidate_clone": "clone_db",
        "source": "directus",
        "production_shaped": False,
        "isolated": "PROVEN_ISOLATED_NOT_PRODUCTION",
        "contains_secrets": "NO",
        "present": True,
        "allowed": "ALLOWED_BUT_INSUFFICIENT",
        "note": "made up",
    }
    return {
        **told,
        "table_A_clone_provenance": [clone, *told["table_A_clone_provenance"]],
        "table_B_schema_compatibility": [
            {**entity, "mismatch": []}
            for entity in told["table_B_schema_compatibility"]
        ],
        "objections": [{"code": code, "found": found} for code, found in given],
        "secrets": f"contains_secrets: {secret}9 values of 2 relations, rules 1)",
        "lines": ["provenance: none"],
    }


def clone_run(**values: Any) -> RunFacts:
    """Return a run on the clone in which everything passed, with the stand-in."""
    names = (
        "coverage",
        "isolation",
        "axis",
        "events",
        "dot",
        "contract",
        "gate",
        "seal",
    )
    facts = RunFacts(
        target="clone",
        production="stand-in",
        checks=tuple(
            replace(check, where="package") if check.suite == "seal" else check
            for check in suites(*names)
        )
        + suites("production", where="stand-in"),
        states=(state(), state("stand-in")),
        cells=cells(),
        gate=Gate("BLOCKED", "ospa<1;", "stand-in", {"ospa": 0, "gap": 210}),
        run=(Told("clone", "clone_db", "default"),),
        seconds=3.5,
        provenance=surrogate(),
        blockers=tuple(read_blockers(bundled())),
        contacted="stand-in",
    )
    return replace(facts, **values)


def released(**values: Any) -> RunFacts:
    """Return a run on the clone which rehearsed the release too."""
    facts = clone_run(
        tiers=tiers(
            locks=(("governance_object_ownership", "RowExclusiveLock"),),
            rows=(("governance_object_ownership", 30, 0, 0),),
            reads=4,
            says="done",
        ),
        seals=(Seal("release", "ab" * 32, 25, holds=True),),
    )
    more = suites("release", "axis_substrate")
    return replace(facts, checks=facts.checks + more, **values)


def with_production(facts: RunFacts, gate: str, blockers: str = "") -> RunFacts:
    """Return a run as it is when a real production was read, its gate as given."""
    checks = [c for c in facts.checks if c.suite != "production"]
    states = [s for s in facts.states if s.where != "stand-in"]
    return replace(
        facts,
        production="production",
        checks=(*checks, *suites("production", where="production")),
        states=(*states, state("production")),
        gate=Gate(gate, blockers, "production", {"ospa": 1}),
        contacted="production",
    )


def failing(facts: RunFacts, ident: str) -> RunFacts:
    """Return a run in which one coverage check failed, by a figure that moved."""
    broken = [
        replace(
            c,
            outcome="failed",
            message="1 figure moved, phase 'x':\n  gap: expected 0, found 1",
            figures=(Figure("gap", "0", "1"),),
        )
        if (c.suite, c.ident) == ("coverage", ident)
        else c
        for c in facts.checks
    ]
    name = f"oneroof/test_coverage.py::test_it[{ident}] failed"
    return replace(facts, checks=tuple(broken), reasons=(name,))


def dirty(facts: RunFacts) -> RunFacts:
    """Return a run in which one check left a row and moved a sequence."""
    left = Residue("content", "table public.agents", "6 rows", "5 rows")
    moved = Residue("sequence", "agents_id_seq", "6", "7")
    proof = proved(
        "one", verdict="dirty", dirty=(left,), restored=(moved,), committed=1
    )
    one = replace(facts.checks[0], proof=proof)
    return replace(
        facts, checks=(one, *facts.checks[1:]), reasons=(f"{one.nodeid} failed",)
    )
