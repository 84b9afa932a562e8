"""What a broken seal says: code, path and finding of each case, word for word."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Sequence
from pathlib import Path

import pytest

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.sealing import manifest as m
from pytest_oneroof.sealing.manifest import Entry, Finding
from pytest_oneroof.sealing.seal import SealBroken, check, read_sealed, write

ONE, TWO = Entry.of("sql/1.sql", b"1"), Entry.of("sql/2.sql", b"22")
SUM = hashlib.sha256(b"").hexdigest()
PLAIN = "write it as a/b, without ./ or //"
BELOW = "a sealed path lies below the root"
ESCAPED = "a backslash or control character, which sha256sum escapes"


def told(findings: Sequence[Finding]) -> list[str]:
    """Return the findings as they are printed."""
    return [str(finding) for finding in findings]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with two files, sealed by its manifest."""
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql/1.sql").write_bytes(b"1")
    (tmp_path / "sql/2.sql").write_bytes(b"22")
    write(tmp_path / "sums.txt", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "finding"),
    [
        ("/etc/passwd", f"ABSOLUTE_PATH /etc/passwd: {BELOW}"),
        ("d:x", f"ABSOLUTE_PATH d:x: {BELOW}"),
        ("Z:/x", f"ABSOLUTE_PATH Z:/x: {BELOW}"),
        ("a/..", "PATH_TRAVERSAL a/..: it holds '..'"),
        ("a//b", f"PATH_NOT_PLAIN a//b: {PLAIN}"),
        ("a/./b", f"PATH_NOT_PLAIN a/./b: {PLAIN}"),
        (" a", f"PATH_NOT_PLAIN  a: {PLAIN}"),
        ("a ", f"PATH_NOT_PLAIN a : {PLAIN}"),
        ("a\\b", f"PATH_NOT_PLAIN a\\b: {ESCAPED}"),
        ("a\nb", f"PATH_NOT_PLAIN a\\nb: {ESCAPED}"),
        ("a\x7fb", f"PATH_NOT_PLAIN a\\x7fb: {ESCAPED}"),
        ("a\ud800b", f"PATH_NOT_PLAIN a\\ud800b: {ESCAPED}"),
        ("/" + "x" * 79, f"ABSOLUTE_PATH /{'x' * 79}: {BELOW}"),
        ("/" + "x" * 80, f"ABSOLUTE_PATH /{'x' * 78}…: {BELOW}"),
    ],
)  # fmt: skip
def test_path_that_cannot_be_sealed_says_why(path: str, finding: str) -> None:
    """Each odd path is told, printable and at most 80 characters of it."""
    assert told(m.check_paths([path])) == [finding]


@pytest.mark.parametrize(
    "path", ["a", "a/b c", "é/ü—.sql", "ab:c", "...", "a/..b", "1:x"]
)
def test_plain_paths_are_let_through(path: str) -> None:
    """Blanks, colons, dots and letters of any language make no path odd."""
    assert m.check_paths([path]) == ()


def test_twins_are_told_once_for_each_pair() -> None:
    """Of twin folders the folder is named, once, however many files lie below."""
    assert told(m.check_paths(["SQL/a", "sql/a", "sql/b", "c", "c", "c"])) == [
        "PATH_CASE_TWIN sql: some file systems cannot tell it from SQL",
        "PATH_CASE_TWIN sql/a: some file systems cannot tell it from SQL/a",
        "DUPLICATE_PATH c: it is named more than once",
        "DUPLICATE_PATH c: it is named more than once",
    ]
    assert told(m.check_paths(["d", "d", "caf\u00e9", "cafe\u0301"])) == [
        "DUPLICATE_PATH d: it is named more than once",
        "PATH_UNICODE_TWIN cafe\u0301: some file systems cannot tell it from caf\\xe9",
    ]
    # Upper case in one form, lower case in the other: folded alike all the same.
    assert told(m.check_paths(["CAFE\u0301", "caf\u00e9"])) == [
        "PATH_CASE_TWIN caf\u00e9: some file systems cannot tell it from CAFE\\u0301"
    ]


@pytest.mark.parametrize(
    ("ordered", "findings"),
    [
        (["sql/1.sql", "sql/2.sql"], []),
        (["sql/2.sql"], []),
        ([], []),
        (
            ["sql/2.sql", "sql/1.sql"],
            [
                "ORDER_MISMATCH sql/2.sql: place 1 of the order; the manifest has "
                "sql/1.sql there"
            ],
        ),
        (
            ["sql/1.sql", "sql/1.sql", "sql/2.sql"],
            [
                "ORDER_MISMATCH sql/1.sql: place 2 of the order; the manifest has "
                "sql/2.sql there"
            ],
        ),
        (
            ["sql/1.sql", "sql/2.sql", "sql/1.sql"],
            ["ORDER_MISMATCH sql/1.sql: it is to be run twice"],
        ),
        (
            ["sql/3.sql", "sql/1.sql", "sql/4.sql"],
            [
                "NOT_SEALED sql/3.sql: it is to be run, and the manifest does not "
                "name it",
                "NOT_SEALED sql/4.sql: it is to be run, and the manifest does not "
                "name it",
            ],
        ),
    ],
)
def test_order_says_what_stands_where(ordered: list[str], findings: list[str]) -> None:
    """An order that is not the sealed one is told by file and place."""
    assert told(m.check_order([ONE, TWO], ordered)) == findings


def text(*lines: str) -> bytes:
    """Return a manifest's bytes of these lines."""
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize(
    ("lines", "findings"),
    [
        (
            ("# bytes=0", "# bytes=0", f"{SUM}  a", "", "# bytes=1"),
            [
                "MALFORMED_MANIFEST_LINE sums: line 1: a length without its file",
                "MALFORMED_MANIFEST_LINE sums: line 5: a length without its file",
            ],
        ),
        (
            ("# bytes=0", f"{SUM}  a", f"{SUM}  b"),
            ["MALFORMED_LENGTH sums: line 3: no '# bytes=N' before b"],
        ),
        (
            ("# bytes=00", f"{SUM}  a"),
            ["MALFORMED_LENGTH sums: line 1: 00 is no length in bytes"],
        ),
        (
            (f"{SUM} 1e3 a",),
            ["MALFORMED_LENGTH sums: line 1: 1e3 is no length in bytes"],
        ),
        (
            (f"{SUM} {10**19} a",),
            [f"MALFORMED_LENGTH sums: line 1: {10**19} is no length in bytes"],
        ),
        (
            ("# bytes=0", f"{SUM} *a"),
            [
                f"MALFORMED_MANIFEST_LINE sums: line 2: line {SUM} *a",
                "MANIFEST_EMPTY sums: it names no file, and an empty seal proves "
                "nothing",
            ],
        ),
        (
            ("# bytes=0", f"{SUM}  a", f"{SUM} 0 b"),
            [f"MALFORMED_MANIFEST_LINE sums: line 3: line {SUM} 0 b"],
        ),
        (
            (),
            ["MANIFEST_EMPTY sums: it names no file, and an empty seal proves nothing"],
        ),
    ],
)
def test_line_that_cannot_be_read_is_named(
    lines: tuple[str, ...], findings: list[str]
) -> None:
    """A manifest's odd lines are told by their number, and what is wrong."""
    assert told(m.parse(text(*lines), name="sums").findings) == findings


def test_names_itself_where_no_name_is_given() -> None:
    """Without a file's name the findings speak of a manifest."""
    assert told(m.parse(b"").findings) == [
        "MANIFEST_EMPTY manifest: it names no file, and an empty seal proves nothing"
    ]


def test_reads_each_form_as_it_was_written() -> None:
    """Lengths in comments, in a column, or none at all; comments between are passed."""
    expected = (Entry("a", SUM, 0), Entry("b c", SUM, 10**18))
    summed = m.parse(
        text("# a comment", "# bytes=0", "# another", f"{SUM}  a", "   ")
        + text(f"# bytes={10**18}", f"{SUM}  b c")
    )
    assert (summed.entries, summed.findings) == (expected, ())
    columns = m.parse(
        text("# bytes", f"{SUM} 0 a", "# bytes=7", f"{SUM}\t{10**18}  b c")
    )
    assert (columns.entries, columns.findings) == (expected, ())
    bare = m.parse(text("# bytes=7", f"{SUM}  a"), lengths=False)
    assert (bare.entries, bare.findings) == ((Entry("a", SUM, None),), ())
    assert bare.sha256 == hashlib.sha256(text("# bytes=7", f"{SUM}  a")).hexdigest()


def test_cut_or_foreign_text_is_no_manifest() -> None:
    """What cannot be read at all names no file, keeps its hash, and says one thing."""
    data = b"\xff\r"
    parsed = m.parse(data, name="sums")
    assert told(parsed.findings) == [
        "MALFORMED_MANIFEST sums: it holds a carriage return: lines end with one LF"
    ]
    assert (parsed.entries, parsed.listed_only) == ((), False)
    assert parsed.sha256 == hashlib.sha256(data).hexdigest()


def test_manifest_is_written_in_its_two_forms() -> None:
    """The bytes written are these: a header, the scope, a length before each file."""
    assert m.render([ONE], listed_only=True) == text(
        "# oneroof-seal 1", "# scope=listed", "# bytes=1", f"{ONE.sha256}  sql/1.sql"
    )
    assert m.render([ONE]) == text(
        "# oneroof-seal 1", "# bytes=1", f"{ONE.sha256}  sql/1.sql"
    )
    assert m.render([ONE], lengths=False) == text(f"{ONE.sha256}  sql/1.sql")
    assert m.parse(m.render([ONE], listed_only=True)).listed_only
    assert not m.parse(m.render([ONE])).listed_only


def test_what_is_there_besides_is_told(root: Path, tmp_path: Path) -> None:
    """A file too many, a link, and each reason why a sealed file cannot be read."""
    (root / "sql/1.sql").unlink()
    (root / "sql/2.sql").rename(root / "sql/3.sql")
    (root / "sql/2.sql").symlink_to(root / "sql/3.sql")
    (root / "a link").symlink_to(root / "sql")
    (root / "noted").write_bytes(b"")
    found = check(root / "sums.txt", root, besides=["noted"]).findings
    assert told(found) == [
        "MISSING_FILE sql/1.sql: there is no such file",
        "SYMLINK sql/2.sql: it is a link, or lies below one",
        "SYMLINK a link: it is a link, and not sealed",
        "UNLISTED_FILE sql/3.sql: it is there and not sealed",
    ]


def test_file_below_a_file_or_link_is_told(root: Path) -> None:
    """A path that leads over a file is missing, one that leads over a link a link."""
    folder = root / "sql"
    folder.rename(root.parent / f"{root.name}-sql")
    folder.write_bytes(b"")
    assert told(check(root / "sums.txt", root).findings) == [
        "MISSING_FILE sql/1.sql: there is no such file",
        "MISSING_FILE sql/2.sql: there is no such file",
        "UNLISTED_FILE sql: it is there and not sealed",
    ]
    folder.unlink()
    folder.symlink_to(root.parent / f"{root.name}-sql")
    assert told(check(root / "sums.txt", root).findings) == [
        "SYMLINK sql/1.sql: it is a link, or lies below one",
        "SYMLINK sql/2.sql: it is a link, or lies below one",
        "SYMLINK sql: it is a link, and not sealed",
    ]


def test_folder_exchanged_for_a_link_is_not_followed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that becomes a link after it was looked at leads nowhere."""
    elsewhere = root.parent / f"{root.name}-elsewhere"
    (root / "sql").rename(elsewhere)
    (root / "sql").symlink_to(elsewhere)
    real = os.stat

    def late(path: str, **how: object) -> os.stat_result:
        return real(elsewhere if path == "sql" else path, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", late)
    assert told(check(root / "sums.txt", root).findings)[:2] == [
        "MISSING_FILE sql/1.sql: there is no such file",
        "MISSING_FILE sql/2.sql: there is no such file",
    ]


def test_what_the_system_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    """A file that is there and cannot be opened is told with the system's reason."""
    name = "x" * 300
    (tmp_path / "sums").write_bytes(
        text("# scope=listed", "# bytes=0", f"{SUM}  {name}")
    )
    assert told(check(tmp_path / "sums", tmp_path).findings) == [
        f"UNREADABLE_FILE {name}: File name too long"
    ]


def test_root_that_is_not_there_is_told(root: Path) -> None:
    """Without its root each file is missing, and the folder itself is named."""
    gone = root / "gone"
    assert told(check(root / "sums.txt", gone).findings) == [
        "MISSING_FILE sql/1.sql: there is no such file",
        "MISSING_FILE sql/2.sql: there is no such file",
        f"MISSING_FOLDER {gone}: there is no such file",
    ]


def test_pin_and_order_hold_where_bytes_are_handed_out(root: Path) -> None:
    """Sealed bytes are refused for a wrong pin or order as well."""
    manifest = root / "sums.txt"
    sha256 = hashlib.sha256(manifest.read_bytes()).hexdigest()
    files = ["sql/1.sql", "sql/2.sql"]
    assert list(read_sealed(manifest, root, ordered=files, pin=sha256)) == files
    with pytest.raises(SealBroken, match="ORDER_MISMATCH sql/2"):
        read_sealed(manifest, root, ordered=files[::-1])
    with pytest.raises(SealBroken) as refused:
        read_sealed(manifest, root, pin=SUM)
    assert str(refused.value) == (
        "seal sums.txt is broken: 1 finding\n"
        f"  MANIFEST_PIN_MISMATCH sums.txt: expected sha256 {SUM[:12]}, found "
        f"{sha256[:12]}"
    )


def test_broken_seal_survives_being_sent(root: Path) -> None:
    """The exception keeps manifest and findings between processes."""
    (root / "sql/1.sql").unlink()
    with pytest.raises(SealBroken) as refused:
        read_sealed(root / "sums.txt", root)
    sent = pickle.loads(pickle.dumps(refused.value))
    assert (sent.manifest, sent.findings) == ("sums.txt", refused.value.findings)
    assert str(sent) == str(refused.value)
    assert sent.args == ("sums.txt", refused.value.findings)


def test_check_tells_what_it_compared(root: Path) -> None:
    """A seal that holds gives its manifest, entries, hash and bytes; else no bytes."""
    manifest = root / "sums.txt"
    sha256 = hashlib.sha256(manifest.read_bytes()).hexdigest()
    checked = check(manifest, root)
    assert (checked.manifest, checked.entries) == ("sums.txt", (ONE, TWO))
    assert (checked.sha256, checked.findings) == (sha256, ())
    assert checked.files == {"sql/1.sql": b"1", "sql/2.sql": b"22"}
    (root / "sql/1.sql").write_bytes(b"2")
    broken = check(manifest, root)
    assert (broken.entries, broken.sha256, broken.files) == ((ONE, TWO), sha256, {})
    manifest.unlink()
    missing = check(manifest, root)
    assert told(missing.findings) == [
        "MANIFEST_MISSING sums.txt: there is no such file"
    ]
    assert (missing.manifest, missing.entries, missing.files) == ("sums.txt", (), {})
    assert missing.sha256 == ""


def test_everything_wrong_is_told_at_once(root: Path) -> None:
    """Pin, lines, paths, bytes, strangers and order are told, each by itself."""
    manifest = root / "sums.txt"
    (root / "sql/2.sql").write_bytes(b"12")
    (root / "new").write_bytes(b"")
    bad = text("# bytes=1", f"{ONE.sha256}  /sql/1.sql", "# bytes=2", f"{SUM} *x")
    manifest.write_bytes(bad + m.render([TWO, ONE]))
    found = check(manifest, root, pin=SUM, ordered=["sql/1.sql", "sql/2.sql"]).findings
    pinned = hashlib.sha256(manifest.read_bytes()).hexdigest()[:12]
    assert told(found) == [
        f"MANIFEST_PIN_MISMATCH sums.txt: expected sha256 {SUM[:12]}, found {pinned}",
        f"MALFORMED_MANIFEST_LINE sums.txt: line 4: line {SUM} *x",
        "ABSOLUTE_PATH /sql/1.sql: a sealed path lies below the root",
        f"SHA256_MISMATCH sql/2.sql: expected {TWO.sha256[:12]}, found "
        f"{hashlib.sha256(b'12').hexdigest()[:12]}",
        "UNLISTED_FILE new: it is there and not sealed",
        "ORDER_MISMATCH sql/1.sql: place 1 of the order; the manifest has sql/2.sql "
        "there",
    ]


def test_bare_sums_are_compared_where_asked_for(root: Path) -> None:
    """Without lengths a manifest is what sha256sum prints, and nothing else."""
    (root / "sums.txt").write_bytes(m.render([ONE, TWO], lengths=False))
    assert check(root / "sums.txt", root, lengths=False).holds
    assert told(check(root / "sums.txt", root).findings)[0].startswith(
        "MALFORMED_MANIFEST_LINE sums.txt: line 1: line "
    )


def test_manifest_that_is_no_file_is_named(root: Path) -> None:
    """A folder in the manifest's place is told by the manifest's name."""
    (root / "sums.txt").unlink()
    (root / "sums.txt").mkdir()
    assert told(check(root / "sums.txt", root).findings) == [
        "NOT_A_FILE sums.txt: it is no regular file"
    ]


def test_seal_of_nothing_is_refused(tmp_path: Path) -> None:
    """An empty folder, and an empty list of files, cannot be sealed."""
    for paths in (None, []):
        with pytest.raises(SealBroken) as refused:
            write(tmp_path / "sums.txt", tmp_path, paths)
        assert told(refused.value.findings) == [
            "MANIFEST_EMPTY sums.txt: no file to seal"
        ]
    assert list(tmp_path.iterdir()) == []


def test_listed_files_are_sealed_in_their_order(root: Path, tmp_path: Path) -> None:
    """Named files are sealed as they are named; what cannot be is told all at once."""
    manifest = tmp_path / "two.txt"
    checked, written = write(manifest, root, ["sql/2.sql", "sql/1.sql"])
    assert (checked.entries, written) == ((TWO, ONE), True)
    assert manifest.read_bytes() == m.render([TWO, ONE], listed_only=True)
    with pytest.raises(SealBroken) as refused:
        write(tmp_path / "no.txt", root, ["sql/9.sql", "../x", "sql/1.sql", "sql"])
    assert told(refused.value.findings) == [
        "PATH_TRAVERSAL ../x: it holds '..'",
        "MISSING_FILE sql/9.sql: there is no such file",
        "NOT_A_FILE sql: it is no regular file",
    ]
    assert refused.value.manifest == "no.txt"


def test_another_seal_is_not_written_over(root: Path) -> None:
    """Sealing over a manifest that says something else tells the way out."""
    (root / "sql/1.sql").write_bytes(b"2")
    with pytest.raises(OneroofError) as refused:
        write(root / "sums.txt", root)
    assert str(refused.value) == (
        f"{root / 'sums.txt'} seals other bytes already: nothing was written over it\n"
        "what differs: oneroof seal check; to seal anew on purpose, remove it first"
    )
