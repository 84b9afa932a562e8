"""A section that a hook adds to the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Section:
    """A section of the report: a title, a text, and a table of plain values.

    All of it is plain text: what looks like HTML or Markdown is shown as written.
    """

    title: str
    text: str = ""
    head: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
