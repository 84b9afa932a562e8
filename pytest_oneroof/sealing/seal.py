"""Seals against bytes: read a sealed tree once, compare, and hand out those bytes.

Raw bytes only: no text mode, no normalisation, no setting that would allow one
(domain: evidence, 6.7). Whoever runs sealed files takes them from `read_sealed`,
which returns the very bytes that were compared.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.sealing import manifest as m
from pytest_oneroof.sealing.manifest import Entry, Finding

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_HASH_SHOWN = 12


class SealBroken(OneroofError):
    """Raised when sealed files are asked for and the seal does not hold."""

    def __init__(self, manifest: str, findings: Sequence[Finding]) -> None:
        super().__init__(manifest, tuple(findings))
        self.manifest = manifest
        self.findings = tuple(findings)

    def __str__(self) -> str:
        count = len(self.findings)
        head = f"seal {self.manifest} is broken: {count} finding{'s'[: count != 1]}"
        return "\n".join([head, *(f"  {finding}" for finding in self.findings)])


@dataclass(frozen=True)
class Checked:
    """A seal compared with its files: what was found, or the bytes themselves.

    `files` maps each sealed path to its bytes, in the manifest's order; it is
    empty unless the seal holds. `sha256` is the manifest's own.
    """

    manifest: str
    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]
    files: Mapping[str, bytes]
    sha256: str

    @property
    def holds(self) -> bool:
        """Whether every byte is as it was sealed, and nothing is there besides."""
        return not self.findings


def check(
    manifest: Path,
    root: Path,
    *,
    ordered: Sequence[str] | None = None,
    pin: str | None = None,
    lengths: bool = True,
    besides: Sequence[str] = (),
) -> Checked:
    """Compare every sealed file below `root` with the manifest; read each once.

    `ordered` are the paths in the order in which they will be run; `pin` is the
    sha256 that the manifest itself must have; without `lengths` it is bare
    `sha256sum` output; `besides` are paths that may be there unsealed. Links are
    not followed, neither file nor folder.
    """
    name = manifest.name
    read = _read_manifest(manifest)
    if isinstance(read, Finding):
        return Checked(name, (), (read,), {}, "")
    parsed = m.parse(read, name=name, lengths=lengths)
    findings = list(parsed.findings)
    if pin is not None and pin != parsed.sha256:
        told = f"expected sha256 {_short(pin)}, found {_short(parsed.sha256)}"
        findings.insert(0, Finding("MANIFEST_PIN_MISMATCH", name, told))
    files, broken = _compare(parsed.entries, root)
    findings += broken
    if not parsed.listed_only:
        findings += _unlisted(parsed.entries, manifest, root, besides)
    if ordered is not None:
        findings += m.check_order(parsed.entries, ordered)
    kept = {} if findings else files
    return Checked(name, parsed.entries, _once(findings), kept, parsed.sha256)


def read_sealed(
    manifest: Path,
    root: Path,
    *,
    ordered: Sequence[str] | None = None,
    pin: str | None = None,
) -> Mapping[str, bytes]:
    """Return the bytes of every sealed file, as they were compared, in order.

    Raise SealBroken with every finding when the seal does not hold.
    """
    checked = check(manifest, root, ordered=ordered, pin=pin)
    if not checked.holds:
        raise SealBroken(checked.manifest, checked.findings)
    return checked.files


def write(
    manifest: Path, root: Path, paths: Sequence[str] | None = None
) -> tuple[Checked, bool]:
    """Seal the files below `root`, or `paths` in their order; return the check.

    Without `paths` every file but the manifest, in bytewise order. The flag
    tells whether anything was written: an identical manifest is left alone.
    Raise SealBroken for what cannot be sealed (links, twins, odd names), and
    OneroofError rather than replace a manifest that says something else.
    """
    listed_only = paths is not None
    wanted, findings = _tree(root, manifest) if paths is None else (list(paths), [])
    findings += m.check_paths(wanted)
    entries = []
    for path in wanted:
        data = None if m.check_paths([path]) else _read_below(root, path)
        if isinstance(data, Finding):
            findings.append(data)
        elif data is not None:
            entries.append(Entry.of(path, data))
    if not wanted:
        findings.append(Finding("MANIFEST_EMPTY", manifest.name, "no file to seal"))
    if findings:
        raise SealBroken(manifest.name, findings)
    text = m.render(entries, listed_only=listed_only)
    written = _write_new(manifest, text)
    return check(manifest, root), written


def _compare(
    entries: Sequence[Entry], root: Path
) -> tuple[dict[str, bytes], list[Finding]]:
    files: dict[str, bytes] = {}
    findings = []
    for entry in entries:
        if m.check_paths([entry.path]):
            continue
        data = _read_below(root, entry.path)
        if isinstance(data, Finding):
            findings.append(data)
            continue
        findings += differences(entry, data)
        files[entry.path] = data
    return files, findings


def differences(entry: Entry, data: bytes) -> Iterator[Finding]:
    found = Entry.of(entry.path, data)
    if found.sha256 != entry.sha256:
        told = f"expected {_short(entry.sha256)}, found {_short(found.sha256)}"
        yield Finding("SHA256_MISMATCH", entry.path, told)
    if entry.size is not None and found.size != entry.size:
        told = f"expected {entry.size} bytes, found {found.size}"
        yield Finding("LENGTH_MISMATCH", entry.path, told)


def _read_manifest(manifest: Path) -> bytes | Finding:
    try:
        return _read_regular(os.open(manifest, _OPEN), manifest.name)
    except OSError as error:
        return _refused(error, manifest.name, "MANIFEST_MISSING")


def _read_below(root: Path, path: str) -> bytes | Finding:
    """Read one file below `root`, opening folder by folder without any link."""
    with contextlib.ExitStack() as stack:
        try:
            folder = os.open(root, os.O_DIRECTORY)
            stack.callback(os.close, folder)
            *above, name = path.split("/")
            for part in above:
                # open() would call a link to a folder ENOTDIR.
                found = os.stat(part, dir_fd=folder, follow_symlinks=False)
                if stat.S_ISLNK(found.st_mode):
                    return _linked(path)
                folder = os.open(part, _OPEN | os.O_DIRECTORY, dir_fd=folder)
                stack.callback(os.close, folder)
            return _read_regular(os.open(name, _OPEN, dir_fd=folder), path)
        except OSError as error:
            return _refused(error, path, "MISSING_FILE")


def _read_regular(descriptor: int, path: str) -> bytes | Finding:
    """Read an open file to its end, and close it; pipes and devices are refused."""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return Finding("NOT_A_FILE", path, "it is no regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def _linked(path: str) -> Finding:
    return Finding("SYMLINK", path, "it is a link, or lies below one")


def _refused(error: OSError, path: str, absent: str) -> Finding:
    if error.errno == errno.ELOOP:
        return _linked(path)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return Finding(absent, path, "there is no such file")
    return Finding("UNREADABLE_FILE", path, str(error.strerror))


def _unlisted(
    entries: Sequence[Entry], manifest: Path, root: Path, allowed: Sequence[str]
) -> Iterator[Finding]:
    listed = list(dict.fromkeys(entry.path for entry in entries))
    found, unreadable = _tree(root, manifest)
    besides = [path for path in found if path not in {*listed, *allowed}]
    for path in besides:
        if os.path.islink(os.path.join(root, path)):
            yield Finding("SYMLINK", path, "it is a link, and not sealed")
        else:
            yield Finding("UNLISTED_FILE", path, "it is there and not sealed")
    if besides:
        yield from m.check_paths([*listed, *besides])
    yield from unreadable


def _tree(root: Path, manifest: Path) -> tuple[list[str], list[Finding]]:
    """Return every file below `root` but the manifest, in bytewise order."""
    found = []
    failed: list[OSError] = []
    own = os.path.abspath(manifest)
    for folder, names, files in os.walk(root, onerror=failed.append):
        links = [n for n in names if os.path.islink(os.path.join(folder, n))]
        for name in (*files, *links):
            path = os.path.join(folder, name)
            if os.path.abspath(path) != own:
                found.append(os.path.relpath(path, root))
    unreadable = [_refused(e, str(e.filename), "MISSING_FOLDER") for e in failed]
    # By code points, as by bytes: UTF-8 keeps their order (RFC 3629, section 1).
    return sorted(found), unreadable


def _write_new(manifest: Path, text: bytes) -> bool:
    try:
        with manifest.open("xb") as file:
            file.write(text)
            return True
    except FileExistsError:
        if manifest.read_bytes() == text:
            return False
    raise OneroofError(
        f"{manifest} seals other bytes already: nothing was written over it\n"
        "what differs: oneroof seal check; to seal anew on purpose, remove it first"
    )


def _once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))


def _short(sha256: str) -> str:
    return sha256[:_HASH_SHOWN]
