"""The document of a run: everything that the report shows, as JSON values. Pure.

`verdict.json` is this document; report and Markdown are made of nothing else, so
that every figure in them is found in it. Its shape is
`fixtures/verdict/verdict.schema.json`; a change of shape is a new version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pytest_oneroof.clone.residue import Proof
from pytest_oneroof.evidence.counting import UNCHECKED
from pytest_oneroof.evidence.exercised import count_exercised
from pytest_oneroof.evidence.facts import OWN, Check, RunFacts, State, Tier
from pytest_oneroof.evidence.heat import ownership
from pytest_oneroof.evidence.verdict import Row, Verdict
from pytest_oneroof.redaction import redact, redacted
from pytest_oneroof.section import Section

VERSION = 3
SCHEMA = "fixtures/verdict/verdict.schema.json"
MESSAGE = 4000
SLOWEST = 12
CANDIDATE = (
    "candidate_clone",
    "source",
    "production_shaped",
    "isolated",
    "contains_secrets",
    "present",
    "allowed",
    "note",
)
ENTITY = ("schema_entity", "production_surface_expectation", "mismatch", "impact")
BLOCKER = ("id", "item", "status", "actor_needed", "next_action", "closes_when")
UNREAD: Mapping[str, Any] = {
    "verdict": "NOT_SHOWN",
    "status": "NOT_SHOWN",
    "table_A_clone_provenance": (),
    "table_B_schema_compatibility": (),
    "objections": (),
    "deliver": (),
}

Document = dict[str, Any]


def document(facts: RunFacts, verdict: Verdict, plan: Mapping[str, Any]) -> Document:
    """Return the document of a run and its verdict, no password in any text."""
    titles = {entry["name"]: entry["title"] for entry in plan["suites"]}
    told: Document = {
        "version": VERSION,
        "verdict": {
            "status": verdict.status,
            "target": verdict.target,
            "reasons": list(verdict.reasons),
        },
        "origin": asdict(facts.origin),
        "run": [asdict(line) for line in facts.run],
        "seconds": round(facts.seconds, 2),
        "production": facts.production,
        "summary": _summary(facts),
        "objectives": [_row(row) for row in verdict.objectives],
        "matrices": [
            {"title": m.title, "source": m.source, "rows": [_row(r) for r in m.rows]}
            for m in verdict.matrices
        ],
        "compliance": [asdict(action) for action in verdict.compliance],
        "ownership": ownership(facts.cells) if facts.cells else None,
        "suites": _suites(facts.checks, titles),
        "deselected": list(facts.deselected),
        "exercised": count_exercised(facts.checks),
        "ledger": _ledger(facts),
        "states": [_state(state) for state in facts.states],
        "slowest": _slowest(facts.checks),
        "gate": asdict(facts.gate) if facts.gate else None,
        "tiers": [_tier(tier) for tier in facts.tiers],
        "seals": [asdict(seal) for seal in facts.seals],
        "notes": list(facts.notes),
        "provenance": _provenance(facts.provenance),
        "blockers": [{key: b[key] for key in BLOCKER} for b in facts.blockers],
        "controls": dict(facts.controls) if facts.controls else None,
        "sections": [_section(section) for section in facts.sections],
        "history": dict(facts.history) if facts.history else None,
    }
    cleaned: Document = redacted(told)
    return cleaned


def _section(section: Section) -> Document:
    return {
        "title": str(section.title),
        "text": str(section.text),
        "head": [str(name) for name in section.head],
        "rows": [[str(cell) for cell in row] for row in section.rows],
    }


def _row(row: Row) -> Document:
    return asdict(row)


def _tier(tier: Tier) -> Document:
    return {**asdict(tier), "modes": dict(Counter(mode for _, mode in tier.locks))}


def _provenance(told: Mapping[str, Any] | None) -> Document | None:
    """Return the verdict over the clone's provenance, without the scan's detail."""
    if told is None or not told.get("judged", True):
        return None
    if "unread" in told:
        told = {**UNREAD, "secrets": f"contains_secrets: NOT_SHOWN ({told['unread']})"}
    return {
        "verdict": told["verdict"],
        "status": told["status"],
        "secrets": told["secrets"],
        "candidates": [
            {key: str(row[key]) for key in CANDIDATE}
            for row in told["table_A_clone_provenance"]
        ],
        "entities": [
            {**{key: row[key] for key in ENTITY}, "mismatch": list(row["mismatch"])}
            for row in told["table_B_schema_compatibility"]
        ],
        "objections": told["objections"],
        "deliver": told["deliver"],
    }


def _summary(facts: RunFacts) -> Document:
    proofs = [check.proof for check in facts.checks if check.proof is not None]
    words = Counter(proof.verdict for proof in proofs)
    restored = Counter(left.kind for proof in proofs for left in proof.restored)
    return {
        "checks": len(facts.checks),
        "passed": sum(_passed(check) for check in facts.checks),
        "failed": sum(check.failed for check in facts.checks),
        "not_run": sum(check.bad and not check.failed for check in facts.checks),
        "not_checked": sum(check.outcome in UNCHECKED for check in facts.checks),
        "proved": len(proofs),
        "clean": words["clean"],
        "dirty": words["dirty"],
        "unprovable": words["unprovable"],
        "ids": sum(proof.ids for proof in proofs),
        "committed": sum(proof.committed for proof in proofs),
        "restored": dict(sorted(restored.items())),
    }


def _passed(check: Check) -> bool:
    return check.outcome == "passed" and not check.failed


def _suites(checks: Sequence[Check], titles: Mapping[str, str]) -> list[Document]:
    """Return the suites in the declared order, others after them, own tests last."""
    names = {check.suite for check in checks}
    known = [name for name in titles if name in names]
    others = sorted(names - set(known) - {OWN})
    return [
        _suite(name, titles.get(name, name), [c for c in checks if c.suite == name])
        for name in (*known, *others, *([OWN] if OWN in names else []))
    ]


def _suite(name: str, title: str, checks: Sequence[Check]) -> Document:
    return {
        "name": name,
        "title": title[0].upper() + title[1:],
        "where": checks[0].where,
        "passed": sum(_passed(check) for check in checks),
        "total": len(checks),
        "seconds": round(sum(check.seconds for check in checks), 3),
        "checks": [_check(check) for check in checks],
    }


def _check(check: Check) -> Document:
    return {
        "id": check.ident,
        "nodeid": check.nodeid,
        "claim": check.claim,
        "outcome": check.outcome,
        "why": check.why,
        "exercises": check.exercises,
        "seconds": round(check.seconds, 3),
        "message": redact(check.message)[:MESSAGE],
        "place": check.place,
        "output": check.output,
        "statements": list(check.statements),
        "figures": [asdict(figure) for figure in check.figures],
        "proof": _proof(check.proof),
    }


def _proof(proof: Proof | None) -> Document | None:
    if proof is None:
        return None
    return {
        "verdict": proof.verdict,
        "ids": proof.ids,
        "committed": proof.committed,
        "foreign": proof.foreign,
        "constraints": proof.constraints,
        "examples": proof.examples,
        "reason": proof.reason,
        "notes": list(proof.notes),
        "swallowed": list(proof.swallowed),
    }


def _ledger(facts: RunFacts) -> list[Document]:
    """Return what checks and sessions left: put back, allowed, or left behind."""
    named = [(check.nodeid, check.proof) for check in facts.checks]
    named += [(f"session on {state.database}", state.proof) for state in facts.states]
    told = []
    for name, proof in named:
        if proof is None:
            continue
        for state, found in (("put back", proof.restored), ("left", proof.dirty)):
            told += [{"check": name, "state": state, **asdict(left)} for left in found]
        told += [
            {
                "check": name,
                "state": "allowed",
                "kind": "",
                "object": text,
                "before": "",
                "after": "",
            }
            for text in proof.allowed
        ]
    return told


def _state(state: State) -> Document:
    return {
        "database": state.database,
        "where": state.where,
        "equal": not state.differences,
        "differences": list(state.differences),
        "metrics": [{**asdict(m), "drift": m.drift} for m in state.metrics],
    }


def _slowest(checks: Sequence[Check]) -> list[Document]:
    slowest = sorted(checks, key=lambda c: (-c.seconds, c.nodeid))[:SLOWEST]
    return [
        {"id": c.ident, "suite": c.suite, "seconds": round(c.seconds, 3)}
        for c in slowest
    ]
