"""What a run came to: each item's evidence and proof, gathered from reports alone.

Serial runs and xdist controllers see the same reports, and so count the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_oneroof.clone.residue import Proof
from pytest_oneroof.evidence.conclusion import Conclusion, conclude
from pytest_oneroof.evidence.counting import (
    PASSED,
    WORST,
    Counted,
    Evidence,
    Phase,
    count,
)

# What the ids of the negative controls begin with: faults are no checks.
FAULTS = "oneroof/controls::"


@dataclass
class Item:
    """One item: how often it was selected, its phases as reported, its proofs."""

    selected: int = 0
    proves: bool = False
    phases: list[Phase] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def evidence(self) -> Evidence:
        """What `count` decides by."""
        verdicts = tuple(proof.verdict for proof in self.proofs)
        return Evidence(self.selected, self.proves, tuple(self.phases), verdicts)

    @property
    def counted(self) -> Counted:
        """What the item counts as."""
        return count(self.evidence)

    @property
    def proof(self) -> Proof | None:
        """All its proofs as one, None where it has none."""
        return joined(self.proofs) if self.proofs else None


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
    uncovered: list[str] = field(default_factory=list)

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Share:
        """Return the share that a process sent as plain values."""
        proof = values.get("proof")
        return cls(**{**values, "proof": Proof.from_dict(proof) if proof else None})


@dataclass
class Tally:
    """All items by node id, the share of each process, and findings from elsewhere.

    `uncollected` could not be collected, `deselected` was left out by option or
    plugin, `lost` are workers whose end is not known; `besides` are findings against
    the run that no item and no share tells; `tolerated` is what may be done on the
    production that no proof covers.
    """

    items: dict[str, Item] = field(default_factory=dict)
    shares: list[Share] = field(default_factory=list)
    besides: list[str] = field(default_factory=list)
    uncollected: list[str] = field(default_factory=list)
    deselected: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    tolerated: list[str] = field(default_factory=list)

    def item(self, nodeid: str) -> Item:
        """Return an item, made on first use."""
        return self.items.setdefault(nodeid, Item())

    @property
    def checks(self) -> dict[str, Item]:
        """The items that are checks, by node id: all but the faults of controls."""
        return {n: i for n, i in self.items.items() if not n.startswith(FAULTS)}

    @property
    def proofs(self) -> list[Proof]:
        """The proofs of all items that have one."""
        proofs = (item.proof for item in self.items.values())
        return [proof for proof in proofs if proof is not None]

    def verdicts(self) -> Counter[str]:
        """Return how many proofs are clean, dirty, unprovable."""
        return Counter(proof.verdict for proof in self.proofs)

    @property
    def passed(self) -> list[str]:
        """The node ids of the checks that passed."""
        return [n for n, item in self.checks.items() if item.counted.state == PASSED]

    def conclude(self, status: int) -> Conclusion:
        """Return the run's verdict; `status` is pytest's exit status."""
        items = {nodeid: item.evidence for nodeid, item in self.items.items()}
        found = conclude(items, self.against(), status)
        return replace(found, uncovered=self.uncovered)

    @property
    def uncovered(self) -> tuple[str, ...]:
        """What no proof of the run covers: admitted by a setting, or not shown."""
        told = [name for share in self.shares for name in share.uncovered]
        return tuple(dict.fromkeys([*told, *self.tolerated]))

    def against(self) -> list[str]:
        """Return the findings against the run that no item tells."""
        found = [f"{name} could not be collected" for name in self.uncollected]
        found += [f"{name} ended without telling what it left" for name in self.lost]
        return [*found, *self.exit_findings(), *self.besides]

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


def joined(proofs: list[Proof]) -> Proof:
    """Return the proofs of one item as one: the worst verdict, everything found.

    An item has several where it used clone and production, or was run again.
    """
    last = proofs[-1]
    if len(proofs) == 1:
        return last
    worst = max(proofs, key=lambda proof: WORST.index(proof.verdict))
    return replace(
        last,
        verdict=worst.verdict,
        reason=worst.reason,
        ids=sum(proof.ids for proof in proofs),
        committed=sum(proof.committed for proof in proofs),
        foreign=sum(proof.foreign for proof in proofs),
        examples=sum(proof.examples for proof in proofs),
        constraints="; ".join(dict.fromkeys(proof.constraints for proof in proofs)),
        restored=tuple(left for proof in proofs for left in proof.restored),
        dirty=tuple(left for proof in proofs for left in proof.dirty),
        allowed=tuple(text for proof in proofs for text in proof.allowed),
        notes=tuple(text for proof in proofs for text in proof.notes),
    )
