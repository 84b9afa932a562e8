"""A history's lines: no edit, loss or addition of one passes, and a cut line does."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.errors import OneroofError, SettingsError
from pytest_oneroof.history.chain import Head, against_pins, line_of, read_chain
from pytest_oneroof.history.store import History, histories, require_folder


def written(folder: Path, lines: int = 5) -> History:
    """Return a history of so many lines."""
    history = History(folder, "shop-clone")
    for number in range(lines):
        history.append({"kind": "run", "at": f"day {number}", "note": "é\ud800 = ok"})
    return history


def test_what_is_added_is_read_again(tmp_path: Path) -> None:
    """Entries come back in order, numbered, and the head is the last one."""
    history = written(tmp_path)
    chain = history.read()
    assert (chain.findings, chain.cut) == ((), False)
    assert [entry["number"] for entry in chain.entries] == [1, 2, 3, 4, 5]
    assert chain.entries[4]["at"] == "day 4"
    told = json.loads(history.head_file.read_text())
    assert Head(told["number"], told["sha256"]) == chain.head


@pytest.mark.parametrize("line", range(5))
@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda x: x.replace(b"day", b"dax"), "it was edited"),
        (lambda x: x.replace(b'":', b'": ', 1), "it was edited"),
        (lambda x: x.replace(b'"at"', b'"kind":"x","at"', 1), "a key is given twice"),
        (lambda x: b"", "it is no JSON"),
        (lambda x: b"[]", "it is no line of a history"),
        (lambda x: x[:40], "it is no JSON"),
    ],
)
def test_edited_line_is_found(tmp_path: Path, line: int, edit: Any, found: str) -> None:
    """Any edit of any line is told with its number, and nothing is added after it."""
    history = written(tmp_path)
    lines = history.file.read_bytes().split(b"\n")
    lines[line] = edit(lines[line])
    data = b"\n".join(lines)
    history.file.write_bytes(data)
    (finding,) = history.read().findings
    assert finding.startswith(f"line {line + 1}: ")
    assert found in finding
    with pytest.raises(OneroofError, match="does not hold, and is not continued"):
        history.append({"kind": "run"})
    assert history.file.read_bytes() == data


@pytest.mark.parametrize("line", range(5))
def test_missing_line_is_found(tmp_path: Path, line: int) -> None:
    """A line taken out is found in the middle by the chain, at the end by the head."""
    history = written(tmp_path)
    lines = history.file.read_bytes().splitlines(keepends=True)
    history.file.write_bytes(b"".join(lines[:line] + lines[line + 1 :]))
    (finding,) = history.read().findings
    assert "missing" in finding


def test_all_lines_missing_are_found(tmp_path: Path) -> None:
    """Neither an emptied file nor a deleted one begins a new history."""
    history = written(tmp_path)
    for lose in (lambda: history.file.write_bytes(b""), history.file.unlink):
        lose()
        told = "its last lines are missing: 0 of 5 lines are there"
        assert history.read().findings == (told,)
        assert histories(tmp_path) == [history]


def test_two_lines_exchanged_are_found(tmp_path: Path) -> None:
    """Lines are in one order alone."""
    history = written(tmp_path)
    lines = history.file.read_bytes().splitlines(keepends=True)
    history.file.write_bytes(b"".join([lines[1], lines[0], *lines[2:]]))
    assert history.read().findings[0].startswith("line 1: a line is missing")


def test_replaced_line_is_found(tmp_path: Path) -> None:
    """A line with a right hash of its own does not fit between its neighbours."""
    history = written(tmp_path)
    lines = history.file.read_bytes().splitlines(keepends=True)
    before = Head(2, json.loads(lines[1])["sha256"])
    lines[2] = line_of({"kind": "run", "at": "forged"}, before)[0]
    history.file.write_bytes(b"".join(lines))
    told = "line 4: it does not follow the line before it, which was replaced"
    assert history.read().findings == (told,)


def test_last_line_replaced_or_added_is_found(tmp_path: Path) -> None:
    """What the chain alone would take, the head does not."""
    history = written(tmp_path)
    lines = history.file.read_bytes().splitlines(keepends=True)
    before = Head(4, json.loads(lines[3])["sha256"])
    forged, head = line_of({"kind": "run", "at": "forged"}, before)
    history.file.write_bytes(b"".join([*lines[:4], forged]))
    told = "line 5: it is not the one that its head names"
    assert history.read().findings == (told,)
    more = [forged]
    for _ in range(2):
        line, head = line_of({"kind": "run"}, head)
        more.append(line)
    whole = [*lines, *[line_of({}, Head(n, "0" * 64))[0] for n in (5, 6)]]
    history.file.write_bytes(b"".join(whole))
    assert "line 6" in history.read().findings[0]


def test_whole_history_made_anew_is_found_by_a_pin(tmp_path: Path) -> None:
    """The log of an earlier run knows the hash of its line."""
    true, forged = written(tmp_path / "a"), History(tmp_path / "b", "shop-clone")
    for number in range(5):
        forged.append({"kind": "run", "at": f"day {number}", "note": "forged"})
    pin = {3: true.read().entries[2]["sha256"][:12]}
    assert against_pins(true.read().entries, pin) == []
    (finding,) = against_pins(forged.read().entries, pin)
    assert finding.startswith("line 3: its hash is ")
    assert against_pins(true.read().entries, {9: pin[3]})[0].startswith(
        "line 9: its hash is absent"
    )


def test_lost_head_is_found(tmp_path: Path) -> None:
    """Without its head nobody knows whether a history is whole."""
    history = written(tmp_path)
    history.head_file.unlink()
    assert "its head is missing" in history.read().findings[0]
    history.head_file.write_text("{}")
    with pytest.raises(OneroofError, match="does not tell a last line"):
        history.read()


def test_run_that_was_ended_while_it_wrote(tmp_path: Path) -> None:
    """Half a line is taken off by the next run; a line its head misses is kept."""
    history = written(tmp_path)
    data, head = history.file.read_bytes(), history.head_file.read_bytes()
    history.file.write_bytes(data + b'{"half":')
    chain = history.read()
    assert (chain.findings, chain.cut, len(chain.entries)) == ((), True, 5)
    history.append({"kind": "run"})
    history.head_file.write_bytes(head)  # ended between the line and the head
    assert history.read().findings == ()
    assert history.append({"kind": "run"}).number == 7
    assert history.read().findings == ()
    assert history.file.read_bytes().startswith(data)


def test_half_of_the_last_line_is_missing(tmp_path: Path) -> None:
    """Where the head knows the line that is cut, it is missing, and told so."""
    history = written(tmp_path)
    history.file.write_bytes(history.file.read_bytes()[:-9])
    told = "its last lines are missing: 4 of 5 lines are there, the next one incomplete"
    assert history.read().findings == (told,)


def test_runs_beside_each_other_add_each_its_line(tmp_path: Path) -> None:
    """No line is lost, and the chain holds, whoever comes first."""
    history = History(tmp_path, "shop-clone")
    threads = [
        threading.Thread(
            target=lambda: [history.append({"kind": "run"}) for _ in range(10)]
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chain = history.read()
    assert (chain.findings, len(chain.entries)) == ((), 40)


def test_history_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is told; neither half a line nor another head is left."""
    history = written(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    write, calls = os.write, []

    def full(descriptor: int, data: bytes) -> int:
        if calls:
            raise OSError(28, "No space left on device")
        calls.append(descriptor)
        return write(descriptor, data[:10])

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OneroofError, match="cannot be written: No space left"):
        history.append({"kind": "run"})
    monkeypatch.undo()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_folder_is_looked_at_beforehand(tmp_path: Path) -> None:
    """A URL, a file, a folder of the report: refused with what to do."""
    (tmp_path / "file").write_text("")
    for place, told in (
        (Path("https://example.org/history"), "this is a URL"),
        (tmp_path / "file", "cannot be written: File exists"),
        (tmp_path / "out" / "history", "lies in the folder of the report"),
    ):
        with pytest.raises(SettingsError, match=told):
            require_folder(place, tmp_path / "out")


def test_number_of_a_line_is_its_place() -> None:
    """A number that is none, or another one, is no place in a chain."""
    line, head = line_of({"kind": "run"}, Head())
    assert read_chain(line, head).findings == ()
    other, _ = line_of({"kind": "run"}, Head(7, Head().sha256))
    assert "it is number 8, and 1 was due" in read_chain(other, None).findings[0]
