"""What a pgTAP file said: its assertions, and why they do not all hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tap.parser import Parser


@dataclass
class Assertion:
    """One assertion: whether it holds, and what pgTAP says of it where it does not.

    `excused` is why it need not hold: it was skipped, or is known not to (TODO).
    """

    number: int
    name: str
    holds: bool
    excused: str = ""
    said: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether it does not hold, and was not excused."""
        return not self.holds and not self.excused

    @property
    def outcome(self) -> str:
        """The outcome in a word, with the reason of one that was excused."""
        word = "ok" if self.holds else "not ok"
        return f"{word} ({self.excused})" if self.excused else word


@dataclass(frozen=True)
class Told:
    """All that a file said: its plan, its assertions, and why it gave up, if it did."""

    planned: int | None
    assertions: tuple[Assertion, ...]
    bail: str = ""
    skipped: str = ""

    def reasons(self) -> Iterator[str]:
        """Yield why the file did not pass; nothing if it did."""
        if self.bail:
            yield f"it gave up: {self.bail}"
        ran = len(self.assertions)
        if self.planned is None:
            yield "it has no plan: SELECT plan(N), or SELECT no_plan() and finish()"
        elif self.planned != ran:
            yield f"{self.planned} assertions planned, {ran} ran"
        for one in self.assertions:
            if one.failed:
                yield "\n".join([f"not ok {one.number} - {one.name}", *one.said])


def read_tap(lines: Iterable[str]) -> Told:
    """Return what the lines of a file's output say."""
    planned, bail, skipped = None, "", ""
    assertions: list[Assertion] = []
    for line in Parser().parse_text("\n".join(lines)):
        if line.category == "plan":
            planned = line.expected_tests
            skipped = line.directive.reason or "" if line.skip else ""
        elif line.category == "test":
            assertions.append(_assertion(line))
        elif line.category == "bail":
            bail = line.reason
        elif line.category == "diagnostic" and assertions:
            assertions[-1].said.append(line.text)
    return Told(planned, tuple(assertions), bail, skipped)


def _assertion(line: Any) -> Assertion:
    reason = line.directive.reason or ""
    excused = f"SKIP {reason}" if line.skip else f"TODO {reason}" if line.todo else ""
    name = line.description.removeprefix("- ").strip()
    number = line.number or 0
    return Assertion(number, name or f"assertion {number}", line.ok, excused.strip())
