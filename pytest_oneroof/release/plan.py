"""A release packet: its sealed files and the plan that says how they are run.

The plan is one of the sealed files, so that order, gates and expected deltas are
read from the very bytes that were compared with the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pytest_oneroof.errors import OneroofError, SettingsError
from pytest_oneroof.pack import Pack
from pytest_oneroof.release.seals import pinned_seals
from pytest_oneroof.sealing import manifest as m
from pytest_oneroof.sealing.manifest import Finding
from pytest_oneroof.sealing.seal import Checked, SealBroken, check
from pytest_oneroof.statements.policy import read_only_refusal
from pytest_oneroof.statements.read import Statement, read

PLAN = "plan.json"
MANIFEST = "manifest-sha256.txt"
SIGNATURE = f"{MANIFEST}.sig"

Kind = Literal["preflight", "change", "verify", "rollback"]


@dataclass(frozen=True)
class Step:
    """One file of a packet: what opens it, what it changes, what stops it.

    `says` is the notice that the file gives when it has held; `automation` is
    'automatic' (once the gate is open), 'on decision' or 'never'.
    """

    step: str
    name: str
    kind: Kind
    file: str
    gate: str
    delta: str
    stop: str
    says: str
    automation: str

    def __str__(self) -> str:
        return f"step {self.step} ({self.name})"


@dataclass(frozen=True)
class Later:
    """What belongs to the release and to no file of the packet, and why."""

    name: str
    automation: str
    why: str


@dataclass(frozen=True)
class Packet:
    """A packet of a pack whose seal held: its plan, and the bytes of every file.

    `request` is what it asks approval for: columns of the approval, and their values.
    `start` and `end` are phases; `touches` are the relations that hold what the
    packet writes; `tiers_back` undoes tier by tier what `rollback` undoes whole;
    `sha256` is the manifest's own.
    """

    name: str
    about: str
    target: str
    request: Mapping[str, str]
    start: str
    end: str
    alternative: str
    standing: str
    probe: str
    middle: str
    touches: tuple[str, ...]
    steps: tuple[Step, ...]
    reads: tuple[Step, ...]
    rollback: tuple[Step, ...]
    tiers_back: tuple[Step, ...]
    later: tuple[Later, ...]
    files: Mapping[str, bytes]
    sha256: str
    pack: Pack

    @property
    def plan(self) -> dict[str, Any]:
        """The sealed plan as plain data for JSON."""
        data: dict[str, Any] = json.loads(self.files[PLAN])
        return data

    @property
    def changes(self) -> tuple[Step, ...]:
        """The steps that change something; `standing` has a SELECT for each."""
        return tuple(step for step in self.steps if step.kind == "change")

    def bytes_of(self, step: Step) -> bytes:
        """Return the bytes that were compared with the seal, and no others."""
        return self.files[step.file]


def known_packets(pack: Pack) -> tuple[str, ...]:
    """Return the names of a pack's packets."""
    folder = pack.release.packets
    plans = pack.path(folder).glob(f"*/{PLAN}") if folder else ()
    return tuple(sorted(plan.parent.name for plan in plans))


def folder_of(packet: str, pack: Pack) -> Path:
    """Return the folder of a pack's packet, or the folder that was given.

    Raise SettingsError for a name that is neither.
    """
    if packet in known_packets(pack):
        return pack.path(pack.needed("release", "packets")) / packet
    folder = Path(packet)
    if (folder / MANIFEST).is_file() or (folder / PLAN).is_file():
        return folder
    raise SettingsError(
        f"no packet of the pack {pack.name!r} is called {packet!r}; there are: "
        f"{', '.join(known_packets(pack)) or 'none'}, or give a folder that holds "
        f"{MANIFEST}"
    )


def open_packet(packet: str, pack: Pack, *, pin: str | None = None) -> Packet:
    """Read a packet once, compare every byte with its seal, and return it.

    The seal has to be one that the pack's owner has pinned; `pin` is the sha256 that
    the manifest must have besides: that of the rehearsal. Raise SealBroken with every
    finding; SettingsError for an unknown packet; OneroofError for a sealed plan that
    is no plan.
    """
    folder = folder_of(packet, pack)
    checked = check(folder / MANIFEST, folder, pin=pin, besides=(SIGNATURE,))
    _require(checked, checked.findings)
    _require(checked, _unpinned(checked, pinned_seals(pack)))
    opened = parse_plan(checked.files, checked.sha256, pack)
    _require(checked, _misordered(checked, opened))
    _require(checked, _unread(opened))
    return opened


def _require(checked: Checked, findings: Iterable[Finding]) -> None:
    if found := tuple(findings):
        raise SealBroken(checked.manifest, found)


def _unpinned(checked: Checked, pins: Mapping[str, str]) -> Iterator[Finding]:
    """Find that nobody has reviewed this packet: no word of it is read before that."""
    if checked.sha256 not in pins.values():
        yield Finding(
            "SEAL_NOT_PINNED",
            checked.manifest,
            f"sha256 {checked.sha256} is no seal that the pack's owner has reviewed; "
            f"pinned are: {', '.join(pins) or 'none'}",
        )


def _misordered(checked: Checked, opened: Packet) -> Iterator[Finding]:
    if pinned_seals(opened.pack).get(opened.name) != checked.sha256:
        told = f"its plan calls it {opened.name!r}, it is pinned by another name"
        yield Finding("SEAL_NOT_PINNED", checked.manifest, told)
    for steps in (opened.steps, opened.tiers_back or opened.rollback):
        yield from m.check_order(checked.entries, [step.file for step in steps])


def _unread(opened: Packet) -> Iterator[Finding]:
    """Find what may not be asked of a target before the hold: all but SELECTs."""
    selects = read_selects(opened, opened.standing)
    if len(selects) != len(opened.changes):
        told = f"{len(selects)} statements for {len(opened.changes)} changing steps"
        yield Finding("NOT_A_READ", opened.standing, told)
    for file in filter(None, (opened.standing, opened.probe)):
        for statement in read_selects(opened, file):
            if told := _not_a_read(statement):
                yield Finding("NOT_A_READ", file, told)


def _not_a_read(statement: Statement) -> str:
    if refusal := read_only_refusal(statement.text):
        return refusal.message
    if statement.kind != "SelectStmt":
        return "it is no SELECT"
    foreign = [f for f in statement.functions if "." in f.removeprefix("pg_catalog.")]
    return f"it calls {', '.join(sorted(foreign))}" if foreign else ""


def read_selects(packet: Packet, file: str) -> tuple[Statement, ...]:
    """Return the statements of a sealed file that only reads, one SELECT each."""
    return read(packet.files[file].decode())


def parse_plan(files: Mapping[str, bytes], sha256: str, pack: Pack) -> Packet:
    """Return the packet that the plan among these files describes.

    Raise OneroofError where it lacks a part, has one too many, or names a file
    that is not sealed.
    """
    try:
        data: dict[str, Any] = json.loads(files[PLAN])
        steps, reads, rollback, tiers_back = (
            tuple(Step(**entry) for entry in data.pop(key))
            for key in ("steps", "reads", "rollback", "tiers_back")
        )
        later = tuple(Later(**entry) for entry in data.pop("later"))
        touches = tuple(data.pop("touches"))
        opened = Packet(
            name=data.pop("packet"),
            touches=touches,
            steps=steps,
            reads=reads,
            rollback=rollback,
            tiers_back=tiers_back,
            later=later,
            files=files,
            sha256=sha256,
            pack=pack,
            **data,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise OneroofError(f"{PLAN} is no plan of a packet: {error!r}") from error
    named = [step.file for step in (*steps, *reads, *rollback, *tiers_back)]
    named += [f for f in (opened.standing, opened.probe) if f]
    if absent := [file for file in named if file not in files]:
        raise OneroofError(f"{PLAN} names files that are not sealed: {absent}")
    return opened


def told_plan(packet: Packet) -> list[str]:
    """Return the plan as lines for a person."""
    lines = [
        f"packet {packet.name}: {packet.start} -> {packet.end}",
        f"  {packet.about}",
        f"  seal: {len(packet.files)} files, manifest sha256 {packet.sha256}",
        f"  asks approval for: {', '.join(map(' '.join, packet.request.items()))}",
    ]
    for step in (*packet.steps, *packet.reads, *packet.rollback, *packet.tiers_back):
        lines += [
            f"{step.step:>3} {step.name} [{step.kind}, {step.automation}] {step.file}",
            f"      gate:  {step.gate}",
            f"      delta: {step.delta}",
            f"      stop:  {step.stop}",
        ]
    lines += [
        f"  - {later.name} [{later.automation}]: {later.why}" for later in packet.later
    ]
    return lines
