"""A good run's packet, and what the tests of packets do with one."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.evidence.counting import Evidence, Phase
from pytest_oneroof.pack import bundled
from pytest_oneroof.packet import files as pf
from pytest_oneroof.packet.blockers import open_blockers, read_blockers
from pytest_oneroof.packet.decision import template
from pytest_oneroof.packet.given import (
    Baseline,
    ItemResult,
    PacketInput,
    Production,
    RunFacts,
)
from pytest_oneroof.packet.write import verify_packet

BLOCKERS = read_blockers(bundled())

CLONE = "directus_gov_test_20260612"
FIGURES = {"own": 30, "gap": 0}


def proof(verdict: str = "clean") -> dict[str, Any]:
    """Return the plain values of a proof."""
    return {"check": "x", "verdict": verdict, "ids": 2, "dirty": [], "reason": ""}


def evidence(*outcomes: str, proofs: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the evidence of an item whose three phases had these outcomes."""
    ends = zip(("setup", "call", "teardown"), outcomes, strict=True)
    phases = tuple(Phase(when, outcome, ran=when == "call") for when, outcome in ends)
    return Evidence(1, bool(proofs), phases, proofs).to_values()


PASSED = ("passed", "passed", "passed")


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
            evidence=evidence(*PASSED, proofs=("clean",)),
        ),
        ItemResult(
            "oneroof/test_seal.py::test_drift[bom]",
            "seal",
            "passed",
            0.0,
            evidence=evidence(*PASSED),
        ),
    ),
    baselines=(
        Baseline("clone", CLONE, FIGURES, FIGURES, "f1", "f1"),
        Baseline("production", "directus", FIGURES, FIGURES, "f2", "f2"),
    ),
    sessions=({"clone": CLONE, "differences": {}, "proof": proof()},),
    production=Production("stand-in", "directus", xid_assigned=False),
    fail_closed=("probes", "seal"),
    seals=({"seal": "holds", "manifest": "manifest-sha256.txt"},),
    settings={"clone_url": ("postgresql://u:hunter2@h/d", "ONEROOF_CLONE_URL")},
    decision=template(
        rehearsed=True, open_blockers=open_blockers(read_blockers(bundled()))
    ),
    blockers={"blockers": read_blockers(bundled())},
    probes=(record("bom"), record("control", "accept", 0)),
)
BAD = dataclasses.replace(
    GOOD,
    run=dataclasses.replace(RUN, exit_status=1),
    verdict="NO-GO",
    reasons=("oneroof/test_coverage.py::test_r1_1 failed",),
    items=(
        dataclasses.replace(
            GOOD.items[0],
            outcome="failed",
            message="expected 30",
            evidence=evidence("passed", "failed", "passed", proofs=("clean",)),
        ),
    ),
)


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
