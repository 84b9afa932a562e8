"""Each seal check fails when the guard that it watches is weakened."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.answer import BROKEN, DONE
from pytest_oneroof.pack import bundled
from pytest_oneroof.run import suites as shipped
from pytest_oneroof.sealing import seal
from pytest_oneroof.sealing.manifest import Entry, Finding
from pytest_oneroof.sealing.seal_command import selftest

Data = Callable[[bytes], bytes]
suite: Any = shipped.load(bundled(), "seal")


def _tidy(data: bytes) -> bytes:
    """Return text as tools that 'only normalise' it would hand it on."""
    text = data.decode("utf-8-sig").replace("\r\n", "\n")
    text = re.sub(r"\\u([0-9a-f]{4})", lambda m: chr(int(m[1], 16)), text)
    return unicodedata.normalize("NFC", text.replace("—", "-")).encode()


WEAKENED: dict[str, dict[str, Any]] = {
    # A gate that trusts the length alone accepts an edit of equal length.
    "same_length_hash_mismatch": {"differences": "length only"},
    # A gate that trusts the hash alone never sees a wrong length.
    "length_mismatch": {"differences": "hash only"},
    # A gate that compares no more than that the file is there.
    "edited_content": {"differences": "presence"},
    # A gate that normalises text first.
    "emdash_unicode_drift": {"differences": "normalised"},
    "json_ensure_ascii_drift": {"differences": "normalised"},
    "bom_prefix": {"differences": "normalised"},
    "crlf_drift": {"differences": "normalised"},
    # A gate that passes over what is not there.
    "missing_file": {"_read_below": "missing is empty"},
}


def _weak_differences(how: str) -> Callable[[Entry, bytes], Iterator[Finding]]:
    real = seal.differences
    sealed = suite.base64.b64decode(suite.SUITE["sealed"])

    def weak(entry: Entry, data: bytes) -> Iterator[Finding]:
        if how == "length only":
            entry = dataclasses.replace(entry, sha256=Entry.of("", data).sha256)
        elif how == "hash only":
            entry = dataclasses.replace(entry, size=len(data))
        elif how == "presence" or _tidy(data) == _tidy(sealed):
            return
        yield from real(entry, data)

    return weak


@pytest.mark.parametrize("case", list(WEAKENED))
def test_drift_check_fails_under_a_weakened_gate(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that would let a class of drift pass makes that class's check fail."""
    [(name, how)] = WEAKENED[case].items()
    if name == "differences":
        monkeypatch.setattr(seal, name, _weak_differences(how))
    else:
        data = suite.base64.b64decode(suite.SUITE["sealed"])
        monkeypatch.setattr(seal, name, lambda root, path: data)
    with pytest.raises(AssertionError, match=f"{case}: expected .*, found "):
        suite.test_drift(case, tmp_path)


def test_control_fails_under_a_gate_that_refuses_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gate that refuses the right bytes as well makes the control fail."""
    refused = Finding("SHA256_MISMATCH", "sample", "expected 0, found 1")
    monkeypatch.setattr(seal, "differences", lambda entry, data: [refused])
    with pytest.raises(AssertionError):
        suite.test_control(tmp_path)


def test_drift_check_fails_when_the_refusal_says_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal that gives out a word of success makes the check fail."""
    real = suite.run_case

    def boastful(case: Any, folder: Path) -> Any:
        answer = real(case, folder)
        return dataclasses.replace(answer, lines=(*answer.lines, "all ok"))

    monkeypatch.setattr(suite, "run_case", boastful)
    with pytest.raises(AssertionError, match=r"a refusal says \['ok'\]"):
        suite.test_drift("edited_content", tmp_path)


def test_selftest_tells_each_case_and_fails_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The self-test is right for nine cases, and fails under a weakened gate."""
    good = selftest()
    assert good.status == DONE
    assert good.lines[-1] == "self-test: 9 of 9 cases told right"
    assert [c["status"] for c in good.data["cases"]] == [BROKEN] * 8 + [DONE]
    monkeypatch.setattr(seal, "differences", _weak_differences("normalised"))
    bad = selftest()
    assert bad.status == 1
    assert "WRONG bom_prefix: held" in bad.lines
