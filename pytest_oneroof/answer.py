"""What a command came to: its exit status, plain data for JSON, lines for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DONE = 0
FAILED = 1
WRONG_USE = 2
BROKEN = 3
HELD = 10


@dataclass(frozen=True)
class Answer:
    """The result of one command, before anything is printed.

    `status` is the exit status (design, section 1); `data` is what `--json`
    prints; `lines` is what everybody else reads.
    """

    status: int
    data: Mapping[str, Any]
    lines: tuple[str, ...]
