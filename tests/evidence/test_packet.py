"""Tests of evidence packets: what is in them, and that each byte of one counts."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import pytest

from pytest_oneroof.errors import OneroofError, SettingsError
from pytest_oneroof.packet import files as pf
from pytest_oneroof.packet import write as packets
from pytest_oneroof.packet.write import verify_packet, write_packet

from .packets import BAD, GOOD, RUN, codes, forge, script


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    """The packet of a good run."""
    folder = tmp_path / "out"
    answer = write_packet(folder, GOOD)
    assert answer.status == 0, answer.lines
    return folder


def test_packet_holds_every_required_file(packet: Path) -> None:
    """A run's packet has the files of the format, and lists them all but two."""
    there = {p.relative_to(packet).as_posix() for p in packet.rglob("*") if p.is_file()}
    listed = {
        line[66:] for line in (packet / pf.HASH_MANIFEST).read_text().splitlines()
    }
    assert there - listed == {pf.HASH_MANIFEST, pf.TREE}
    assert listed >= {
        "README_FOR_REVIEWER.md",
        "commands.sh",
        "RERUN.sh",
        "exit_codes.json",
        "manifest.json",
        "results.json",
    }


def test_manifest_claims_no_authority(packet: Path) -> None:
    """A packet's manifest gates nothing and decides nothing."""
    manifest = json.loads((packet / "manifest.json").read_text())
    assert manifest["may_gate"] is False
    assert manifest["decision_effect"] == "NONE"
    assert manifest["authority"] == "none"
    assert manifest["levels_targeted"] == ["L0", "L1", "L2", "L3"]


def test_answer_tells_tree_verdict_and_counts(packet: Path) -> None:
    """Verifying tells the tree hash, the level, and what the packet records."""
    tree = (packet / pf.TREE).read_text()[:64]
    answer = verify_packet(packet)
    assert answer.lines == (
        f"packet holds: 16 files, tree {tree}",
        "levels L0, L1, L2, L3 reached; it records GO (clone), 2 of 2 checks passed",
    )
    assert answer.data["verdict"] == "GO"
    assert answer.data["level_reached"] == "L3"


def test_attestations_are_computed(packet: Path) -> None:
    """Each attestation says 'no' with what shows it."""
    told = json.loads((packet / "attestations.json").read_text())
    assert {name: a["answer"] for name, a in told.items()} == {
        "production_mutation": "no",
        "live_production_contact": "no",
        "real_run": "no",
        "cutover": "no",
        "deploy_triggered": "no",
        "secrets_changed": "no",
    }
    assert told["production_mutation"]["shown_by"] == (
        "2 figures at entry = exit, no transaction id assigned"
    )


def test_passwords_do_not_enter_a_packet(packet: Path) -> None:
    """A URL's password among the settings is in no file of the packet."""
    for file in packet.rglob("*"):
        if file.is_file():
            assert b"hunter2" not in file.read_bytes()
    settings = json.loads((packet / "settings.json").read_text())
    assert settings["clone_url"] == {
        "value": "postgresql://u:***@h/d",
        "source": "ONEROOF_CLONE_URL",
    }


def test_each_single_file_changed_is_named(packet: Path, tmp_path: Path) -> None:
    """Of every file in turn, one byte changed: the packet is refused, naming it."""
    for name in sorted(p.name for p in packet.iterdir()):
        copy = shutil.copytree(packet, tmp_path / "copy")
        data = (copy / name).read_bytes()
        (copy / name).write_bytes(data[:-2] + bytes([data[-2] ^ 1]) + data[-1:])
        found = codes(copy)
        assert found
        if name == pf.TREE:
            assert {path for _, path in found} == {pf.TREE, pf.HASH_MANIFEST}
        else:
            assert name in {path for _, path in found}
        shutil.rmtree(copy)


def test_each_single_file_removed_is_named(packet: Path, tmp_path: Path) -> None:
    """Of every file in turn, removed: the packet is refused, naming it."""
    for name in sorted(p.name for p in packet.iterdir()):
        copy = shutil.copytree(packet, tmp_path / "copy")
        (copy / name).unlink()
        assert name in {path for _, path in codes(copy)}
        shutil.rmtree(copy)


@pytest.mark.parametrize(
    "name", ["extra.txt", ".hidden", "report/x.html", "evidence/a"]
)
def test_a_file_too_many_is_named(packet: Path, name: str) -> None:
    """A file that nothing lists is refused, wherever it lies."""
    (packet / name).parent.mkdir(exist_ok=True)
    (packet / name).write_text("x")
    assert codes(packet) == [("UNLISTED_FILE", name)]


def test_wrong_tree_pin_is_refused(packet: Path) -> None:
    """A packet that is not the one whose tree hash was given is refused."""
    tree = (packet / pf.TREE).read_text()[:64]
    assert codes(packet, pin=tree) == []
    assert codes(packet, pin="0" * 64) == [("TREE_PIN_MISMATCH", pf.TREE)]


def test_lines_out_of_order_are_refused(packet: Path) -> None:
    """A manifest whose lines are not in bytewise order is refused."""
    lines = (packet / pf.HASH_MANIFEST).read_text().splitlines(keepends=True)
    text = "".join(lines[::-1])
    (packet / pf.HASH_MANIFEST).write_text(text)
    tree = pf.hashlib.sha256(text.encode()).hexdigest()
    (packet / pf.TREE).write_text(f"{tree}  {pf.HASH_MANIFEST}\n")
    assert codes(packet) == [("ORDER_MISMATCH", pf.HASH_MANIFEST)]


def test_failed_run_gives_a_packet_that_holds_and_says_no_go(tmp_path: Path) -> None:
    """A NO-GO run's packet is whole for its scripts too; they say NO-GO, and why."""
    folder = tmp_path / "out"
    answer = write_packet(folder, BAD)
    assert answer.status == 0
    assert answer.data["verdict"] == "NO-GO"
    status, printed = script(folder, "RERUN.sh")
    assert status == 0
    assert printed.splitlines() == [
        "OVERALL_RESULT: PASS",
        "RUN_VERDICT: NO-GO",
        "  because oneroof/test_coverage.py::test_r1_1 failed",
        "RERUN_RESULT: PASS",
    ]
    assert json.loads((folder / "exit_codes.json").read_text()) == {
        "gates": {"G0": 0, "G1": 0, "G2": 0, "G3": 0},
        "overall": "PASS",
        "verdict": "NO-GO",
    }


def test_rerun_verifies_a_copy_elsewhere(packet: Path, tmp_path: Path) -> None:
    """RERUN.sh of a packet that was copied elsewhere passes, and changes nothing."""
    copy = shutil.copytree(packet, tmp_path / "else where" / "copy")
    before = {p.name: p.read_bytes() for p in copy.iterdir()}
    assert script(copy, "RERUN.sh") == (
        0,
        "OVERALL_RESULT: PASS\nRUN_VERDICT: GO\nRERUN_RESULT: PASS\n",
    )
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == before


def test_commands_leave_an_untouched_packet_as_it_is(packet: Path) -> None:
    """commands.sh writes the very exit_codes.json that is sealed."""
    printed = "OVERALL_RESULT: PASS\nRUN_VERDICT: GO\n"
    assert script(packet, "commands.sh") == (0, printed)
    assert codes(packet) == []


@pytest.mark.parametrize("how", ["changed", "removed", "added", "linked", "status"])
def test_scripts_refuse_what_verify_refuses(packet: Path, how: str) -> None:
    """The shell gates alone find a changed, missing or extra file and a false GO."""
    file = packet / "results.json"
    if how == "changed":
        file.write_bytes(file.read_bytes().replace(b"passed", b"passeD", 1))
    elif how == "removed":
        file.unlink()
    elif how == "added":
        (packet / "extra").write_text("x")
    elif how == "linked":
        (packet / "extra").symlink_to(file)
    else:
        forge(packet, "results.tsv", lambda d: d.replace(b"\tpassed", b"\tfailed", 1))
    status, printed = script(packet, "RERUN.sh")
    assert status == 1
    assert "PASS" not in printed
    assert "GO" not in printed


def test_earlier_packet_is_replaced_and_nothing_else(packet: Path) -> None:
    """A second run replaces its packet; a folder with anything else stays whole."""
    first = (packet / pf.TREE).read_text()
    later = dataclasses.replace(RUN, finished="2026-06-12T08:00:00Z")
    assert write_packet(packet, dataclasses.replace(GOOD, run=later)).status == 0
    assert (packet / pf.TREE).read_text() != first
    (packet / "notes.txt").write_text("mine")
    before = sorted(p.name for p in packet.iterdir())
    with pytest.raises(SettingsError) as refused:
        write_packet(packet, GOOD)
    assert str(refused.value).startswith(
        f"--oneroof-report {packet} holds other files: "
    )
    assert sorted(p.name for p in packet.iterdir()) == before
    assert sorted(p.name for p in packet.parent.iterdir()) == ["out"]


def test_reports_are_sealed_too(tmp_path: Path) -> None:
    """Report files lie beside the others, listed like every other."""
    folder = tmp_path / "out"
    given = dataclasses.replace(GOOD, reports={"report.html": b"<h1>GO</h1>"})
    assert write_packet(folder, given).status == 0
    (folder / "report.html").write_text("<h1>NO-GO</h1>")
    assert {path for _, path in codes(folder)} == {"report.html"}


def test_packet_of_another_version_is_compared_by_its_heading(tmp_path: Path) -> None:
    """A packet of another version holds; its heading still must say its verdict."""
    folder = tmp_path / "out"
    old = dataclasses.replace(RUN, tool="pytest-oneroof 0.0.1")
    assert write_packet(folder, dataclasses.replace(GOOD, run=old)).status == 0
    forge(folder, "README_FOR_REVIEWER.md", lambda d: d + b"\nmore\n")
    assert codes(folder) == []
    forge(folder, "README_FOR_REVIEWER.md", lambda d: d + b"CUTOVER\n")
    assert codes(folder) == [("FORBIDDEN_TOKEN", "README_FOR_REVIEWER.md")]
    forge(folder, "README_FOR_REVIEWER.md", lambda d: d.replace(b": GO", b": NO-GO", 1))
    assert codes(folder) == [("STATUS_DISAGREES", "README_FOR_REVIEWER.md")]


def test_absent_folder_is_wrong_use(tmp_path: Path) -> None:
    """Verifying a folder that is not there is wrong use, status 2."""
    answer = verify_packet(tmp_path / "nowhere")
    assert answer.status == 2
    assert answer.lines == (f"there is no packet folder {tmp_path / 'nowhere'}",)


def test_packet_is_replaced_where_names_cannot_be_exchanged(
    packet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On other systems two renames do it, and one that fails leaves the earlier."""
    monkeypatch.setattr(packets, "_exchange", lambda one, other: False)
    later = dataclasses.replace(GOOD, run=dataclasses.replace(RUN, phase="seeded"))
    assert write_packet(packet, later).status == 0
    tree = (packet / pf.TREE).read_text()
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.name == "packet":
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OneroofError) as failed:
        write_packet(packet, GOOD)
    assert str(failed.value) == (
        f"the evidence packet cannot be written to {packet}: No space left on device"
    )
    assert (packet / pf.TREE).read_text() == tree
    assert verify_packet(packet).status == 0
    assert [path.name for path in packet.parent.iterdir()] == [packet.name]


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_packet_is_exchanged_in_one_step(
    packet: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Linux there is no moment at which neither packet has the name."""

    def rename(self: Path, target: Path) -> Path:
        raise AssertionError(f"{self} was renamed")

    monkeypatch.setattr(Path, "rename", rename)
    later = dataclasses.replace(GOOD, run=dataclasses.replace(RUN, phase="seeded"))
    assert write_packet(packet, later).status == 0
