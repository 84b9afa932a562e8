"""What is known of the check that a guarded connection serves, while it runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from pytest_oneroof.check.savepoint_mode import Played
from pytest_oneroof.check.swallowed import Swallowed
from pytest_oneroof.errors import StatementRefused

ALTERNATIVES = (
    "the check's work is rolled back at its end; for a part that is undone "
    "earlier use `with connection.transaction():`; for code that commits, "
    '@pytest.mark.oneroof(isolation="savepoint") or isolation="database"'
)
NO_PIPELINE = "do it before the pipeline's block, or after it"


@dataclass
class Ward:
    """One check's connection: how it is isolated, and what it has done so far.

    `count` counts its texts, `sent` are those of an example, `stack` the
    savepoints that they opened. `spent` tells that its own SET CONSTRAINTS set
    the tripwire off, `forgot` that it may have dropped the proof's prepared
    query. `process` may use the connection, no child of it.
    """

    check: str
    savepoints: bool = False
    over: bool = False
    closed: bool = False
    setval: bool = False
    locks: bool = False
    stack: tuple[str, ...] = ()
    functions: set[str] = field(default_factory=set)
    swallowed: Swallowed = field(default_factory=Swallowed)
    sent: list[str] = field(default_factory=list)
    remember: bool = False
    count: int = 0
    nonce: str = ""
    # The stand-ins that it may act as, by the role that each stands for.
    roles: Mapping[str, str] = field(default_factory=dict)
    spent: bool = False
    forgot: bool = False
    process: int = field(default_factory=os.getpid)
    # In isolation 'savepoint'.
    played: Played = field(default_factory=Played)

    def refuse(self, message: str, statement: str = "", remedy: str = "") -> NoReturn:
        """Raise StatementRefused, and remember that the check tried."""
        __tracebackhide__ = True
        error = StatementRefused(
            message, statement=statement, remedy=remedy or ALTERNATIVES
        )
        self.swallowed.note(error)
        raise error
