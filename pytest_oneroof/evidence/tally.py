"""What a run came to: outcomes and proofs, gathered from reports alone.

Serial runs and xdist controllers see the same reports, and so count the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pytest_oneroof.clone.residue import Proof

# What the ids of the negative controls begin with: faults are no checks.
FAULTS = "oneroof/controls::"


@dataclass
class Outcome:
    """One item: the worst that happened to it, its proof, and its seconds."""

    outcome: str = "passed"
    proof: Proof | None = None
    seconds: float = 0.0
    message: str = ""


@dataclass
class Share:
    """What one process's end found: metrics that moved, and its session's proof."""

    differences: dict[str, Any] = field(default_factory=dict)
    metrics: int = 0
    proof: Proof | None = None
    found: list[str] = field(default_factory=list)
    clone: str = ""
    unread: str = ""
    server: str = ""
    entry: dict[str, int] = field(default_factory=dict)
    exit: dict[str, int] = field(default_factory=dict)
    cells: list[list[Any]] = field(default_factory=list)
    schema: list[str] = field(default_factory=list)
    provenance: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Share:
        """Return the share that a process sent as plain values."""
        proof = values.get("proof")
        return cls(**{**values, "proof": Proof.from_dict(proof) if proof else None})


@dataclass
class Tally:
    """All items by node id, the share of each process, and reasons from elsewhere.

    `besides` are reasons against the run that no item and no share tells.
    """

    items: dict[str, Outcome] = field(default_factory=dict)
    shares: list[Share] = field(default_factory=list)
    besides: list[str] = field(default_factory=list)

    def add(self, nodeid: str, phase: str, outcome: str, seconds: float) -> Outcome:
        """Note one phase (setup, call or teardown) of one item."""
        item = self.items.setdefault(nodeid, Outcome())
        item.seconds += seconds
        if outcome == "failed" or (outcome == "skipped" and item.outcome == "passed"):
            item.outcome = outcome
        return item

    @property
    def checks(self) -> dict[str, Outcome]:
        """The items that are checks, by node id: all but the faults of controls."""
        return {n: i for n, i in self.items.items() if not n.startswith(FAULTS)}

    @property
    def proofs(self) -> list[Proof]:
        """The proofs of all items that have one."""
        return [item.proof for item in self.items.values() if item.proof is not None]

    def verdicts(self) -> Counter[str]:
        """Return how many proofs are clean, dirty, unprovable."""
        return Counter(proof.verdict for proof in self.proofs)

    @property
    def failed(self) -> list[str]:
        """The node ids of items that failed, or whose proof is not clean."""
        return [
            nodeid
            for nodeid, item in self.items.items()
            if item.outcome == "failed"
            or (item.proof and item.proof.verdict != "clean")
        ]

    def exit_findings(self) -> list[str]:
        """Return what is not as it was at entry, in words."""
        found = []
        for share in self.shares:
            if share.unread:
                found.append(f"{share.clone}: exit state not read: {share.unread}")
            for name, (entry, now) in share.differences.items():
                found.append(f"{share.clone}: {name} was {entry} at entry, is {now}")
            if share.proof is not None and share.proof.verdict != "clean":
                found += [f"{share.clone}: {left}" for left in share.proof.dirty]
        return found
