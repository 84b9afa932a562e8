"""A folder of histories: one file a target, only ever added to.

`TARGET.jsonl` has a line for each run, `TARGET.head` number and hash of the last.
Runs beside each other add one after the other, by a lock on the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_oneroof.errors import OneroofError, SettingsError
from pytest_oneroof.history.chain import (
    Chain,
    Entry,
    Head,
    line_of,
    read_chain,
)
from pytest_oneroof.history.entry import shape_error
from pytest_oneroof.sealing.strict_json import MalformedJson, read_json, write_json

LINES, HEAD = ".jsonl", ".head"
_URL = re.compile(r"[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
_REMEDY = (
    "to fix this, put back the folder's last good copy, or move the file and its "
    "head away to begin a new history"
)


@dataclass(frozen=True)
class History:
    """The history of one target."""

    folder: Path
    target: str

    @property
    def file(self) -> Path:
        """The file of its lines."""
        return self.folder / f"{self.target}{LINES}"

    @property
    def head_file(self) -> Path:
        """The file that notes its last line."""
        return self.folder / f"{self.target}{HEAD}"

    def read(self) -> Chain:
        """Return what is there, with all that is wrong with it.

        Raise OneroofError where it cannot be read.
        """
        with self._errors("read"):
            if not self.file.exists():
                return read_chain(b"", self._read_head())
            with self._locked(os.O_RDWR if os.access(self.file, os.W_OK) else 0) as fd:
                return self._read(fd)

    def entries(self) -> tuple[Entry, ...]:
        """Return its entries; raise OneroofError for a history that does not hold."""
        chain = self.checked()
        self._require_whole(chain)
        return chain.entries

    def checked(self) -> Chain:
        """Return what is there, each line looked at: a run, or an acceptance of one."""
        chain = self.read()
        wrong = (
            f"line {entry['number']}: {told}"
            for entry in chain.entries
            if (told := shape_error(entry))
        )
        return replace(chain, findings=(*chain.findings, *wrong))

    def append(self, entry: Entry) -> Head:
        """Add an entry; return its number and hash.

        Raise OneroofError where the history does not hold, or cannot be written: it
        is then as it was.
        """
        with self._errors("written"):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._locked(os.O_RDWR | os.O_CREAT) as descriptor:
                chain = self._read(descriptor)
                self._require_whole(chain)
                return self._add(descriptor, chain, entry)

    def _add(self, descriptor: int, chain: Chain, entry: Entry) -> Head:
        line, head = line_of(entry, chain.head)
        try:
            # Without what a run left that was ended while it wrote.
            os.ftruncate(descriptor, chain.whole)
            os.lseek(descriptor, chain.whole, os.SEEK_SET)
            _write(descriptor, line)
            os.fsync(descriptor)
            self._note(head)
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, chain.whole)
            raise
        return head

    def _note(self, head: Head) -> None:
        """Write the head, in one step."""
        value = {"number": head.number, "sha256": head.sha256}
        descriptor, name = tempfile.mkstemp(prefix=".oneroof-", dir=self.folder)
        try:
            with open(descriptor, "wb") as file:
                file.write(write_json(value))
                file.flush()
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                os.fsync(file.fileno())
            os.replace(name, self.head_file)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise

    def _read(self, descriptor: int) -> Chain:
        with open(os.dup(descriptor), "rb") as file:
            file.seek(0)
            data = file.read()
        return read_chain(data, self._read_head())

    def _read_head(self) -> Head | None:
        try:
            value = read_json(self.head_file.read_bytes())
            return Head(int(value["number"]), str(value["sha256"]))
        except FileNotFoundError:
            return None
        except (MalformedJson, KeyError, TypeError, ValueError) as error:
            raise OneroofError(
                f"{self.head_file} does not tell a last line: {error!r}\n{_REMEDY}"
            ) from error

    def _require_whole(self, chain: Chain) -> None:
        if chain.findings:
            told = "\n".join(chain.findings)
            raise OneroofError(
                f"the history {self.file} does not hold, and is not continued:\n"
                f"{told}\n{_REMEDY}"
            )

    @contextlib.contextmanager
    def _locked(self, flags: int) -> Iterator[int]:
        descriptor = os.open(self.file, flags | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if flags else fcntl.LOCK_SH)
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _errors(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OneroofError(
                f"the history {self.file} cannot be {done}: {error.strerror or error}"
            ) from error


def require_folder(folder: Path, packet: Path | None) -> None:
    """Refuse a folder of histories that could not be written at a run's end.

    Raise SettingsError; also for one in the folder of the run's packet.
    """
    if packet is not None and folder.absolute().is_relative_to(packet):
        raise SettingsError(
            f"--oneroof-history {folder} lies in the folder of the report, which "
            "holds one run\nto fix this, name a folder beside it"
        )
    if _URL.match(str(folder)):
        raise SettingsError(
            f"--oneroof-history {folder}: a history is kept in a folder, and this is "
            "a URL\nto fix this, name a folder that the job keeps from run to run: a "
            "cache, a volume, a branch"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"--oneroof-history {folder} cannot be written: "
            f"{error.strerror or error}\nto fix this, name a folder that this "
            "account may write"
        ) from error


def histories(folder: Path) -> list[History]:
    """Return the histories in a folder, by name.

    Raise SettingsError where there is none.
    """
    names = {p.stem for end in (LINES, HEAD) for p in folder.glob(f"*{end}")}
    if not names:
        raise SettingsError(
            f"there is no history in {folder}\nto fix this, name the folder that was "
            "given to --oneroof-history"
        )
    return [History(folder, name) for name in sorted(names)]


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
