"""Figures of a check, by name: what it expects, and what it finds.

`pytest_oneroof.expect` fails the check where they differ; the report shows every
figure that a check has compared, also those that were as expected.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import pytest


class Compared(NamedTuple):
    """One figure that a check has compared."""

    name: str
    expected: Any
    found: Any

    @property
    def differs(self) -> bool:
        """Whether it is not as expected; a number equals its text."""
        return str(self.expected) != str(self.found)

    def __str__(self) -> str:
        return f"{self.name}: expected {self.expected}, found {self.found}"


# What the running check has compared; None where no run of ours notes it.
_compared: ContextVar[list[Compared] | None] = ContextVar("compared", default=None)


@contextlib.contextmanager
def noting() -> Iterator[list[Compared]]:
    """Note what is compared inside the block, in the list that is yielded."""
    found: list[Compared] = []
    token = _compared.set(found)
    try:
        yield found
    finally:
        _compared.reset(token)


def note(name: str, expected: Any, found: Any) -> Compared:
    """Compare a figure and note it for the report, without failing the check."""
    compared = Compared(name, expected, found)
    notes = _compared.get()
    if notes is not None:
        notes.append(compared)
    return compared


def expect(name: str, expected: Any, found: Any) -> None:
    """Compare a figure, note it for the report, and fail the check if it differs."""
    compared = note(name, expected, found)
    if compared.differs:
        pytest.fail(str(compared), pytrace=False)
