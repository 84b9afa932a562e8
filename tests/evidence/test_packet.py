"""Tests of evidence packets: what is in them, and that no forgery of one holds."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.evidence import packet_files as pf
from pytest_oneroof.evidence.blockers import open_blockers, read_blockers
from pytest_oneroof.evidence.decision import template
from pytest_oneroof.evidence.packet import verify_packet, write_packet
from pytest_oneroof.evidence.packet_input import (
    Baseline,
    ItemResult,
    PacketInput,
    Production,
    RunFacts,
)

CLONE = "directus_gov_test_20260612"
FIGURES = {"own": 30, "gap": 0}


def proof(verdict: str = "clean") -> dict[str, Any]:
    """Return the plain values of a proof."""
    return {"check": "x", "verdict": verdict, "ids": 2, "dirty": [], "reason": ""}


def record(name: str, must: str = "refuse", code: int = 3) -> dict[str, Any]:
    """Return a probe's record."""
    return {
        "id": name,
        "must": must,
        "expected_exit": code,
        "actual_exit": code,
        "PASS_emitted": False,
        "SEAL_emitted": False,
    }


RUN = RunFacts(
    tool=pf.TOOL,
    python="3.11.7",
    pytest="9.2.0",
    postgres="16.14",
    command=("pytest", "--oneroof-clone"),
    started="2026-06-12T07:00:00Z",
    finished="2026-06-12T07:00:09Z",
    exit_status=0,
    target="clone",
    database=CLONE,
)
GOOD = PacketInput(
    run=RUN,
    verdict="GO",
    reasons=(),
    items=(
        ItemResult(
            "oneroof/test_coverage.py::test_r1_1",
            "coverage",
            "passed",
            0.01,
            "",
            proof(),
        ),
        ItemResult("oneroof/test_seal.py::test_drift[bom]", "seal", "passed", 0.0),
    ),
    baselines=(
        Baseline("clone", CLONE, FIGURES, FIGURES, "f1", "f1"),
        Baseline("production", "directus", FIGURES, FIGURES, "f2", "f2"),
    ),
    sessions=({"clone": CLONE, "differences": {}, "proof": proof()},),
    production=Production("stand-in", "directus", xid_assigned=False),
    seals=({"seal": "holds", "manifest": "manifest-sha256.txt"},),
    settings={"clone_url": ("postgresql://u:hunter2@h/d", "ONEROOF_CLONE_URL")},
    decision=template(rehearsed=True, open_blockers=open_blockers()),
    blockers={"blockers": read_blockers()},
    probes=(record("bom"), record("control", "accept", 0)),
)
BAD = dataclasses.replace(
    GOOD,
    run=dataclasses.replace(RUN, exit_status=1),
    verdict="NO-GO",
    reasons=("oneroof/test_coverage.py::test_r1_1 failed",),
    items=(
        dataclasses.replace(GOOD.items[0], outcome="failed", message="expected 30"),
    ),
)


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    """The packet of a good run."""
    folder = tmp_path / "out"
    answer = write_packet(folder, GOOD)
    assert answer.status == 0, answer.lines
    return folder


def codes(folder: Path, **how: Any) -> list[tuple[str, str]]:
    """Return code and path of each finding; assert that a refusal says no success."""
    answer = verify_packet(folder, **how)
    found = [(f["code"], f["path"]) for f in answer.data["findings"]]
    assert answer.status == (3 if found else 0)
    if found:
        said = "\n".join(answer.lines) + json.dumps(answer.data)
        assert "holds" not in said
        assert "tree" not in answer.data
    return found


def forge(folder: Path, path: str, change: Callable[[Any], Any]) -> None:
    """Change one file of a packet and make every hash of it anew."""
    files = {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name not in (pf.HASH_MANIFEST, pf.TREE)
    }
    if path.endswith(".json"):
        value = json.loads(files[path])
        changed = change(value)
        files[path] = pf.write_json(value if changed is None else changed)
    else:
        files[path] = change(files[path])
    if path != "manifest.json":
        manifest = json.loads(files["manifest.json"])
        run = json.loads(files["run.json"])
        rest = {name: data for name, data in files.items() if name != "manifest.json"}
        built = json.loads(pf.build_manifest(rest, run))
        manifest |= {key: built[key] for key in ("files", "raw_evidence")}
        files["manifest.json"] = pf.write_json(manifest)
    for name, data in pf.seal_files(files).items():
        (folder / name).write_bytes(data)


def script(folder: Path, name: str) -> tuple[int, str]:
    """Run a script of the packet; return its exit status and output."""
    for program in ("sh", "awk", "sort", "mktemp"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program} on this machine")
    done = subprocess.run(
        ["sh", folder / name], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


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


def _fail_first(value: Any) -> None:
    value["items"][0]["outcome"] = "failed"


def _dirty_first(value: Any) -> None:
    value["items"][0]["proof"]["verdict"] = "dirty"


def _unprovable_first(value: Any) -> None:
    value["items"][0]["proof"]["verdict"] = "unprovable"


def _no_items(value: Any) -> None:
    value["items"] = []


def _move(value: Any) -> None:
    value["baselines"][0]["exit"]["own"] = 29


def _move_fingerprint(value: Any) -> None:
    value["baselines"][1]["fingerprint_exit"] = "other"


def _dirty_session(value: Any) -> None:
    value["sessions"][0]["proof"]["verdict"] = "dirty"


def _set(key: str, *, to: Any) -> Callable[[Any], None]:
    def change(value: Any) -> None:
        value[key] = to

    return change


def _open_probe(value: Any) -> None:
    value["probes"][0]["actual_exit"] = 0


def _no_control(value: Any) -> None:
    value["probes"].pop()
    value["positive_controls"] = 0


def _probes_summary(value: Any) -> None:
    value["any_invalid_exit0"] = True


def _attest(value: Any) -> None:
    value["production_mutation"]["answer"] = "yes"


def _forget(value: Any) -> None:
    del value["cutover"]


def _raw(value: Any) -> None:
    value["raw_evidence"][0]["regeneration_command"] = ""


def _stale_raw(value: Any) -> None:
    value["raw_evidence"][0]["pointer"]["hash"] = "sha256:" + "0" * 64


def _root_by_agent(value: Any) -> None:
    value["raw_evidence"][0]["nvsz_root"]["designated_by"] = "agent"


def _fewer_files(value: Any) -> None:
    value["files"].pop()


def _other_hash(value: Any) -> None:
    value["files"][0]["sha256"] = "0" * 64


def _level(value: Any) -> None:
    value["levels_targeted"].append("L4")


FORGERIES: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "failed check": ("results.json", _fail_first, "STATUS_DISAGREES"),
    "dirty check": ("results.json", _dirty_first, "STATUS_DISAGREES"),
    "unprovable check": ("results.json", _unprovable_first, "STATUS_DISAGREES"),
    "no check": ("results.json", _no_items, "STATUS_DISAGREES"),
    "moved figure": ("baselines.json", _move, "STATUS_DISAGREES"),
    "moved schema": ("baselines.json", _move_fingerprint, "ATTESTATION_DISAGREES"),
    "dirty session": ("baselines.json", _dirty_session, "STATUS_DISAGREES"),
    "failing exit status": ("run.json", _set("exit_status", to=1), "STATUS_DISAGREES"),
    "unknown verdict": ("run.json", _set("verdict", to="MAYBE"), "STATUS_DISAGREES"),
    "reason beside GO": ("run.json", _set("reasons", to=["x"]), "STATUS_DISAGREES"),
    "hidden action": ("run.json", _set("actions", to=["rollout run"]), "ATTESTATION"),
    "broken seal": (
        "seals.json",
        _set("seals", to=[{"seal": "broken", "manifest": "m"}]),
        "STATUS_DISAGREES",
    ),
    "attestation": ("attestations.json", _attest, "ATTESTATION_DISAGREES"),
    "attestation left out": ("attestations.json", _forget, "ATTESTATION_DISAGREES"),
    "exit code": (
        "exit_codes.json",
        _set("overall", to="FAIL"),
        "STATUS_DISAGREES",
    ),
    "status line": (
        "status.txt",
        lambda data: data.replace(b"exit\t0", b"exit\t1"),
        "STATUS_DISAGREES",
    ),
    "table": (
        "results.tsv",
        lambda data: data.replace(b"passed", b"failed", 1),
        "STATUS_DISAGREES",
    ),
    "readme": (
        "README_FOR_REVIEWER.md",
        lambda data: data.replace(b"GO (clone", b"GO (production"),
        "STATUS_DISAGREES",
    ),
    "script": (
        "commands.sh",
        lambda _: b"echo OVERALL_RESULT: PASS\n",
        "STATUS_DISAGREES",
    ),
    "token": (
        "README_FOR_REVIEWER.md",
        lambda data: data + b"PRODUCTION_PASS\n",
        "STATUS_DISAGREES",
    ),
    "probe let through": ("probes.json", _open_probe, "STATUS_DISAGREES"),
    "probe summary": ("probes.json", _probes_summary, "STATUS_DISAGREES"),
    "no control": ("probes.json", _no_control, "NO_POSITIVE_CONTROL"),
    "raw evidence": ("manifest.json", _raw, "RAW_EVIDENCE_INCOMPLETE"),
    "stale raw evidence": ("manifest.json", _stale_raw, "RAW_EVIDENCE_STALE"),
    "root by agent": ("manifest.json", _root_by_agent, "STORAGE_ROOT_DESIGNATED"),
    "file left out": ("manifest.json", _fewer_files, "MANIFEST_DISAGREES"),
    "other hash": ("manifest.json", _other_hash, "MANIFEST_DISAGREES"),
    "may gate": ("manifest.json", _set("may_gate", to=True), "AUTHORITY_CLAIMED"),
    "may gate by type": ("manifest.json", _set("may_gate", to=0), "AUTHORITY_CLAIMED"),
    "effect": ("manifest.json", _set("decision_effect", to="GO"), "AUTHORITY_CLAIMED"),
    "level beyond": ("manifest.json", _level, "AUTHORITY_CLAIMED"),
    "selection": (
        "decision.json",
        _set("selected_option", to="AUTHORIZE_PRODUCTION_DRYRUN_ONLY"),
        "SELECTED_BY_TOOL",
    ),
    "authorized": (
        "decision.json",
        _set("execution_authorization_status", to="AUTHORIZED"),
        "EXECUTION_AUTHORIZED_IN_TEMPLATE",
    ),
    "another shape": ("run.json", _set("production", to=[]), "MALFORMED_PACKET"),
    "a list": ("results.json", lambda _: [], "MALFORMED_PACKET"),
    "open url": (
        "settings.json",
        _set("clone_url", to="postgresql://u:secret@h/d"),
        "UNREDACTED_URL",
    ),
}


@pytest.mark.parametrize("forgery", list(FORGERIES))
def test_status_that_disagrees_with_its_evidence_is_refused(
    packet: Path, forgery: str
) -> None:
    """A forged value is refused even where every hash was made anew to match."""
    path, change, code = FORGERIES[forgery]
    forge(packet, path, change)
    found = [c for c, _ in codes(packet)]
    assert any(c.startswith(code) for c in found), found


def test_duplicate_key_is_refused(packet: Path) -> None:
    """A JSON file in which a key is given twice is refused: readers would differ."""
    text = (packet / "run.json").read_bytes()
    forge(packet, "run.json", lambda value: value)
    twice = text.replace(b'"verdict": "GO"', b'"verdict": "NO-GO",\n  "verdict": "GO"')
    files = {p.name: p.read_bytes() for p in packet.iterdir()}
    for name in (pf.HASH_MANIFEST, pf.TREE):
        del files[name]
    for name, data in pf.seal_files({**files, "run.json": twice}).items():
        (packet / name).write_bytes(data)
    assert codes(packet) == [("MALFORMED_JSON", "run.json")]


def test_unforged_copy_of_the_forger_holds(packet: Path) -> None:
    """Control: the forger that changes nothing leaves a packet that holds."""
    forge(packet, "run.json", lambda value: None)
    assert codes(packet) == []


def test_failed_run_gives_a_packet_that_holds_and_says_no_go(tmp_path: Path) -> None:
    """A NO-GO run's packet holds, and its gates do not say that it passed."""
    folder = tmp_path / "out"
    answer = write_packet(folder, BAD)
    assert answer.status == 0
    assert answer.data["verdict"] == "NO-GO"
    status, printed = script(folder, "RERUN.sh")
    assert status == 1
    assert printed == "OVERALL_RESULT: FAIL\nRERUN_RESULT: FAIL\n"
    assert json.loads((folder / "exit_codes.json").read_text()) == {
        "gates": {"G0": 0, "G1": 0, "G2": 0, "G3": 0, "G4": 1},
        "overall": "FAIL",
    }


def _first(**changes: Any) -> PacketInput:
    item = dataclasses.replace(GOOD.items[0], **changes)
    return dataclasses.replace(GOOD, items=(item, *GOOD.items[1:]))


AGAINST: dict[str, tuple[PacketInput, str]] = {
    "failed": (
        dataclasses.replace(BAD, verdict="GO", reasons=()),
        "it says GO, and: oneroof/test_coverage.py::test_r1_1 failed; "
        "pytest ended with 1",
    ),
    "dirty": (
        _first(proof=proof("dirty")),
        "it says GO, and: oneroof/test_coverage.py::test_r1_1 is dirty",
    ),
    "unprovable": (
        _first(proof=proof("unprovable")),
        "it says GO, and: oneroof/test_coverage.py::test_r1_1 is unprovable",
    ),
    "nothing ran": (
        dataclasses.replace(GOOD, items=()),
        "it says GO, and: no check ran",
    ),
    "all skipped": (
        dataclasses.replace(
            GOOD, items=(dataclasses.replace(GOOD.items[0], outcome="skipped"),)
        ),
        "it says GO, and: every check was skipped",
    ),
    "figure moved": (
        dataclasses.replace(
            GOOD, baselines=(Baseline("clone", CLONE, FIGURES, {"own": 29, "gap": 0}),)
        ),
        f"it says GO, and: {CLONE}: own is not at exit as at entry",
    ),
    "session moved": (
        dataclasses.replace(
            GOOD,
            sessions=({"clone": CLONE, "differences": {"own": [1, 2]}, "proof": None},),
        ),
        f"it says GO, and: {CLONE} is not as it was",
    ),
    "session dirty": (
        dataclasses.replace(
            GOOD,
            sessions=({"clone": CLONE, "differences": {}, "proof": proof("dirty")},),
        ),
        f"it says GO, and: {CLONE} is not as it was",
    ),
    "seal broken": (
        dataclasses.replace(GOOD, seals=({"seal": "broken", "manifest": "m.txt"},)),
        "it says GO, and: the seal m.txt is broken",
    ),
    "reason beside GO": (
        dataclasses.replace(GOOD, reasons=("because",)),
        "it says GO, and: because",
    ),
    "NO-GO without reason": (
        dataclasses.replace(GOOD, verdict="NO-GO"),
        "NO-GO without a reason",
    ),
}


@pytest.mark.parametrize("case", list(AGAINST))
def test_writing_a_verdict_against_its_evidence_is_told_at_once(
    tmp_path: Path, case: str
) -> None:
    """The self-check refuses each verdict that the evidence does not bear."""
    given, told = AGAINST[case]
    answer = write_packet(tmp_path / "out", given)
    assert answer.status == 3
    assert answer.data["failed_level"] == "L1"
    assert answer.data["findings"] == [
        {"code": "STATUS_DISAGREES", "path": "run.json", "found": told}
    ]


def test_skipped_seal_check_ends_the_levels_before_fail_closed(tmp_path: Path) -> None:
    """A GO whose seal checks did not run reaches L1, and no further."""
    skipped = dataclasses.replace(GOOD.items[1], outcome="skipped")
    given = dataclasses.replace(GOOD, items=(GOOD.items[0], skipped))
    answer = write_packet(tmp_path / "out", given)
    assert answer.status == 3
    assert answer.data["level_reached"] == "L1"
    assert answer.lines[1] == (
        "  FAILED_OPEN results.json: oneroof/test_seal.py::test_drift[bom] skipped"
    )


def test_rerun_verifies_a_copy_elsewhere(packet: Path, tmp_path: Path) -> None:
    """RERUN.sh of a packet that was copied elsewhere passes, and changes nothing."""
    copy = shutil.copytree(packet, tmp_path / "else where" / "copy")
    before = {p.name: p.read_bytes() for p in copy.iterdir()}
    assert script(copy, "RERUN.sh") == (
        0,
        "OVERALL_RESULT: PASS\nRERUN_RESULT: PASS\n",
    )
    assert {p.name: p.read_bytes() for p in copy.iterdir()} == before


def test_commands_leave_an_untouched_packet_as_it_is(packet: Path) -> None:
    """commands.sh writes the very exit_codes.json that is sealed."""
    assert script(packet, "commands.sh") == (0, "OVERALL_RESULT: PASS\n")
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
