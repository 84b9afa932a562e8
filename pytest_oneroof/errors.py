"""Errors of the package: what was refused or failed, why, and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class OneroofError(Exception):
    """Root of all errors that this package raises."""

    __module__ = "pytest_oneroof"


class SettingsError(OneroofError, ValueError):
    """Raised for options that are wrong or contradict each other."""

    __module__ = "pytest_oneroof"


class CloneError(OneroofError, RuntimeError):
    """Raised when a clone cannot be made, kept, restored or removed."""

    __module__ = "pytest_oneroof"


class ServerError(OneroofError, RuntimeError):
    """Raised when a server cannot be started, reached or used."""

    __module__ = "pytest_oneroof"


class ScriptError(OneroofError, ValueError):
    """Raised for an SQL file that breaks the rules for committing files."""

    __module__ = "pytest_oneroof"


class GuardRefused(OneroofError):
    """Raised when a database is not admitted as a clone, with every reason.

    `reasons` holds one object for each broken condition; its str() is the whole
    refusal: database, each reason with what was found, and its remedy.
    """

    __module__ = "pytest_oneroof"

    def __init__(self, database: str, reasons: Sequence[Any]) -> None:
        super().__init__(database, tuple(reasons))
        self.database = database
        self.reasons = tuple(reasons)

    def __str__(self) -> str:
        count = len(self.reasons)
        head = f"guard refused {self.database!r}: {count} reason{'s'[: count != 1]}"
        lines = [head]
        for number, reason in enumerate(self.reasons, 1):
            lines.append(f"  {number}. [{reason.code}] {reason.found}")
            lines.append(f"     why: {reason.why}")
            lines.extend(
                f"     {'fix: ' if first else '     '}{line}"
                for first, line in _numbered(reason.remedy)
            )
        lines.append("nothing was written to it")
        return "\n".join(lines)


class StatementRefused(OneroofError):
    """Raised before a statement is sent that a guarded check may not send.

    :param statement: the statement's text, for the message.
    :param remedy: what to use instead.
    """

    __module__ = "pytest_oneroof"

    def __init__(self, message: str, *, statement: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.statement = statement
        self.remedy = remedy

    def __reduce__(self) -> tuple[Any, ...]:
        return _refused, (type(self), self.message, self.statement, self.remedy)

    def __str__(self) -> str:
        lines = [self.message]
        if self.statement:
            lines.append(f"  statement: {_shortened(self.statement)}")
        if self.remedy:
            lines.append(f"  instead: {self.remedy}")
        return "\n".join(lines)


class ResidueError(OneroofError, AssertionError):
    """Raised at a check's end when its proof is not clean."""

    __module__ = "pytest_oneroof"


def _numbered(text: str) -> list[tuple[bool, str]]:
    return [(index == 0, line) for index, line in enumerate(text.splitlines())]


def _refused(
    kind: type[StatementRefused], message: str, statement: str, remedy: str
) -> StatementRefused:
    return kind(message, statement=statement, remedy=remedy)


def _shortened(statement: str, limit: int = 200) -> str:
    line = " ".join(statement.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
