"""A rehearsal on a server: a fresh copy, what has to stay as it was, a new snapshot.

The copy is dropped afterwards. The source and the main clone are fingerprinted
before and after; the main clone is then snapshotted anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_oneroof.answer import DONE, FAILED, Answer
from pytest_oneroof.clone.host import Host
from pytest_oneroof.clone.snapshot import snapshot_anew
from pytest_oneroof.clone.watch import Watch
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.fingerprint.compare import to_data
from pytest_oneroof.ownership.proofs import OurDatabase
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.release.executor import Outcome, end_log
from pytest_oneroof.release.identity import identify
from pytest_oneroof.release.plan import Packet
from pytest_oneroof.release.proof import Pin, differences, read_pin
from pytest_oneroof.release.rehearsal_clone import greenfield_clone
from pytest_oneroof.release.rehearse import Rehearsal, Say, rehearse
from pytest_oneroof.release.step_log import new_log


@dataclass(frozen=True)
class Main:
    """The main clone; `free`: held by this command, so that nobody else changes it."""

    found: OurDatabase
    free: bool


@dataclass(frozen=True)
class Copied:
    """What a rehearsal copies, the main clone if any, and where its files are kept.

    A production on a user's server is not scanned.
    """

    host: Host
    source: str
    main: Main | None
    folder: Path

    @property
    def watched(self) -> list[str]:
        """The databases that have to stay as they are."""
        main = [self.main.found.name] if self.main and self.main.free else []
        return list(dict.fromkeys([self.source, *main]))


def rehearse_copy(packet: Packet, copied: Copied, say: Say) -> Answer:
    """Rehearse on a fresh copy, drop it, and compare what had to stay as it was.

    Status 0, or 1 where source or main clone moved meanwhile, or the main clone
    could not be snapshotted. Raise RehearsalFailed, CloneError or GuardRefused as
    they come; the copy is dropped.
    """
    log = new_log(copied.folder / "rehearsals", packet, "rehearse", copied.source)
    log.write()
    before = _pins(packet, copied, say)
    say(f"copying {copied.source}")
    with greenfield_clone(copied.host, copied.source, packet.pack) as clone:
        log.head["database"] = clone.clone.database
        told = rehearse(packet, clone, say, log)
    after = _pins(packet, copied, say)
    moved = [
        f"{name}: {line}"
        for name in copied.watched
        for line in differences(before[name], after[name])
    ]
    lines = [*told.lines(), *(f"MOVED {line}" for line in moved)]
    if not moved:
        lines.append(f"unmoved: {', '.join(copied.watched)}")
    kept, line = _snapshot(copied, say, moved=bool(moved))
    failed = bool(moved or (copied.main and copied.main.free and not kept))
    log.evidence.update(_evidence(copied, before[copied.source], told))
    log.evidence["passed"] = not failed
    lost = end_log(log, Outcome(()))
    lines += [*filter(None, (line, lost)), f"record: {log.file}"]
    data = {
        **told.to_dict(),
        "watched": copied.watched,
        "moved": moved,
        "snapshot": kept,
        "log": str(log.file),
    }
    return Answer(FAILED if failed or lost else DONE, data, tuple(lines))


def _evidence(copied: Copied, source: Pin, told: Rehearsal) -> dict[str, Any]:
    """Return what `run` asks of a rehearsal: source, fingerprints and proof."""
    with contextlib.closing(connect(copied.host.url(copied.source))) as connection:
        identity = identify(connection)
    assert told.proof is not None
    return {
        "source": {**identity.to_dict(), "schema": to_data(source.schema)},
        "shown": told.shown,
        "fingerprints": told.fingerprints,
        "proof": told.proof.to_dict(),
    }


def pin_source(url: str, relations: Sequence[str] | None = None) -> Pin:
    """Read schema and content of a database that has to stay as it is.

    With `relations` only their content: a live production is not scanned.
    """
    with contextlib.closing(connect(url)) as connection:
        return read_pin(connection, relations)


def _pins(packet: Packet, copied: Copied, say: Say) -> dict[str, Pin]:
    pins = {}
    for name in copied.watched:
        say(f"reading {name} whole, to compare")
        scope = packet.touches if copied.host.rules.own_server else None
        pins[name] = pin_source(copied.host.url(name), scope)
    return pins


def _snapshot(
    copied: Copied, say: Say, *, moved: bool
) -> tuple[dict[str, Any] | None, str]:
    """Snapshot the main clone anew; return what is told of it, for JSON and a line."""
    main = copied.main
    if main is None:
        return None, ""
    name = main.found.name
    if not main.free:
        return None, f"{name} is in use by a run: neither compared nor snapshotted"
    if moved:
        return None, f"{name} is not snapshotted: something moved"
    say(f"snapshotting {name} anew")
    try:
        done = snapshot_anew(
            copied.host, main.found, copied.folder / "snapshots", Watch()
        )
    except OneroofError as error:
        return None, f"{name} is not snapshotted: {error}"
    data = {"file": str(done.file), "seal": str(done.seal), "sha256": done.sha256}
    return data, f"{name} snapshotted anew: {done.file}, sha256 {done.sha256}"
