"""The running check, as the sandbox and its examples see it."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_oneroof.check.connection import Guarding
from pytest_oneroof.check.ledger import Row
from pytest_oneroof.check.ward import Ward
from pytest_oneroof.check.within import Base
from pytest_oneroof.clone.residue import Residue


@dataclass
class Armed:
    """The running check: its connection and its transaction's id.

    `constraints` tells whether deferred constraints are checked. The others are
    kept by its Hypothesis examples: `row` and `base` are the state in which the next
    one begins, `sent` the count of texts by which that is known; `alone` tells that
    nothing but examples has sent a text so far.
    """

    connection: Guarding
    constraints: bool
    xid: int
    # The command that lets it act as another role.
    act_as: bytes = b""
    row: Row | None = None
    base: Base = field(default_factory=Base)
    sent: int = 0
    examples: int = 0
    alone: bool = True
    restored: tuple[Residue, ...] = ()

    @property
    def ward(self) -> Ward:
        """What is known of the check."""
        return self.connection.ward

    @property
    def check(self) -> str:
        """The check's name."""
        return self.ward.check
