"""Suite seal: a sealed file that drifts by one byte is refused, and told how.

The cases and the sealed sample lie in fixtures/seal/cases.json; each is made of
real files in a folder of its own and judged by the code behind `oneroof seal`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof import resources
from pytest_oneroof.answer import BROKEN, DONE, Answer
from pytest_oneroof.sealing.seal_command import CASES, run_case

SUITE = resources.read_json(CASES)
DRIFTS = {case["id"]: case for case in SUITE["cases"] if case["codes"]}
CONTROL = next(case for case in SUITE["cases"] if not case["codes"])
SUCCESS = {"holds", "held", "ok", "pass", "passed", "ready"}


@pytest.mark.parametrize("case", list(DRIFTS))
def test_drift(case: str, tmp_path: Path) -> None:
    """A drifted file is refused with its own codes, status 3, no word of success."""
    drift = DRIFTS[case]
    assert _really_drifts(drift), f"{case} is byte for byte what was sealed"
    answer = run_case(drift, tmp_path)
    found = [finding["code"] for finding in answer.data["findings"]]
    assert found == drift["codes"], f"{case}: expected {drift['codes']}, found {found}"
    assert answer.status == BROKEN, f"{case}: exit status {answer.status}, not 3"
    assert_no_success(answer)


def test_control(tmp_path: Path) -> None:
    """A file that is byte for byte what was sealed holds, and is told by its hash."""
    answer = run_case(CONTROL, tmp_path)
    sealed = base64.b64decode(SUITE["sealed"])
    assert answer.data["findings"] == []
    assert answer.status == DONE
    [file] = answer.data["files"]
    assert file["sha256"] == hashlib.sha256(sealed).hexdigest()
    assert file["size"] == len(sealed)


def assert_no_success(answer: Answer) -> None:
    """Assert that nothing written says success, and no digest is given out."""
    written = "\n".join(answer.lines) + json.dumps(answer.data)
    said = sorted(SUCCESS & set(re.findall("[a-z]+", written.lower())))
    assert not said, f"a refusal says {said}: {written}"
    assert "sha256" not in answer.data, "a broken seal gives out its digest"


def _really_drifts(drift: dict[str, Any]) -> bool:
    """Tell, without the code under test, that bytes or recorded length differ."""
    if drift["payload"] is None:
        return True
    sealed, payload = (
        base64.b64decode(SUITE["sealed"]),
        base64.b64decode(drift["payload"]),
    )
    return sealed != payload or drift.get("length", len(sealed)) != len(sealed)
