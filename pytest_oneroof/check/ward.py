"""What is known of the check that a guarded connection serves, while it runs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from pytest_oneroof.check.keys import Keys
from pytest_oneroof.check.savepoint_mode import Played
from pytest_oneroof.check.swallowed import Swallowed
from pytest_oneroof.errors import StatementRefused

ALTERNATIVES = (
    "the check's work is rolled back at its end; for a part that is undone "
    "earlier use `with connection.transaction():`; for code that commits, "
    '@pytest.mark.oneroof(isolation="savepoint") or isolation="database"'
)
NO_PIPELINE = "do it before the pipeline's block, or after it"
# Where the numbers begin by which one connection names prepared statements.
NAMES = itertools.count(step=1000)


@dataclass
class Ward:
    """One check's connection: how it is isolated, and what it has done so far.

    `count` counts its texts, `sent` are those of an example, `stack` the
    savepoints that they opened, `custom` the custom settings that they may have made
    (read.Text.custom_settings). `spent` tells that its own SET CONSTRAINTS set
    the tripwire off. `process` may use the connection, no child of it.
    """

    check: str
    savepoints: bool = False
    over: bool = False
    closed: bool = False
    stack: tuple[str, ...] = ()
    swallowed: Swallowed = field(default_factory=Swallowed)
    sent: list[str] = field(default_factory=list)
    custom: set[str] = field(default_factory=set)
    # Whether the check has taken the libpq handle itself, which outlives it.
    raw: bool = False
    remember: bool = False
    count: int = 0
    keys: Keys = field(default_factory=Keys)
    # The stand-ins that it may act as, by the role that each stands for.
    roles: Mapping[str, str] = field(default_factory=dict)
    # Routines of the clone, by name, that may make any custom setting.
    computing: frozenset[str] = frozenset()
    spent: bool = False
    process: int = field(default_factory=os.getpid)
    # psycopg's own, of each connection of the check: what they have prepared.
    managers: list[Any] = field(default_factory=list)
    # In isolation 'savepoint'.
    played: Played = field(default_factory=Played)

    def adopt(self, connection: Any) -> None:
        """Take a connection of the check: its prepared statements end with it.

        On the one session each connection has names of its own for them.
        """
        connection._prepared._prepared_idx = next(NAMES)
        self.managers.append(connection._prepared)

    def deallocating(self, *, everything: bool = False) -> bytes:
        """Return the commands that drop what psycopg has prepared, b'' for nothing.

        It has forgotten them then. `everything`: in one command.
        """
        found = [n for m in self.managers for n in (*m._names.values(), *m._to_flush)]
        for manager in self.managers:
            for known in (manager._counts, manager._names, manager._to_flush):
                known.clear()
        if not found:
            return b""
        if everything or None in found:
            return b"DEALLOCATE ALL; "
        return b"".join(b'DEALLOCATE "%s"; ' % name for name in found)

    def refuse(self, message: str, statement: str = "", remedy: str = "") -> NoReturn:
        """Raise StatementRefused, and remember that the check tried."""
        __tracebackhide__ = True
        error = StatementRefused(
            message, statement=statement, remedy=remedy or ALTERNATIVES
        )
        self.swallowed.note(error)
        raise error
