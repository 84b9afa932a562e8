"""The running check, as the sandbox and its examples see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_oneroof.check.connection import Guarding
from pytest_oneroof.check.ledger import Row
from pytest_oneroof.clone.residue import Residue


@dataclass
class Armed:
    """The running check: its connection, nonce and transaction id.

    `constraints` tells whether deferred constraints are checked. The others are
    kept by its Hypothesis examples: `row` and `positions` are the state in which
    the next one begins, `sent` the count of texts by which that is known.
    """

    connection: Guarding
    nonce: str
    constraints: bool
    xid: int
    intact: bool = False
    row: Row | None = None
    positions: dict[str, tuple[int, bool]] = field(default_factory=dict)
    sent: int = 0
    examples: int = 0
    restored: tuple[Residue, ...] = ()

    @property
    def check(self) -> str:
        """The check's name."""
        return self.connection.ward.check
