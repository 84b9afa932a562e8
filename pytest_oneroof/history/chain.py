"""A history's lines as a chain: each holds the hash of the one before it. Pure.

A line is one JSON object in one form of bytes, so that no edit leaves it as it is.
What a chain cannot show by itself, that its last lines are missing, is shown by the
head: the number and hash of the last line, kept beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_oneroof.sealing.strict_json import MalformedJson, read_json

FORMAT = 1
HASH = "sha256"
BEGIN = "0" * 64
# A hash may be given by its first digits; fewer are too easily met.
SHORT = 12

Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Head:
    """Number and hash of a history's last line."""

    number: int = 0
    sha256: str = BEGIN


@dataclass(frozen=True)
class Chain:
    """A history as read: its entries, and all that is wrong with it.

    `whole` is how many of its bytes are complete lines; `cut` is whether an
    incomplete line follows them, left by a run that was ended while it wrote.
    """

    entries: tuple[Entry, ...] = ()
    findings: tuple[str, ...] = ()
    whole: int = 0
    cut: bool = False

    @property
    def head(self) -> Head:
        """What the head of this history has to be."""
        if not self.entries:
            return Head()
        last = self.entries[-1]
        return Head(last["number"], last[HASH])


def line_of(entry: Entry, after: Head) -> tuple[bytes, Head]:
    """Return the line that adds an entry after the last one, and the new head."""
    head = Head(after.number + 1)
    told = {**entry, "format": FORMAT, "number": head.number, "previous": after.sha256}
    head = Head(head.number, _hash(told))
    return _bytes({**told, HASH: head.sha256}), head


def read_chain(data: bytes, head: Head | None) -> Chain:
    """Read a history, and compare it with its head, None where there is none."""
    body, newline, rest = data.rpartition(b"\n")
    lines = body.split(b"\n") if newline else []
    entries: list[Entry] = []
    findings: list[str] = []
    before = Head()
    for place, line in enumerate(lines, 1):
        entry, wrong = _read_line(line, before)
        if entry is None or wrong:
            findings.append(f"line {place}: {wrong}")
        if entry is None:
            # What follows cannot be placed; the first break is what matters.
            break
        entries.append(entry)
        before = Head(entry["number"], entry[HASH])
    if not findings:
        findings += _against_head(entries, head, cut=bool(rest))
    return Chain(
        tuple(entries), tuple(findings), len(body) + len(newline), cut=bool(rest)
    )


def against_pins(entries: Sequence[Entry], pins: Mapping[int, str]) -> list[str]:
    """Return which lines are not those whose hashes a reader was given elsewhere."""
    known = {entry["number"]: entry[HASH] for entry in entries}
    return [
        f"line {number}: its hash is {known.get(number, 'absent')}, not {pin}"
        for number, pin in pins.items()
        if not known.get(number, "").startswith(pin)
    ]


def _read_line(line: bytes, before: Head) -> tuple[Entry | None, str]:
    """Return a line's entry, None where it is none, and what is wrong with it."""
    try:
        entry = read_json(line)
    except MalformedJson as error:
        return None, f"it is no JSON: {error}"
    if not isinstance(entry, dict) or entry.get("format") != FORMAT:
        return None, f"it is no line of a history of format {FORMAT}"
    bare = {key: value for key, value in entry.items() if key != HASH}
    if entry.get(HASH) != _hash(bare) or _bytes(entry) != line + b"\n":
        return None, "it was edited: its hash is not that of its content"
    if entry.get("number") != before.number + 1:
        told = f"it is number {entry.get('number')}, and {before.number + 1} was due"
        return None, f"a line is missing, or was added: {told}"
    if entry.get("previous") != before.sha256:
        return None, "it does not follow the line before it, which was replaced"
    return entry, ""


def _against_head(
    entries: Sequence[Entry], head: Head | None, *, cut: bool
) -> list[str]:
    """Return what the head has against the lines.

    One line more than the head says is what a run leaves that was ended between
    the two; it is the next one's to note.
    """
    if head is None:
        if len(entries) > 1:
            return ["its head is missing: whether its last lines are cannot be told"]
        return []
    if head.number > len(entries):
        told = f"{len(entries)} of {head.number} lines are there"
        also = ", the next one incomplete" if cut else ""
        return [f"its last lines are missing: {told}{also}"]
    if head.number and entries[head.number - 1][HASH] != head.sha256:
        return [f"line {head.number}: it is not the one that its head names"]
    if len(entries) > head.number + 1:
        return [f"line {head.number + 1} and later: its head knows nothing of them"]
    return []


def _hash(entry: Entry) -> str:
    return hashlib.sha256(_bytes(entry)).hexdigest()


def _bytes(entry: Entry) -> bytes:
    text = json.dumps(entry, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return f"{text}\n".encode("ascii")
