"""What a run shows: one function for each kind of evidence. Pure.

Each answers whether it holds, by what was measured where; None is "not shown",
which is never taken for yes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_oneroof.evidence.facts import (
    CLONE,
    NONE,
    PACKAGE,
    PRODUCTION,
    STANDIN,
    Check,
    RunFacts,
)
from pytest_oneroof.evidence.heat import open_cells
from pytest_oneroof.redaction import redact

Evidence = Mapping[str, Any]
MANY = 6
LENGTH = 160
BY_ACCEPTANCE = "-m readonly"
BY_PRODUCTION = "--oneroof-production-url URL"
NO_PRODUCTION = {
    STANDIN: "no production was read; a stand-in is none",
    NONE: "no production was read",
}


@dataclass(frozen=True)
class Shown:
    """One piece of evidence: whether it holds, where measured, and what it tells.

    `by` is the option with which a run would show what this one did not.
    """

    name: str
    holds: bool | None
    where: str
    tells: str
    by: str = ""


def show(name: str, evidence: Evidence, facts: RunFacts) -> Shown:
    """Return what a run shows of one declared piece of evidence."""
    where = evidence.get("where", facts.target)
    if where == PRODUCTION and facts.production != PRODUCTION:
        holds, tells, by = None, NO_PRODUCTION[facts.production], BY_PRODUCTION
    else:
        holds, tells = KINDS[evidence["kind"]](evidence, facts)
        by = would_show(evidence, facts) if holds is None else ""
    return Shown(name, holds, where, tells, by)


def would_show(evidence: Evidence, facts: RunFacts) -> str:
    """Return by which option a run would show a piece of evidence, '' if by none."""
    if facts.target != CLONE and evidence.get("where") == CLONE:
        return "--oneroof-clone"
    if evidence.get("where") == PRODUCTION:
        return BY_ACCEPTANCE
    suite = evidence.get("suite") or evidence.get("shown_by_suite")
    return f"--oneroof-suite {suite}" if suite else ""


def missing(evidence: Sequence[Shown]) -> str:
    """Return what is not shown, and by which options a run would show it."""
    unseen = [e for e in evidence if e.holds is None]
    told = "; ".join(dict.fromkeys(e.tells for e in unseen))
    ways = ", ".join(dict.fromkeys(e.by for e in unseen if e.by))
    return f"{told} (to show it: {ways})" if ways else told


def claims(name: str, unfounded: Sequence[str]) -> Shown:
    """Return whether no production target is GO without evidence of a production."""
    if unfounded:
        return Shown(name, False, "package", f"GO by a clone: {', '.join(unfounded)}")
    told = "no production target of this verdict is GO by evidence of a clone"
    return Shown(name, True, "package", told)


def show_suite(evidence: Evidence, facts: RunFacts) -> tuple[bool | None, str]:
    """Tell whether a suite's checks, or those `ids` of it, all passed at the place."""
    suite, where = evidence["suite"], evidence["where"]
    ids = evidence.get("ids")
    checks = [
        check
        for check in facts.checks
        if check.suite == suite
        and check.where == where
        and (ids is None or check.ident in ids)
    ]
    wanted = len(ids) if ids else evidence["checks"]
    whose = _whose(suite, ids)
    if not checks:
        return None, f"{whose} did not run" + (
            "" if where == PACKAGE else f" on a {where}"
        )
    failed = [check for check in checks if check.failed]
    if failed:
        first = "; ".join(_failure(check) for check in failed[:3])
        return False, f"{whose}: {len(failed)} of {len(checks)} failed: {first}"
    passed = [check for check in checks if check.outcome == "passed"]
    found = len({check.ident for check in passed}) if ids else len(passed)
    if found < wanted:
        return None, f"{whose}: only {found} of {wanted} checks passed"
    proved = all(check.proof is not None for check in passed)
    if len(passed) == 1:
        return True, f"{whose} passed" + (", proved clean" if proved else "")
    told = f"{whose}: {len(passed)}/{len(passed)} passed"
    return True, told + (", each proved clean" if proved else "")


def show_state(evidence: Evidence, facts: RunFacts) -> tuple[bool | None, str]:
    """Tell whether every database of that place is at exit as it was at entry."""
    where = evidence["where"]
    states = [state for state in facts.states if state.where == where]
    if not any(state.metrics for state in states):
        return None, f"no exit state of a {where} was read"
    found = [f"{s.database}: {text}" for s in states for text in s.differences]
    if found:
        return False, "; ".join(found[:MANY])
    figures = max(sum(not m.organic for m in s.metrics) for s in states)
    many = f" of {len(states)} databases" if len(states) > 1 else ""
    return True, f"entry = exit in {figures} figures and the schema{many}"


def show_clean(evidence: Evidence, facts: RunFacts) -> tuple[bool | None, str]:
    """Tell whether every check at the place is proved to have committed nothing."""
    where = evidence["where"]
    proofs = [c.proof for c in facts.checks if c.where == where and c.proof is not None]
    if not proofs:
        return None, f"no check is proved on a {where}"
    unclean = [p.check for p in proofs if p.verdict != "clean" or p.committed]
    if unclean:
        return False, f"not clean: {', '.join(unclean[:MANY])}"
    ids = sum(proof.ids for proof in proofs)
    if where == PRODUCTION and ids:
        return False, f"{ids} transaction ids were assigned"
    told = "no transaction id assigned" if where == PRODUCTION else "nothing committed"
    return True, f"{len(proofs)} checks proved clean, {told}"


def show_owned(evidence: Evidence, facts: RunFacts) -> tuple[bool | None, str]:
    """Tell whether every cell of the heat map has an owner."""
    if not facts.cells or facts.target != evidence["where"]:
        return None, "no ownership was read"
    found = [cell.name for cell in open_cells(facts.cells)]
    total = len(facts.cells)
    if found:
        more = f" and {len(found) - MANY} more" if len(found) > MANY else ""
        told = f"{len(found)} of {total} cells without an owner"
        return False, f"{told}: {', '.join(found[:MANY])}{more}"
    return True, f"{total} of {total} cells have an owner"


def show_gate(evidence: Evidence, facts: RunFacts) -> tuple[bool | None, str]:
    """Tell whether the gate was read at the place, and has the wanted status."""
    gate, where = facts.gate, evidence["where"]
    if gate is None or gate.where != where:
        return None, f"the gate of a {where} was not read"
    told = f"gate {gate.status}" + (f" ({gate.blockers})" if gate.blockers else "")
    return evidence.get("status", gate.status) == gate.status, told


def show_tiers(evidence: Evidence, facts: RunFacts) -> tuple[bool | None, str]:
    """Tell whether all tiers of the release ran through."""
    tiers = [tier for tier in facts.tiers if tier.where == evidence["where"]]
    if not tiers:
        return None, "no tier of the release ran"
    failed = [tier.tier for tier in tiers if tier.status != "passed"]
    if failed:
        return False, f"tier {', '.join(failed)} failed"
    missing = [t for t in evidence["tiers"] if t not in {tier.tier for tier in tiers}]
    if missing:
        return None, f"tier {', '.join(missing)} did not run"
    return True, f"tiers {', '.join(evidence['tiers'])} ran through"


def show_contact(evidence: Evidence, facts: RunFacts) -> tuple[bool | None, str]:
    """Tell whether this run opened no channel to a production at all."""
    if facts.contacted == PRODUCTION:
        return None, "a production was read: its own evidence counts"
    stood = ", the stand-in was read" if facts.contacted == STANDIN else ""
    return True, f"no channel to a production was opened{stood}"


def show_provenance(evidence: Evidence, facts: RunFacts) -> tuple[bool | None, str]:
    """Tell whether nothing speaks against the clone as a production-shaped one.

    With `codes` only objections of these kinds count.
    """
    told = facts.provenance
    if told is None or "unread" in told:
        why = told["unread"] if told else "no clone was looked at"
        return None, f"provenance not read: {why}"
    codes = evidence.get("codes")
    found = [o for o in told["objections"] if codes is None or o["code"] in codes]
    if found:
        first = found[0]["found"]
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        names = ", ".join(dict.fromkeys(o["code"] for o in found))
        return False, f"{names}: {first}{more}"
    return True, evidence["holds"]


def show_claims(evidence: Evidence, facts: RunFacts) -> tuple[bool | None, str]:
    """Say that this is told when all rows are decided (`claims`)."""
    return None, "the verdict is not decided yet"


KINDS: Mapping[str, Callable[[Evidence, RunFacts], tuple[bool | None, str]]] = {
    "suite": show_suite,
    "state": show_state,
    "clean": show_clean,
    "owned": show_owned,
    "gate": show_gate,
    "tiers": show_tiers,
    "claims": show_claims,
    "contact": show_contact,
    "provenance": show_provenance,
}


def _whose(suite: str, ids: Sequence[str] | None) -> str:
    if not ids:
        return f"suite {suite}"
    if len(ids) > MANY:
        return f"suite {suite}, what reads of it"
    return f"{', '.join(name.upper() for name in ids)} of {suite}"


def _failure(check: Check) -> str:
    return f"{check.ident} ({said_of(check)})"


def said_of(check: Check) -> str:
    """Return in one short line what a failed check found: figures, message, residue."""
    moved = [f"{f.name} {f.found} instead of {f.expected}" for f in check.figures]
    first = redact(check.message).splitlines()[0] if check.message else ""
    dirty = [str(left) for left in check.proof.dirty] if check.proof else []
    differing = [
        m for m, f in zip(moved, check.figures, strict=True) if f.expected != f.found
    ]
    told = "; ".join(differing[:2]) or first or "; ".join(dirty[:1]) or check.outcome
    return told if len(told) <= LENGTH else f"{told[: LENGTH - 1]}…"
