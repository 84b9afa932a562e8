"""The details that `-v` adds to the closing section, and the lines of `-q`. Pure."""

from __future__ import annotations

from collections import Counter

from pytest_oneroof.evidence.counting import PASSED
from pytest_oneroof.evidence.tally import Tally


def detail_lines(tally: Tally, *, suite_of: object) -> list[str]:
    """Return what `-v` tells of a run on the clone: suites, proof, what was found."""
    found = [f"found      {line}" for share in tally.shares for line in share.found]
    proof = f"proof      {proof_line(tally)}"
    return [*suite_lines(tally, suite_of), proof, *found, *state_line(tally)]


def short_lines(tally: Tally, *, suite_of: object) -> list[str]:
    """Return what `-q` tells of a run on the clone, in two lines."""
    suites = suite_lines(tally, suite_of)
    return [" · ".join(" ".join(line.split()) for line in suites), proof_line(tally)]


def suite_lines(tally: Tally, suite_of: object) -> list[str]:
    """Return a line for each suite: passed of all."""
    assert callable(suite_of)
    total: Counter[str] = Counter()
    passed: Counter[str] = Counter()
    for nodeid, item in tally.checks.items():
        name = suite_of(nodeid) or "own tests"
        total[name] += 1
        passed[name] += item.counted.state == PASSED
    return [f"{name:<10} {passed[name]}/{total[name]}" for name in total]


def proof_line(tally: Tally) -> str:
    """Return how many checks are proved, ids examined, what was put back, allowed."""
    counts = tally.verdicts()
    ids = sum(proof.ids for proof in tally.proofs)
    committed = sum(proof.committed for proof in tally.proofs)
    restored = Counter(r.kind for proof in tally.proofs for r in proof.restored)
    told = ", ".join(
        f"{n} {kind}{'s'[: n != 1]}" for kind, n in sorted(restored.items())
    )
    verdicts = ", ".join(
        f"{counts[word]} {word}"
        for word in ("clean", "dirty", "unprovable")
        if counts[word] or word == "clean"
    )
    allowed = sum(len(proof.allowed) for proof in tally.proofs)
    return (
        f"{verdicts} of {len(tally.proofs)} checks; {ids} transaction ids examined, "
        f"{committed} committed by checks; put back: {told or 'nothing'}"
        + (f"; allowed: {allowed}" if allowed else "")
    )


def state_line(tally: Tally) -> list[str]:
    """Return whether each clone's exit state equals its entry state."""
    if not tally.shares:
        return []
    if found := tally.exit_findings():
        return [f"state      {line}" for line in found]
    metrics = max(share.metrics for share in tally.shares)
    clones = len(tally.shares)
    many = f"{clones} clones: " if clones > 1 else ""
    figures = f"{metrics} figures, " if metrics else ""
    return [f"state      {many}entry = exit ({figures}sequences, schema)"]
