"""One big file and its seal: written so that it is whole or absent, read in a stream.

The seal is FILE.sha256, a manifest like any other (`oneroof seal check`,
`sha256sum -c`); unlike those of packets, the file is never held in memory.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from pytest_oneroof.clone.dump import CHUNK, Count
from pytest_oneroof.errors import CloneError, SettingsError
from pytest_oneroof.postgres.embedded import write_whole
from pytest_oneroof.sealing import manifest as m
from pytest_oneroof.sealing.manifest import Entry, Finding
from pytest_oneroof.sealing.seal import SealBroken

SEAL, PART = ".sha256", ".part"
_FACT = re.compile(r"^# ([a-z_]+)=(.+)$", re.M)
_LONGEST_SEAL = 1 << 16


class Sum:
    """The digest and length of bytes that are handed on as they come."""

    def __init__(self, write: Callable[[bytes], Any]) -> None:
        self._write = write
        self._digest = hashlib.sha256()
        self._size = 0

    def add(self, data: bytes) -> None:
        """Count some bytes and hand them on."""
        self._digest.update(data)
        self._size += len(data)
        self._write(data)

    def entry(self, name: str) -> Entry:
        """Return the entry that seals what was added."""
        return Entry(name, self._digest.hexdigest(), self._size)

    def require(self, file: Path, sealed: Entry) -> None:
        """Raise SealBroken when what was added is not what was sealed."""
        found = self.entry(sealed.path)
        findings = []
        if found.sha256 != sealed.sha256:
            told = f"expected {sealed.sha256[:12]}, found {found.sha256[:12]}"
            findings.append(Finding("SHA256_MISMATCH", file.name, told))
        if found.size != sealed.size:
            told = f"expected {sealed.size} bytes, found {found.size}"
            findings.append(Finding("LENGTH_MISMATCH", file.name, told))
        if findings:
            raise SealBroken(seal_path(file).name, findings)


class NewFile:
    """A file being written: as FILE.part, then FILE with its seal, or not at all.

    A part that a dead run left is begun anew; that it is a part is recorded in
    `records`, so that `remove_parts` finds it. Raise SettingsError on entering
    when the file or its seal exists, or its folder does not.
    """

    def __init__(self, file: Path, records: Path) -> None:
        self.file = file.absolute()
        self.part = self.file.with_name(self.file.name + PART)
        key = hashlib.sha256(os.fsencode(self.part)).hexdigest()[:16]
        self._record = records / "parts" / key
        self._descriptor = -1

    def __enter__(self) -> NewFile:
        self._require_new()
        try:
            self._record.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._record, str(self.part))
            self._descriptor = os.open(self.part, os.O_WRONLY | os.O_CREAT, 0o600)
        except OSError as error:
            told = f"cannot write {self.file}: {error.strerror}"
            raise SettingsError(told) from error
        if not _lock(self._descriptor):
            os.close(self._descriptor)
            raise CloneError(f"another snapshot is being written to {self.file}")
        os.ftruncate(self._descriptor, 0)
        return self

    def write(self, data: bytes) -> None:
        """Write some bytes; raise CloneError where the disk does not take them."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise CloneError(
                f"cannot write {self.file}: {error.strerror}\nnothing of it stays"
            ) from error

    def finish(self, entry: Entry, facts: Mapping[str, Any]) -> Path:
        """Give the file its name and its seal; return the seal's path."""
        os.fsync(self._descriptor)
        seal = seal_path(self.file)
        try:
            # Unlike a rename, a link replaces nothing.
            os.link(self.part, self.file)
        except FileExistsError:
            raise SettingsError(_exists(self.file)) from None
        with seal.open("xb") as file:
            file.write(_text(entry, facts))
            os.fsync(file.fileno())
        return seal

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.part.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._record.unlink(missing_ok=True)

    def _require_new(self) -> None:
        for path in (self.file, seal_path(self.file)):
            if path.exists() or path.is_symlink():
                raise SettingsError(_exists(path))
        if wrong := m.check_paths([self.file.name]):
            raise SettingsError(f"no name for a snapshot: {wrong[0]}")


def remove_parts(records: Path, *, dry_run: bool = False) -> list[str]:
    """Remove parts of files whose writers are dead; return a line for each."""
    told = []
    for record in sorted((records / "parts").glob("*")):
        part = Path(record.read_text())
        if part.exists() and not _is_abandoned(part):
            continue
        if part.exists():
            told.append(f"part of a snapshot that was never finished: {part}")
        if not dry_run:
            part.unlink(missing_ok=True)
            record.unlink(missing_ok=True)
    return told


def seal_path(file: Path) -> Path:
    """Return where a file's seal lies."""
    return file.with_name(file.name + SEAL)


def read_seal(file: Path) -> tuple[Entry, dict[str, str]]:
    """Return a file's seal: its entry, and the facts in its comments.

    Raise SettingsError where file or seal is missing, SealBroken for a seal that
    is damaged or seals another file.
    """
    seal = seal_path(file)
    for path, what in ((file, "snapshot"), (seal, "seal of the snapshot")):
        if not path.is_file():
            raise SettingsError(f"there is no {what} {path}")
    with seal.open("rb") as opened:
        data = opened.read(_LONGEST_SEAL)
    parsed = m.parse(data, name=seal.name)
    findings = list(parsed.findings)
    if not findings and [entry.path for entry in parsed.entries] != [file.name]:
        names = ", ".join(entry.path for entry in parsed.entries)
        findings.append(Finding("NOT_SEALED", file.name, f"it seals {names}"))
    if findings:
        raise SealBroken(seal.name, findings)
    return parsed.entries[0], dict(_FACT.findall(data.decode()))


def require_seal(file: Path, entry: Entry, count: Count) -> None:
    """Read a file whole; raise SealBroken when it is not what was sealed."""
    total = Sum(lambda data: count(len(data)))
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK):
            total.add(chunk)
    total.require(file, entry)


def _text(entry: Entry, facts: Mapping[str, Any]) -> bytes:
    head, _, rest = m.render([entry], listed_only=True).partition(b"\n")
    told = "".join(f"# {name}={value}\n" for name, value in facts.items())
    return head + b"\n" + told.encode() + rest


def _exists(path: Path) -> str:
    return (
        f"{path} exists already: nothing was written over it\n"
        "to fix this, choose another file, or remove it first"
    )


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_abandoned(part: Path) -> bool:
    with contextlib.suppress(OSError):
        descriptor = os.open(part, os.O_RDONLY)
        try:
            return _lock(descriptor)
        finally:
            os.close(descriptor)
    return False
