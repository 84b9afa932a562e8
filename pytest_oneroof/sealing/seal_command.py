"""`oneroof seal write|check` and its self-test, as answers: a step for CI.

A broken seal gives status 3, and its answer holds no word of success, no hash
of the manifest and no file's contents (domain: evidence, 6.2, fail closed).
"""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pytest_oneroof import resources
from pytest_oneroof.answer import BROKEN, DONE, FAILED, Answer
from pytest_oneroof.sealing import manifest as m
from pytest_oneroof.sealing.manifest import Entry
from pytest_oneroof.sealing.seal import Checked, SealBroken, check, write

CASES = "fixtures/seal/cases.json"
MANIFEST_NAME = "manifest-sha256.txt"


def check_seal(
    manifest: Path,
    root: Path | None = None,
    *,
    ordered: Sequence[str] | None = None,
    pin: str | None = None,
) -> Answer:
    """Compare a sealed tree with its manifest; status 0 or 3.

    Without `root` the manifest's own folder is the root.
    """
    folder = root if root is not None else manifest.parent
    return _told(check(manifest, folder, ordered=ordered, pin=pin))


def write_seal(
    manifest: Path, root: Path | None = None, paths: Sequence[str] | None = None
) -> Answer:
    """Seal a tree, or some paths of it; status 0, or 3 for what cannot be sealed.

    Raise OneroofError where the manifest exists and seals other bytes.
    """
    folder = root if root is not None else manifest.parent
    try:
        checked, written = write(manifest, folder, paths)
    except SealBroken as broken:
        return _broken(broken.manifest, broken.findings)
    told = _told(checked)
    if told.status != DONE:
        return told
    what = "written" if written else "there already, and the same"
    return replace(
        told, data={**told.data, "written": written}, lines=(what, *told.lines)
    )


def run_case(case: dict[str, Any], folder: Path) -> Answer:
    """Seal the sample in `folder`, drift it as the case says, check it for real."""
    cases = resources.read_json(CASES)
    sealed = base64.b64decode(cases["sealed"])
    entry = Entry.of(cases["path"], sealed)
    if "length" in case:
        entry = replace(entry, size=case["length"])
    root = folder / "root"
    file = root / cases["path"]
    file.parent.mkdir(parents=True)
    if case["payload"] is not None:
        file.write_bytes(base64.b64decode(case["payload"]))
    manifest = folder / MANIFEST_NAME
    manifest.write_bytes(m.render([entry]))
    return check_seal(manifest, root)


def selftest() -> Answer:
    """Run every drift case in a folder of its own; status 1 when one is told wrong.

    Each must be refused with exactly its codes, and the control must hold.
    """
    results = []
    for case in resources.read_json(CASES)["cases"]:
        with tempfile.TemporaryDirectory(prefix="oneroof-seal-") as folder:
            answer = run_case(case, Path(folder))
        codes = [finding["code"] for finding in answer.data["findings"]]
        results.append(
            {
                "id": case["id"],
                "expected": case["codes"],
                "found": codes,
                "status": answer.status,
                "told_right": codes == case["codes"]
                and answer.status == (BROKEN if case["codes"] else DONE),
            }
        )
    wrong = [r for r in results if not r["told_right"]]
    lines = [
        f"{_word(r)} {r['id']}: {', '.join(r['found']) or 'held'}" for r in results
    ]
    right = len(results) - len(wrong)
    lines.append(f"self-test: {right} of {len(results)} cases told right")
    data = {"selftest": "seal", "cases": results}
    return Answer(FAILED if wrong else DONE, data, tuple(lines))


def _told(checked: Checked) -> Answer:
    if not checked.holds:
        return _broken(checked.manifest, checked.findings)
    size = sum(len(data) for data in checked.files.values())
    count = len(checked.entries)
    data = {
        "seal": "holds",
        "manifest": checked.manifest,
        "sha256": checked.sha256,
        "files": [asdict(entry) for entry in checked.entries],
        "findings": [],
    }
    line = (
        f"seal holds: {count} file{'s'[: count != 1]}, {size} bytes, "
        f"manifest sha256 {checked.sha256}"
    )
    return Answer(DONE, data, (line,))


def _broken(manifest: str, findings: Sequence[m.Finding]) -> Answer:
    data = {
        "seal": "broken",
        "manifest": manifest,
        "findings": [asdict(finding) for finding in findings],
    }
    return Answer(BROKEN, data, tuple(str(SealBroken(manifest, findings)).split("\n")))


def _word(result: dict[str, Any]) -> str:
    return "right" if result["told_right"] else "WRONG"
