"""Whoever watches a long step: what it is told while bytes flow. Silent by itself."""

from __future__ import annotations

import time
from dataclasses import dataclass


class Watch:
    """Told when a step begins, how many bytes flowed, and what is worth a line."""

    def begin(self, step: str, size: int | None = None) -> None:
        """Begin a step; `size` is about how many bytes will flow, if that is known."""

    def count(self, size: int) -> None:
        """Tell that so many bytes more have flowed."""

    def say(self, line: str) -> None:
        """Begin a step that nothing flows in."""

    def note(self, line: str) -> None:
        """Tell a line that stays, and begins no step."""


@dataclass(frozen=True)
class Flow:
    """What flowed, in bytes, and how long it took, in seconds."""

    size: int
    seconds: float

    @classmethod
    def since(cls, started: float, size: int) -> Flow:
        """Return the flow of `size` bytes since a `time.perf_counter()`."""
        return cls(size, time.perf_counter() - started)

    def __str__(self) -> str:
        """Return size, time and rate."""
        rate = self.size / max(self.seconds, 0.001)
        return (
            f"{self.size / 2**20:,.1f} MB in {self.seconds:.1f} s "
            f"({rate / 2**20:,.0f} MB/s)"
        )
