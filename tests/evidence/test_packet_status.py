"""Tests that no status of a packet holds against its evidence, however it is forged."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.evidence.counting import Evidence, Phase
from pytest_oneroof.packet import files as pf
from pytest_oneroof.packet.given import Baseline, ItemResult, PacketInput
from pytest_oneroof.packet.write import write_packet

from .packets import (
    BAD,
    CLONE,
    FIGURES,
    GOOD,
    PASSED,
    codes,
    evidence,
    forge,
    proof,
    record,
)


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    """The packet of a good run."""
    folder = tmp_path / "out"
    answer = write_packet(folder, GOOD)
    assert answer.status == 0, answer.lines
    return folder


def _fail_first(value: Any) -> None:
    value["items"][0]["outcome"] = "failed"


def _fail_call(value: Any) -> None:
    value["items"][0]["evidence"]["phases"][1]["outcome"] = "failed"


def _uncall(value: Any) -> None:
    del value["items"][0]["evidence"]["phases"][1]


def _unwitness(value: Any) -> None:
    value["items"][0]["evidence"]["phases"][1]["ran"] = False


def _unprove(value: Any) -> None:
    value["items"][0]["evidence"]["proofs"] = []


def _select_twice(value: Any) -> None:
    value["items"][0]["evidence"]["selected"] = 2


def _lose(value: Any) -> None:
    value["lost"].append("worker gw0")


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
    "failed call": ("results.json", _fail_call, "STATUS_DISAGREES"),
    "call left out": ("results.json", _uncall, "STATUS_DISAGREES"),
    "call by another": ("results.json", _unwitness, "STATUS_DISAGREES"),
    "proof left out": ("results.json", _unprove, "STATUS_DISAGREES"),
    "a run too few": ("results.json", _select_twice, "STATUS_DISAGREES"),
    "worker lost": ("results.json", _lose, "STATUS_DISAGREES"),
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


def _first(**changes: Any) -> PacketInput:
    item = dataclasses.replace(GOOD.items[0], **changes)
    return dataclasses.replace(GOOD, items=(item, *GOOD.items[1:]))


def _unclean(verdict: str) -> PacketInput:
    return _first(
        outcome="failed",
        why=f"its proof is {verdict}",
        proof=proof(verdict),
        evidence=evidence(*PASSED, proofs=(verdict,)),
    )


def _skipped(item: ItemResult) -> ItemResult:
    phases = (Phase("setup", "skipped"), Phase("teardown", "passed"))
    told = Evidence(phases=phases).to_values()
    return dataclasses.replace(item, outcome="skipped", proof=None, evidence=told)


def _survivor() -> ItemResult:
    told = evidence("passed", "failed", "passed")
    return ItemResult("oneroof/controls::x", "controls", "failed", 0.1, evidence=told)


FIRST = "oneroof/test_coverage.py::test_r1_1"
AGAINST: dict[str, tuple[PacketInput, str]] = {
    "failed": (
        dataclasses.replace(BAD, verdict="GO", reasons=()),
        f"NO-GO: {FIRST} failed",
    ),
    "not called": (
        _first(
            outcome="not run",
            why="set up, and not called to its end",
            proof=None,
            evidence=Evidence(phases=(Phase("setup", "passed"),)).to_values(),
        ),
        f"NO-GO: {FIRST} did not run: set up, and not called to its end",
    ),
    "exit status": (
        dataclasses.replace(GOOD, run=dataclasses.replace(GOOD.run, exit_status=1)),
        "NO-GO: pytest ended with 1",
    ),
    "dirty": (_unclean("dirty"), f"NO-GO: {FIRST} failed: its proof is dirty"),
    "unprovable": (
        _unclean("unprovable"),
        f"NO-GO: {FIRST} failed: its proof is unprovable",
    ),
    "nothing ran": (
        dataclasses.replace(GOOD, items=()),
        "nothing: nothing was checked",
    ),
    "all skipped": (
        dataclasses.replace(GOOD, items=(_skipped(GOOD.items[0]),)),
        "nothing: nothing was checked",
    ),
    "not collected": (
        dataclasses.replace(GOOD, besides={"uncollected": ("test_x.py",)}),
        "NO-GO: test_x.py could not be collected",
    ),
    "worker lost": (
        dataclasses.replace(GOOD, besides={"lost": ("worker gw1",)}),
        "NO-GO: worker gw1 ended without telling what it left",
    ),
    "fault survived": (
        dataclasses.replace(GOOD, faults=(_survivor(),)),
        "NO-GO: oneroof/controls::x failed",
    ),
    "figure moved": (
        dataclasses.replace(
            GOOD, baselines=(Baseline("clone", CLONE, FIGURES, {"own": 29, "gap": 0}),)
        ),
        f"NO-GO: {CLONE}: own is not at exit as at entry",
    ),
    "session moved": (
        dataclasses.replace(
            GOOD,
            sessions=({"clone": CLONE, "differences": {"own": [1, 2]}, "proof": None},),
        ),
        f"NO-GO: {CLONE} is not as it was",
    ),
    "session dirty": (
        dataclasses.replace(
            GOOD,
            sessions=({"clone": CLONE, "differences": {}, "proof": proof("dirty")},),
        ),
        f"NO-GO: {CLONE} is not as it was",
    ),
    "session not read": (
        dataclasses.replace(GOOD, sessions=({"clone": CLONE, "unread": "gone"},)),
        f"NO-GO: {CLONE} is not as it was",
    ),
    "seal broken": (
        dataclasses.replace(GOOD, seals=({"seal": "broken", "manifest": "m.txt"},)),
        "NO-GO: the seal m.txt is broken",
    ),
    "nothing against it": (
        dataclasses.replace(GOOD, verdict="NO-GO", reasons=("because",)),
        "GO: nothing speaks against it",
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
    told = f"it says {given.verdict}, its evidence {told}"
    assert answer.data["findings"] == [
        {"code": "STATUS_DISAGREES", "path": "run.json", "found": told}
    ]


@pytest.mark.parametrize(
    ("verdict", "reasons", "told"),
    [
        ("GO", ("because",), "it says GO, and: because"),
        ("NO-GO", (), "NO-GO without a reason"),
    ],
    ids=["reason-beside-GO", "NO-GO-without-reason"],
)
def test_reasons_go_with_the_verdict(
    tmp_path: Path, verdict: Any, reasons: tuple[str, ...], told: str
) -> None:
    """GO has no reason beside it, NO-GO at least one."""
    base = GOOD if verdict == "GO" else BAD
    given = dataclasses.replace(base, verdict=verdict, reasons=reasons)
    answer = write_packet(tmp_path / "out", given)
    assert [f["found"] for f in answer.data["findings"]] == [told]


def test_skipped_seal_check_ends_the_levels_before_fail_closed(tmp_path: Path) -> None:
    """A GO whose seal checks did not run reaches L1, and no further."""
    given = dataclasses.replace(GOOD, items=(GOOD.items[0], _skipped(GOOD.items[1])))
    answer = write_packet(tmp_path / "out", given)
    assert answer.status == 3
    assert answer.data["level_reached"] == "L1"
    assert answer.lines[1] == (
        "  FAILED_OPEN results.json: oneroof/test_seal.py::test_drift[bom] skipped"
    )


def test_no_go_that_tells_what_was_let_through_is_whole(tmp_path: Path) -> None:
    """A run in which bad input passed says NO-GO; its packet holds, and reaches L1."""
    failed = dataclasses.replace(
        GOOD.items[1],
        outcome="failed",
        evidence=evidence("passed", "failed", "passed"),
    )
    given = dataclasses.replace(
        BAD,
        items=(*BAD.items, failed),
        probes=({**record("bom"), "actual_exit": 0}, record("control", "accept", 0)),
    )
    answer = write_packet(tmp_path / "out", given)
    assert (answer.status, answer.data["verdict"]) == (0, "NO-GO")
    assert answer.data["level_reached"] == "L1"
    assert {f["code"] for f in answer.data["found_by_run"]} == {"FAILED_OPEN"}
