"""Tests of seals: what is refused, by which code, and that no edited byte passes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof.errors import OneroofError
from pytest_oneroof.sealing import manifest as m
from pytest_oneroof.sealing.manifest import Entry
from pytest_oneroof.sealing.seal import SealBroken, check, read_sealed, write

TEXT = '-- Tầng 3 — sở hữu\nSELECT \'é\';\n{"a": "ü"}\n'.encode()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with three files, sealed by its manifest."""
    folder = tmp_path / "packet"
    (folder / "sql").mkdir(parents=True)
    (folder / "sql/00_preflight.sql").write_bytes(b"SELECT 0;\n")
    (folder / "sql/10_structure.sql").write_bytes(TEXT)
    (folder / "read me.md").write_bytes(b"# read\n")
    write(folder / "manifest-sha256.txt", folder)
    return folder


def codes(folder: Path, **how: object) -> list[str]:
    """Return the codes of the findings, in order."""
    checked = check(folder / "manifest-sha256.txt", folder, **how)  # type: ignore[arg-type]
    assert checked.holds == (not checked.findings)
    assert checked.holds == bool(checked.files)
    return [finding.code for finding in checked.findings]


def reseal(folder: Path, lines: list[str]) -> None:
    """Write a manifest of these lines."""
    text = "".join(f"{line}\n" for line in lines)
    (folder / "manifest-sha256.txt").write_text(text, encoding="utf-8")


def lines_for(path: str, data: bytes) -> list[str]:
    """Return a manifest's two lines for one file."""
    return [f"# bytes={len(data)}", f"{hashlib.sha256(data).hexdigest()}  {path}"]


def test_sealed_tree_holds_and_hands_out_its_bytes(root: Path) -> None:
    """An untouched tree holds; its bytes come in the manifest's order."""
    files = read_sealed(root / "manifest-sha256.txt", root)
    assert list(files) == [
        "read me.md",
        "sql/00_preflight.sql",
        "sql/10_structure.sql",
    ]
    assert files["sql/10_structure.sql"] == TEXT


def test_manifest_is_plain_sha256sum_input(root: Path) -> None:
    """The manifest as written is accepted by `sha256sum -c --strict`."""
    program = shutil.which("sha256sum")
    if program is None:
        pytest.skip("no sha256sum on this machine")
    command = [program, "-c", "--strict", "manifest-sha256.txt"]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": OK") == 3
    assert done.stderr == ""


def test_three_column_form_is_read_too(root: Path) -> None:
    """The form `<sha256> <byte_len> <relpath>` holds, with blanks in a path."""
    rows = ["# a comment", ""]
    for path in ("read me.md", "sql/00_preflight.sql", "sql/10_structure.sql"):
        data = (root / path).read_bytes()
        rows.append(f"{hashlib.sha256(data).hexdigest()} {len(data)} {path}")
    reseal(root, rows)
    assert codes(root) == []


CHANGES: dict[str, tuple[Callable[[bytes], bytes], list[str]]] = {
    "one byte": (lambda b: b"T" + b[1:], ["SHA256_MISMATCH"]),
    "crlf": (
        lambda b: b.replace(b"\n", b"\r\n"),
        ["SHA256_MISMATCH", "LENGTH_MISMATCH"],
    ),
    "bom": (lambda b: b"\xef\xbb\xbf" + b, ["SHA256_MISMATCH", "LENGTH_MISMATCH"]),
    "hyphen for em dash": (
        lambda b: b.replace("—".encode(), b"-"),
        ["SHA256_MISMATCH", "LENGTH_MISMATCH"],
    ),
    "nfd": (
        lambda b: unicodedata.normalize("NFD", b.decode()).encode(),
        ["SHA256_MISMATCH", "LENGTH_MISMATCH"],
    ),
    "emptied": (lambda _: b"", ["SHA256_MISMATCH", "LENGTH_MISMATCH"]),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_changed_bytes_are_refused(root: Path, change: str) -> None:
    """Each drift of a file's bytes is refused, sha256 and length told apart."""
    edit, expected = CHANGES[change]
    file = root / "sql/10_structure.sql"
    file.write_bytes(edit(file.read_bytes()))
    assert codes(root) == expected


def test_refusal_says_path_expected_and_found(root: Path) -> None:
    """A refusal names file, both hashes and both lengths, and hands out nothing."""
    (root / "sql/00_preflight.sql").write_bytes(b"SELECT 10;\n")
    with pytest.raises(SealBroken) as refused:
        read_sealed(root / "manifest-sha256.txt", root)
    was = hashlib.sha256(b"SELECT 0;\n").hexdigest()[:12]
    now = hashlib.sha256(b"SELECT 10;\n").hexdigest()[:12]
    assert str(refused.value) == (
        "seal manifest-sha256.txt is broken: 2 findings\n"
        f"  SHA256_MISMATCH sql/00_preflight.sql: expected {was}, found {now}\n"
        "  LENGTH_MISMATCH sql/00_preflight.sql: expected 10 bytes, found 11"
    )


def test_missing_and_unlisted_files_are_refused(root: Path) -> None:
    """A file too few and a file too many each have their code."""
    (root / "sql/00_preflight.sql").rename(root / "sql/05_new.sql")
    assert codes(root) == ["MISSING_FILE", "UNLISTED_FILE"]


def test_hidden_file_is_unlisted(root: Path) -> None:
    """A hidden file is a file too many."""
    (root / "sql/.psqlrc").write_text("\\set ON_ERROR_STOP off\n")
    assert codes(root) == ["UNLISTED_FILE"]


@pytest.mark.parametrize("below", ["file", "folder", "unlisted", "unlisted folder"])
def test_links_are_refused(root: Path, below: str, tmp_path: Path) -> None:
    """A link is refused, even where it leads to the very bytes that were sealed."""
    outside = tmp_path / "outside"
    if below == "file":
        (root / "read me.md").rename(outside)
        (root / "read me.md").symlink_to(outside)
    elif below == "folder":
        (root / "sql").rename(outside)
        (root / "sql").symlink_to(outside)
    elif below == "unlisted":
        (root / "other").symlink_to(root / "read me.md")
    else:
        (root / "other").symlink_to(root / "sql")
    assert set(codes(root)) == {"SYMLINK"}


def test_linked_manifest_is_refused(root: Path, tmp_path: Path) -> None:
    """A manifest that is itself a link is refused."""
    (root / "manifest-sha256.txt").rename(tmp_path / "elsewhere")
    (root / "manifest-sha256.txt").symlink_to(tmp_path / "elsewhere")
    assert codes(root) == ["SYMLINK"]


def test_pipe_in_a_files_place_is_refused_at_once(root: Path) -> None:
    """A named pipe in place of a file is refused, and nobody waits for its writer."""
    (root / "read me.md").unlink()
    os.mkfifo(root / "read me.md")
    assert codes(root) == ["NOT_A_FILE"]


def test_folder_in_a_files_place_is_refused(root: Path) -> None:
    """A folder that carries a sealed file's name is refused."""
    (root / "read me.md").unlink()
    (root / "read me.md").mkdir()
    assert codes(root) == ["NOT_A_FILE"]


def test_absent_manifest_is_refused(tmp_path: Path) -> None:
    """Where there is no manifest nothing holds."""
    assert codes(tmp_path) == ["MANIFEST_MISSING"]


PATHS = {
    "/etc/passwd": "ABSOLUTE_PATH",
    "C:/windows": "ABSOLUTE_PATH",
    "../outside.sql": "PATH_TRAVERSAL",
    "sql/../../outside.sql": "PATH_TRAVERSAL",
    "./read me.md": "PATH_NOT_PLAIN",
    "sql//10.sql": "PATH_NOT_PLAIN",
    "sql/": "PATH_NOT_PLAIN",
    "sql\\10.sql": "PATH_NOT_PLAIN",
    "a\tb": "PATH_NOT_PLAIN",
    " a": "PATH_NOT_PLAIN",
}


@pytest.mark.parametrize("path", list(PATHS))
def test_paths_that_lead_elsewhere_are_refused_unread(
    tmp_path: Path, path: str
) -> None:
    """A path that is not a plain one below the root is refused by its code, unread."""
    (tmp_path / "outside.sql").write_bytes(b"x")
    folder = tmp_path / "packet"
    folder.mkdir()
    reseal(folder, lines_for(path, b"x"))
    assert codes(folder) == [PATHS[path]]


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        ("a.sql", "a.sql", "DUPLICATE_PATH"),
        ("Tier.sql", "tier.sql", "PATH_CASE_TWIN"),
        ("SQL/1.sql", "sql/2.sql", "PATH_CASE_TWIN"),
        ("caf\u00e9.sql", "cafe\u0301.sql", "PATH_UNICODE_TWIN"),
    ],
    ids=["duplicate", "case", "folder case", "unicode form"],
)
def test_twin_paths_are_refused(
    tmp_path: Path, first: str, second: str, code: str
) -> None:
    """Two paths that a file system may take for one are refused by their code."""
    for path in {first, second}:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(b"x")
    reseal(tmp_path, [*lines_for(first, b"x"), *lines_for(second, b"x")])
    assert code in codes(tmp_path)


def test_unlisted_twin_of_a_sealed_file_is_told_as_such(root: Path) -> None:
    """A file beside its sealed case twin is unlisted, and told to be a twin."""
    (root / "READ ME.md").write_bytes(b"# other\n")
    assert codes(root) == ["UNLISTED_FILE", "PATH_CASE_TWIN"]


SUM = "0" * 64
MALFORMED = {
    "no path": ([SUM], "MALFORMED_MANIFEST_LINE"),
    "short hash": (["# bytes=1", f"{SUM[:63]}  a"], "MALFORMED_MANIFEST_LINE"),
    "upper-case hash": (["# bytes=1", f"{'A' * 64}  a"], "MALFORMED_MANIFEST_LINE"),
    "binary marker": (["# bytes=1", f"{SUM} *a"], "MALFORMED_MANIFEST_LINE"),
    "length without file": (
        [*lines_for("a", b""), "# bytes=1"],
        "MALFORMED_MANIFEST_LINE",
    ),
    "two lengths": (
        ["# bytes=1", "# bytes=0", f"{hashlib.sha256().hexdigest()}  a"],
        "MALFORMED_MANIFEST_LINE",
    ),
    "no length": (
        [*lines_for("a", b""), f"{hashlib.sha256().hexdigest()}  b"],
        "MALFORMED_LENGTH",
    ),
    "odd length": (
        ["# bytes=0x0", f"{hashlib.sha256().hexdigest()}  a"],
        "MALFORMED_LENGTH",
    ),
    "negative length": ([f"{hashlib.sha256().hexdigest()} -1 a"], "MALFORMED_LENGTH"),
    "nothing": ([], "MANIFEST_EMPTY"),
    "comments only": (["# bytes", "#"], "MANIFEST_EMPTY"),
}


@pytest.mark.parametrize("case", list(MALFORMED))
def test_malformed_manifests_are_refused(tmp_path: Path, case: str) -> None:
    """A manifest that cannot be read strictly is refused by its code."""
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").write_bytes(b"")
    lines, code = MALFORMED[case]
    reseal(tmp_path, lines)
    assert code in codes(tmp_path)


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda b: b"\xef\xbb\xbf" + b, "it begins with a byte order mark"),
        (
            lambda b: b.replace(b"\n", b"\r\n"),
            "it holds a carriage return: lines end with one LF",
        ),
        (lambda b: b[:-1], "its last line does not end: it may have been cut off"),
        (lambda b: b"\xff\n" + b, "byte 0 is no UTF-8"),
    ],
    ids=["bom", "crlf", "cut", "latin-1"],
)
def test_drifted_manifest_is_refused(
    root: Path, edit: Callable[[bytes], bytes], told: str
) -> None:
    """A manifest whose own text drifted is refused, and says how."""
    manifest = root / "manifest-sha256.txt"
    manifest.write_bytes(edit(manifest.read_bytes()))
    checked = check(manifest, root)
    assert checked.findings[0].code == "MALFORMED_MANIFEST"
    assert checked.findings[0].found == told


def test_pin_refuses_another_manifest(root: Path) -> None:
    """A manifest that was written anew is refused where its own hash is pinned."""
    manifest = root / "manifest-sha256.txt"
    pin = check(manifest, root).sha256
    (root / "read me.md").write_bytes(b"# changed\n")
    manifest.unlink()
    write(manifest, root)
    assert codes(root) == []
    assert codes(root, pin=pin) == ["MANIFEST_PIN_MISMATCH"]


def test_order_is_part_of_the_seal(root: Path) -> None:
    """Files run in another order than they are sealed in are refused."""
    order = ["sql/00_preflight.sql", "sql/10_structure.sql"]
    assert codes(root, ordered=order) == []
    assert codes(root, ordered=order[:1]) == []
    assert codes(root, ordered=order[::-1]) == ["ORDER_MISMATCH"]
    assert codes(root, ordered=[*order, order[1]]) == ["ORDER_MISMATCH"]
    assert codes(root, ordered=[*order, "sql/20.sql"]) == ["NOT_SEALED"]


def test_order_of_the_manifest_changes_its_hash(tmp_path: Path) -> None:
    """The same files sealed in another order have another manifest hash."""
    entries = [Entry.of("a", b"1"), Entry.of("b", b"2")]
    one, two = m.parse(m.render(entries)), m.parse(m.render(entries[::-1]))
    assert one.findings == two.findings == ()
    assert one.sha256 != two.sha256


def test_listed_scope_seals_the_named_files_alone(root: Path) -> None:
    """A seal over named files holds beside others, and still refuses their drift."""
    manifest = root.parent / "three.txt"
    write(manifest, root, ["sql/10_structure.sql"])
    assert check(manifest, root).holds
    (root / "sql/10_structure.sql").write_bytes(b"")
    assert not check(manifest, root).holds


def test_writing_never_replaces_another_seal(root: Path) -> None:
    """An identical manifest is left alone; one that says something else stays."""
    manifest = root / "manifest-sha256.txt"
    before = manifest.read_bytes()
    checked, written = write(manifest, root)
    assert (checked.holds, written) == (True, False)
    (root / "read me.md").write_bytes(b"drift")
    with pytest.raises(OneroofError) as refused:
        write(manifest, root)
    assert str(refused.value).startswith(
        f"{manifest} seals other bytes already: nothing was written over it"
    )
    assert manifest.read_bytes() == before


def test_what_cannot_be_sealed_is_refused(root: Path, tmp_path: Path) -> None:
    """A link or an odd name is refused when sealing, and no manifest is written."""
    (root / "link").symlink_to(root / "read me.md")
    (root / "two\nlines").write_bytes(b"")
    manifest = tmp_path / "new.txt"
    with pytest.raises(SealBroken) as refused:
        write(manifest, root)
    found = {f.code for f in refused.value.findings}
    assert found == {"SYMLINK", "PATH_NOT_PLAIN"}
    assert not manifest.exists()


def test_bytes_handed_out_are_those_that_were_compared(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sealed file is opened once: there is no second read to exchange it in."""
    opened: list[str] = []
    real = os.open

    def counting(path: str, *args: int, **named: int) -> int:
        opened.append(os.fspath(path))
        return real(path, *args, **named)

    monkeypatch.setattr(os, "open", counting)
    files = read_sealed(root / "manifest-sha256.txt", root)
    assert opened.count("10_structure.sql") == 1
    assert files["sql/10_structure.sql"] == TEXT
