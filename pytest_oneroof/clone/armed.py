"""The running check, as the sandbox and its examples see it."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_oneroof.clone.connection import Guarding
from pytest_oneroof.clone.ledger import Row
from pytest_oneroof.clone.residue import Residue


@dataclass
class Armed:
    """The running check: its connection, nonce and transaction id.

    `constraints` tells whether deferred constraints are checked; `row`,
    `examples` and `restored` are kept by its Hypothesis examples.
    """

    connection: Guarding
    nonce: str
    constraints: bool
    xid: int
    intact: bool = False
    row: Row | None = None
    examples: int = 0
    restored: tuple[Residue, ...] = ()

    @property
    def check(self) -> str:
        """The check's name."""
        return self.connection.ward.check
