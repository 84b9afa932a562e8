"""The log of a rollout: written as it goes, read back by whoever reports on it.

One JSON file for each rollout (format: docs/release.md). It is on the disk before
each step is sent and after it has held, so that a killed rollout has told which
step was under way. It ends in the hash of all that it holds: what a later command
relies on is read by `records`, which demands that hash.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.postgres.embedded import write_whole
from pytest_oneroof.release.plan import Packet, Step
from pytest_oneroof.release.steps import StepFailed, StepRun, moment

FORMAT = "oneroof-rollout-log/1"
Probe = Mapping[str, tuple[str, int]]


@dataclass
class Log:
    """The log of one rollout, on the disk after everything that it is told.

    `evidence` is what a later command relies on: docs/release.md has its keys.
    """

    file: Path
    head: dict[str, Any]
    evidence: dict[str, Any] = field(default_factory=dict)
    runs: list[StepRun] = field(default_factory=list)
    probes: dict[str, Probe] = field(default_factory=dict)
    running: str = ""
    failed: StepFailed | None = None
    why: str = ""
    ended: str = ""

    def begin(self, step: Step) -> None:
        """Tell which step is sent next; raise OneroofError if that cannot be kept."""
        self.running = step.step
        self.write()

    def keep(self, run: StepRun, probes: Mapping[str, Probe]) -> None:
        """Keep what a step did, and what was read after it."""
        self.runs.append(run)
        self.running = ""
        self.probes.update(probes)
        self.write()

    def end(self, failed: StepFailed | None, why: str = "") -> None:
        """Tell that the rollout has ended, and by which step, or why before any."""
        self.running = ""
        self.failed = failed
        self.why = str(failed) if failed else why
        self.ended = moment()
        self.write()

    def write(self) -> None:
        """Write it whole; raise OneroofError where the disk does not take it."""
        write_log(self.file, self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON."""
        failed = self.failed
        return {
            "format": FORMAT,
            **self.head,
            "ended": self.ended,
            "running": self.running,
            "steps": [run.to_dict() for run in self.runs],
            "stopped": self.why,
            "stopped_at": asdict(failed.step) if failed else None,
            "stopped_after": failed.seconds if failed else 0.0,
            "probes": self.probes,
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class StepLog:
    """A log as it was read: what was run where, and what each step did.

    `what` is rehearse, run or rollback; `running` the step that was under way when
    the rollout was killed; `stopped` tells what ended step `stopped_at`, after
    `stopped_after` seconds. Moments are UTC, ISO 8601.
    """

    packet: str
    what: str
    database: str
    manifest_sha256: str
    began: str
    ended: str
    running: str
    steps: tuple[StepRun, ...]
    stopped: str
    stopped_at: Step | None
    stopped_after: float
    probes: Mapping[str, Probe]

    def offset(self, run: StepRun) -> float:
        """Return the seconds from the beginning of the rollout to that of a step."""
        began, start = (datetime.fromisoformat(m) for m in (self.began, run.began))
        return round((start - began).total_seconds(), 4)


def new_log(folder: Path, packet: Packet, what: str, where: str) -> Log:
    """Return the log of a rollout that begins now, named by its UTC second."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    head = {
        "packet": packet.name,
        "what": what,
        "database": where,
        "manifest_sha256": packet.sha256,
        "began": moment(),
    }
    file = folder / f"rollout_{packet.name}_{what}_{stamp}.json"
    number = 2
    while file.exists():
        file = file.with_name(f"rollout_{packet.name}_{what}_{stamp}_{number}.json")
        number += 1
    return Log(file, head)


def write_log(file: Path, value: Mapping[str, Any]) -> None:
    """Write a log with the hash of what it holds; raise OneroofError if it cannot."""
    text = json.dumps({**value, "sha256": hash_of(value)}, indent=1)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text)
        _sync(file.parent)
    except OSError as error:
        raise OneroofError(
            f"the log {file} cannot be written ({error.strerror})\n"
            "give a folder that takes it: --log DIR"
        ) from error


def _sync(folder: Path) -> None:
    """Have a file's new name in its folder survive a crash of the machine, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hash_of(value: Mapping[str, Any]) -> str:
    """Return the sha256 of a log's value, without the hash that it may hold."""
    rest = {key: value[key] for key in value if key != "sha256"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parse_log(data: Mapping[str, Any]) -> StepLog:
    """Return the log that this JSON value holds. Pure.

    Raise OneroofError for another format, and for one that is not whole.
    """
    try:
        if data["format"] != FORMAT:
            raise OneroofError(f"a log of format {data['format']!r}, not {FORMAT!r}")
        at = data["stopped_at"]
        return StepLog(
            steps=tuple(_run(entry) for entry in data["steps"]),
            stopped_at=Step(**at) if at else None,
            stopped_after=float(data["stopped_after"]),
            probes={
                name: {metric: (scope, value) for metric, (scope, value) in row.items()}
                for name, row in data["probes"].items()
            },
            **{name: str(data[name]) for name in _TEXTS},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OneroofError(f"no log of a rollout: {error!r}") from error


def load_log(file: Path) -> StepLog:
    """Read a log from the disk; raise OneroofError for a file that holds none."""
    try:
        return parse_log(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise OneroofError(f"{file} holds no log of a rollout: {error}") from error
    except OneroofError as error:
        raise OneroofError(f"{file}: {error}") from error


_TEXTS = (
    *("packet", "what", "database", "manifest_sha256"),
    *("began", "ended", "running", "stopped"),
)


def _run(entry: Mapping[str, Any]) -> StepRun:
    return StepRun(
        **{
            **entry,
            "rows": {
                name: (int(added), int(changed), int(removed))
                for name, (added, changed, removed) in entry["rows"].items()
            },
            "locks": {name: tuple(modes) for name, modes in entry["locks"].items()},
            "created": tuple(entry["created"]),
            "notices": tuple(entry["notices"]),
            "tags": tuple(entry["tags"]),
        }
    )
