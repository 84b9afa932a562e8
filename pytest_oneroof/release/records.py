"""What an earlier rollout left on the disk, proved before the next relies on it.

A rehearsal's log lets a packet run, a run's log lets it be taken back. Both are read
once, as bytes; their hash, their form and what they are about decide. Pure, but for
reading and finding them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.fingerprint.compare import (
    SchemaFingerprint,
    compare,
    from_data,
)
from pytest_oneroof.release.identity import Identity
from pytest_oneroof.release.plan import Packet
from pytest_oneroof.release.proof import Pin, pins_from_data
from pytest_oneroof.release.step_log import StepLog, hash_of, parse_log, write_log
from pytest_oneroof.release.steps import moment
from pytest_oneroof.sealing.strict_json import read_json

REHEARSALS = "rehearsals"
# docs/release.md: a packet runs by the rehearsal of today.
VALID = timedelta(hours=24)
# Clocks of two machines may differ by that much.
SKEW = timedelta(minutes=5)
SHOWN = 5


@dataclass(frozen=True)
class Record:
    """A log whose hash holds: its bytes, what it tells, and its evidence."""

    file: Path
    data: bytes
    log: StepLog
    evidence: Mapping[str, Any]
    sha256: str

    @property
    def schema(self) -> SchemaFingerprint | None:
        """The schema of what was rehearsed on; None where the record has none."""
        try:
            found = from_data(self.evidence["source"]["schema"])
        except (KeyError, TypeError, AttributeError, OneroofError):
            return None
        return found if isinstance(found, SchemaFingerprint) else None

    @property
    def pins(self) -> dict[str, Pin]:
        """What was there before the run, and after it where it came to its end."""
        try:
            return pins_from_data(self.evidence["pins"])
        except (KeyError, ValueError, OneroofError):
            return {}


def load_record(file: Path) -> Record:
    """Read a log as the record that it is.

    Raise OneroofError where it cannot be read, or is not as it was written.
    """
    try:
        data = file.read_bytes()
        value = read_json(data)
        log = parse_log(value)
        evidence, sha256 = value["evidence"], value["sha256"]
    except (OSError, ValueError, KeyError, TypeError, OneroofError) as error:
        raise OneroofError(f"{file} is no record of a rollout: {error!r}") from error
    if sha256 != hash_of(value):
        raise OneroofError(
            f"{file} is not as it was written: its sha256 is {hash_of(value)}, "
            f"it says {sha256}"
        )
    if not isinstance(evidence, dict):
        raise OneroofError(f"{file} is no record of a rollout: it has no evidence")
    return Record(file, data, log, evidence, sha256)


def newest(
    files: Iterable[Path], fits: Callable[[Record], bool] = lambda record: True
) -> Record | None:
    """Return the newest record that fits; raise OneroofError for a broken one."""
    for file in sorted(files, key=lambda file: file.stem, reverse=True):
        record = load_record(file)
        if fits(record):
            return record
    return None


def find_rehearsal(folders: Iterable[Path], packet: Packet) -> Record | None:
    """Return the newest rehearsal of exactly this packet that came to an end."""
    pattern = f"{REHEARSALS}/rollout_{packet.name}_rehearse_*.json"
    return newest(
        (file for folder in folders for file in folder.glob(pattern)),
        lambda r: bool(r.log.ended) and r.log.manifest_sha256 == packet.sha256,
    )


def find_run(folders: Iterable[Path], packet: Packet) -> Record | None:
    """Return the newest run of a packet in these folders that may have written.

    A run that was taken back is found only where there is no other.
    """
    pattern = f"rollout_{packet.name}_run_*.json"
    files = [file for folder in folders for file in folder.glob(pattern)]
    wrote = partial(_may_have_written, packet)
    standing = newest(files, lambda record: wrote(record) and not _undone(record))
    return standing or newest(files, wrote)


def judge_rehearsal(record: Record, packet: Packet) -> Iterator[str]:
    """Yield every reason why this is no evidence that the packet was rehearsed."""
    log = record.log
    if log.what != "rehearse":
        yield f"it is the log of a {log.what}, not of a rehearsal"
        return
    yield from _another_packet(log, packet)
    if not log.ended or log.stopped or record.evidence.get("passed") is not True:
        yield "that rehearsal did not pass"
    expected = [*packet.steps, *packet.reads, *packet.rollback]
    if [(s.step, s.kind, s.file) for s in log.steps] != [
        (s.step, s.kind, s.file) for s in expected
    ]:
        yield "its steps are not those of the packet's plan, forth and back"
    elif any(
        step.says not in run.notices
        for step, run in zip(expected, log.steps, strict=True)
    ):
        yield "a step did not say what its plan promises"
    if not _went_forth_and_back(record.evidence.get("fingerprints")):
        yield "its fingerprints do not show that it went forth and came back"
    if record.schema is None:
        yield "it has no schema of what it was rehearsed on"
    yield from _out_of_date(log)


def judge_source(
    record: Record, target: Identity, schema: SchemaFingerprint
) -> Iterator[str]:
    """Yield every reason why what was rehearsed on is not what the target is."""
    source = record.evidence.get("source")
    rehearsed = record.schema
    if not isinstance(source, dict) or rehearsed is None:
        return
    if source.get("system_identifier") == target.system_identifier and (
        source.get("oid") != target.oid or source.get("database") != target.database
    ):
        yield (
            f"rehearsed was on a copy of {source.get('database')!r} (oid "
            f"{source.get('oid')}) of the same server, the target is {target}"
        )
    if rehearsed.formula != schema.formula:
        yield f"its schema was read by {rehearsed.formula}, not {schema.formula}"
        return
    moved = [f"{d.kind} {d.identity} {d.change}" for d in compare(rehearsed, schema)]
    if moved:
        more = f" and {len(moved) - SHOWN} more" if len(moved) > SHOWN else ""
        yield (
            "the target's schema is not the one that was rehearsed on: "
            f"{', '.join(moved[:SHOWN])}{more}"
        )


def judge_run(
    record: Record, packet: Packet, target: Identity, *, stands: bool
) -> Iterator[str]:
    """Yield every reason why this is not the run that is to be taken back.

    `stands`: something of the packet is there.
    """
    log = record.log
    if log.what != "run":
        yield f"it is the log of a {log.what}, not of a run"
        return
    yield from _another_packet(log, packet)
    if record.evidence.get("target") != target.to_dict():
        ran = record.evidence.get("target")
        yield f"it ran on {_told_target(ran)}, this is {target}"
    if not _may_have_written(packet, record):
        yield "that run wrote nothing"
    if "before" not in record.pins:
        yield "it does not tell what was there before"
    if stands and _undone(record):
        yield (
            f"that run was taken back at {record.evidence['undone']}; what stands "
            "there was done by another"
        )


def mark_undone(record: Record) -> None:
    """Note in a run's log that it was taken back; raise OneroofError if it cannot."""
    value = read_json(record.data)
    value["evidence"]["undone"] = moment()
    write_log(record.file, value)


def _another_packet(log: StepLog, packet: Packet) -> Iterator[str]:
    if (log.packet, log.manifest_sha256) != (packet.name, packet.sha256):
        yield (
            f"it is about packet {log.packet}, manifest {log.manifest_sha256}; this "
            f"is {packet.name}, manifest {packet.sha256}"
        )


def _went_forth_and_back(fingerprints: Any) -> bool:
    if not isinstance(fingerprints, dict):
        return False
    before, applied, back = (
        fingerprints.get(name) for name in ("before", "applied", "rolled_back")
    )
    return bool(before) and before == back and bool(applied) and applied != before


def _out_of_date(log: StepLog) -> Iterator[str]:
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(log.ended)
    except (ValueError, TypeError):
        yield f"it does not tell when it ended ({log.ended!r})"
        return
    if age < -SKEW:
        yield f"it ended in the future, at {log.ended}"
    elif age > VALID:
        hours = VALID // timedelta(hours=1)
        yield f"it ended at {log.ended}, more than {hours} hours ago"


def _may_have_written(packet: Packet, record: Record) -> bool:
    """Whether a changing step held, was under way, or stopped (perhaps at COMMIT)."""
    log, stopped = record.log, record.log.stopped_at
    reached = {
        log.running,
        stopped.step if stopped else "",
        *(r.step for r in log.steps),
    }
    return not reached.isdisjoint(step.step for step in packet.changes)


def _undone(record: Record) -> bool:
    return bool(record.evidence.get("undone"))


def _told_target(target: Any) -> str:
    try:
        return str(Identity(**target))
    except TypeError:
        return "no database that it names"
