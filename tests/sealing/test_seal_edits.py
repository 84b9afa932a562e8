"""Property tests of seals: of all the edits that can be made none passes."""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pytest_oneroof.sealing import manifest as m
from pytest_oneroof.sealing.manifest import Entry
from pytest_oneroof.sealing.seal import check, write

TEXT = '-- Tầng 3 — sở hữu\nSELECT \'é\';\n{"a": "ü"}\n'.encode()


@pytest.fixture(scope="module")
def sealed_file() -> Iterator[tuple[Path, Path]]:
    """A file and its manifest, for many edits."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file.sql"
        file.write_bytes(TEXT)
        write(Path(folder) / "manifest-sha256.txt", Path(folder))
        yield file, Path(folder) / "manifest-sha256.txt"


ENCODINGS = ("NFD", "NFKC", "latin-1", "utf-16", "utf-8-sig", "ascii")


def _encoded(data: bytes, how: str) -> bytes:
    text = data.decode("utf-8", "replace")
    if how.startswith("NF"):
        return unicodedata.normalize(how, text).encode()  # type: ignore[arg-type]
    return text.encode(how, "backslashreplace")


def _edited(data: bytes, kind: int, place: int, what: int) -> bytes:
    """Return the data after one edit: flip, insert, delete, swap or encode."""
    at = place * len(data) // 256
    if kind % 5 == 0:
        flipped = bytes(b ^ (1 << what % 8) for b in data[at : at + 1])
        return data[:at] + flipped + data[at + 1 :]
    if kind % 5 == 1:
        return data[:at] + bytes([what]) * (1 + kind // 5 % 3) + data[at:]
    if kind % 5 == 2:
        return data[:at] + data[at + 1 + what % 4 :]
    if kind % 5 == 3:
        low, high = sorted((at, what * len(data) // 256))
        swapped = bytearray(data)
        if high < len(data):
            swapped[low], swapped[high] = swapped[high], swapped[low]
        return bytes(swapped)
    return _encoded(data, ENCODINGS[what % len(ENCODINGS)])


@st.composite
def edits(draw: st.DrawFn) -> bytes:
    """Return the sealed text after one to four edits, three drawn bytes for each."""
    script = draw(st.binary(min_size=3, max_size=12))
    data = TEXT
    for number in range(len(script) // 3):
        data = _edited(data, *script[3 * number : 3 * number + 3])
    return data


@pytest.mark.long
@settings(
    max_examples=10_000,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=edits())
def test_no_edit_of_a_sealed_file_passes(
    sealed_file: tuple[Path, Path], data: bytes
) -> None:
    """Of 10,000 random edits of a sealed file none passes."""
    assume(data != TEXT)
    file, manifest = sealed_file
    file.write_bytes(data)
    found = {finding.code for finding in check(manifest, file.parent).findings}
    assert "SHA256_MISMATCH" in found
    assert ("LENGTH_MISMATCH" in found) == (len(data) != len(TEXT))


names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\\/"),
    min_size=1,
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.lists(names, min_size=1, max_size=3).map("/".join),
        st.binary(max_size=20),
        min_size=1,
        max_size=6,
    )
)
def test_written_manifest_is_read_back_as_it_was(files: dict[str, bytes]) -> None:
    """Whatever paths may be sealed, their manifest reads back to the same entries."""
    assume(not m.check_paths(files))
    entries = tuple(Entry.of(path, data) for path, data in files.items())
    parsed = m.parse(m.render(entries))
    assert parsed.findings == ()
    assert parsed.entries == entries
    bare = m.parse(m.render(entries, lengths=False), lengths=False)
    assert [(e.path, e.sha256) for e in bare.entries] == [
        (e.path, e.sha256) for e in entries
    ]


@settings(max_examples=1_000, deadline=None)
@given(st.data())
def test_edited_manifest_never_gains_or_loses_silently(data: st.DataObject) -> None:
    """A manifest with one byte changed reads otherwise, or is refused."""
    entries = (Entry.of("sql/a.sql", b"1"), Entry.of("sql/b.sql", b"22"))
    text = m.render(entries)
    at = data.draw(st.integers(0, len(text) - 1))
    byte = data.draw(st.integers(0, 255))
    assume(text[at] != byte)
    parsed = m.parse(text[:at] + bytes([byte]) + text[at + 1 :])
    in_header = at < len(m.HEADER)
    assert parsed.findings or parsed.entries != entries or in_header
