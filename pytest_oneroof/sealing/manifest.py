"""The manifest of a seal: its two text forms, and which paths it may name. Pure.

The form that is written is plain `sha256sum -c` input, with the length in a
comment before each line::

    # bytes=38756
    49c386a9…  canonicalizer.py

The other, `<sha256> <byte_len> <relpath>`, is read too (domain: evidence, 6.7).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest

HEADER = "# oneroof-seal 1"
LISTED = "# scope=listed"

_LENGTH = re.compile(r"# bytes=(.*)", re.DOTALL)
_SUM = re.compile(r"(?P<sha256>[0-9a-f]{64})  (?P<path>.+)", re.DOTALL)
_COLUMNS = re.compile(r"(?P<sha256>[0-9a-f]{64})[ \t]+(?P<size>\S+)[ \t]+(?P<path>.+)")
_SHOWN = 80


@dataclass(frozen=True)
class Entry:
    """One sealed file: its path below the root, sha256 and length in bytes.

    `size` is None only where a manifest without lengths was asked for.
    """

    path: str
    sha256: str
    size: int | None

    @classmethod
    def of(cls, path: str, data: bytes) -> Entry:
        """Return the entry that seals exactly these bytes."""
        return cls(path, hashlib.sha256(data).hexdigest(), len(data))


@dataclass(frozen=True)
class Finding:
    """One reason why a seal does not hold: its code, the path, and what was found."""

    code: str
    path: str
    found: str

    def __str__(self) -> str:
        return f"{self.code} {self.path}: {self.found}"


@dataclass(frozen=True)
class Manifest:
    """What a manifest says, and what is wrong with its text.

    With `listed_only` it seals the named files alone; without, its whole root.
    """

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]
    sha256: str
    listed_only: bool = False


def parse(data: bytes, *, name: str = "manifest", lengths: bool = True) -> Manifest:
    """Return a manifest's entries, and a finding for each thing wrong with it.

    One form per file. Without `lengths` it is bare `sha256sum` output, as in a
    packet's HASH_MANIFEST.txt. Nothing is decoded leniently or normalised.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    text = _decoded(data, name)
    if isinstance(text, Finding):
        return Manifest((), (text,), sha256)
    reader = _Reader(name, lengths=lengths)
    for number, line in enumerate(text.split("\n")[:-1], 1):
        reader.take(number, line)
    reader.finish()
    found = (*reader.findings, *check_paths(e.path for e in reader.entries))
    if not reader.entries:
        told = "it names no file, and an empty seal proves nothing"
        found = (*found, Finding("MANIFEST_EMPTY", name, told))
    listed = LISTED in text.split("\n")
    return Manifest(tuple(reader.entries), found, sha256, listed)


def render(
    entries: Iterable[Entry], *, listed_only: bool = False, lengths: bool = True
) -> bytes:
    """Return the manifest's bytes; `sha256sum -c` reads them as they are."""
    lines = []
    if lengths:
        lines.append(HEADER)
    if listed_only:
        lines.append(LISTED)
    for entry in entries:
        if lengths:
            lines.append(f"# bytes={entry.size}")
        lines.append(f"{entry.sha256}  {entry.path}")
    return "".join(f"{line}\n" for line in lines).encode()


def check_paths(paths: Iterable[str]) -> tuple[Finding, ...]:
    """Return what is wrong with these paths, each alone and beside the others."""
    given = list(paths)
    alone = [found for path in given for found in _path_findings(path)]
    return (*alone, *_twins(given))


def check_order(
    entries: Sequence[Entry], ordered: Sequence[str]
) -> tuple[Finding, ...]:
    """Return a finding where the manifest's order is not the order asked for.

    `ordered` are the paths in the order in which they will be run; files that
    are sealed but not run may stand anywhere between them.
    """
    sealed = [entry.path for entry in entries]
    absent = [path for path in ordered if path not in sealed]
    if absent:
        told = "it is to be run, and the manifest does not name it"
        return tuple(Finding("NOT_SEALED", path, told) for path in absent)
    wanted = set(ordered)
    found = [path for path in dict.fromkeys(sealed) if path in wanted]
    for place, (run, seal) in enumerate(zip_longest(ordered, found), 1):
        if seal is None:
            return (Finding("ORDER_MISMATCH", run, "it is to be run twice"),)
        if run != seal:
            told = f"place {place} of the order; the manifest has {seal} there"
            return (Finding("ORDER_MISMATCH", run, told),)
    return ()


class _Reader:
    """Reads line after line; the first line that is no comment decides the form."""

    def __init__(self, name: str, *, lengths: bool) -> None:
        self.name = name
        self.lengths = lengths
        self.entries: list[Entry] = []
        self.findings: list[Finding] = []
        self.pending: tuple[int, int | None] | None = None
        self.columns: bool | None = None if lengths else False

    def take(self, number: int, line: str) -> None:
        if line.startswith("#"):
            self._comment(number, line)
        elif line.strip():
            self._entry(number, line)

    def finish(self) -> None:
        if self.pending is not None:
            self._malformed(self.pending[0], "a length without its file")

    def _comment(self, number: int, line: str) -> None:
        length = _LENGTH.fullmatch(line)
        if length is None or not self.lengths or self.columns:
            return
        if self.pending is not None:
            self._malformed(self.pending[0], "a length without its file")
        self.pending = number, self._size(number, length[1])

    def _entry(self, number: int, line: str) -> None:
        if self.columns is None:
            self.columns = self.pending is None
        match = (_COLUMNS if self.columns else _SUM).fullmatch(line)
        if match is None:
            self._malformed(number, f"line {_shown(line)}")
        elif self.columns:
            size = self._size(number, match["size"])
            self.entries.append(Entry(match["path"], match["sha256"], size))
        else:
            if self.lengths and self.pending is None:
                told = f"line {number}: no '# bytes=N' before {_shown(match['path'])}"
                self.findings.append(Finding("MALFORMED_LENGTH", self.name, told))
            size = self.pending[1] if self.pending else None
            self.entries.append(Entry(match["path"], match["sha256"], size))
        self.pending = None

    def _size(self, number: int, text: str) -> int | None:
        if re.fullmatch(r"0|[1-9][0-9]{0,18}", text):
            return int(text)
        told = f"line {number}: {_shown(text)} is no length in bytes"
        self.findings.append(Finding("MALFORMED_LENGTH", self.name, told))
        return None

    def _malformed(self, number: int, told: str) -> None:
        finding = Finding(
            "MALFORMED_MANIFEST_LINE", self.name, f"line {number}: {told}"
        )
        self.findings.append(finding)


def _decoded(data: bytes, name: str) -> str | Finding:
    def refuse(told: str) -> Finding:
        return Finding("MALFORMED_MANIFEST", name, told)

    if data.startswith(b"\xef\xbb\xbf"):
        return refuse("it begins with a byte order mark")
    if b"\r" in data:
        return refuse("it holds a carriage return: lines end with one LF")
    if data and not data.endswith(b"\n"):
        return refuse("its last line does not end: it may have been cut off")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return refuse(f"byte {error.start} is no UTF-8")


def _path_findings(path: str) -> Iterator[Finding]:
    parts = path.split("/")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        yield Finding(
            "ABSOLUTE_PATH", _shown(path), "a sealed path lies below the root"
        )
    elif ".." in parts:
        yield Finding("PATH_TRAVERSAL", _shown(path), "it holds '..'")
    elif not all(parts) or "." in parts or path != path.strip():
        yield Finding(
            "PATH_NOT_PLAIN", _shown(path), "write it as a/b, without ./ or //"
        )
    elif "\\" in path or any(unicodedata.category(c) in ("Cc", "Cs") for c in path):
        told = "a backslash or control character, which sha256sum escapes"
        yield Finding("PATH_NOT_PLAIN", _shown(path), told)


def _twins(paths: Sequence[str]) -> Iterator[Finding]:
    """Find paths, or folders of them, that some file systems cannot tell apart."""
    seen: dict[str, str] = {}
    whole: set[str] = set()
    told: set[tuple[str, str]] = set()
    for path in paths:
        if path in whole:
            yield Finding("DUPLICATE_PATH", _shown(path), "it is named more than once")
            continue
        whole.add(path)
        for part in accumulate(path.split("/"), lambda above, name: f"{above}/{name}"):
            first = seen.setdefault(_folded(part), part)
            if first != part and (first, part) not in told:
                told.add((first, part))
                yield Finding(_twin_code(first, part), _shown(part), _beside(first))


def _twin_code(first: str, second: str) -> str:
    same = unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", second)
    return "PATH_UNICODE_TWIN" if same else "PATH_CASE_TWIN"


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _beside(first: str) -> str:
    spelled = first.encode("unicode_escape").decode()
    return f"some file systems cannot tell it from {spelled}"


def _shown(text: str) -> str:
    plain = text.encode("unicode_escape").decode()
    kept = plain if any(unicodedata.category(c)[0] == "C" for c in text) else text
    return kept if len(kept) <= _SHOWN else f"{kept[: _SHOWN - 1]}…"
