"""Tests of the rollback evidence validator: what proves a rollback, and what not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_oneroof import resources
from pytest_oneroof.packet import rollback_evidence as re_
from pytest_oneroof.packet.rollback_evidence import (
    ABSENT,
    CASES,
    Applied,
    build_document,
    check_evidence,
    selftest,
    validate_file,
)

CASE_LIST = resources.read_json(CASES)["cases"]
A, B, C = (character * 64 for character in "abc")
hashes = st.sampled_from([A, B, C, ABSENT])


def write(folder: Path, document: Any) -> Path:
    """Write a document to a file."""
    file = folder / "clone-rollback-evidence.json"
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize("case", CASE_LIST, ids=[case["id"] for case in CASE_LIST])
def test_shipped_cases_are_told_right(case: dict[str, Any], tmp_path: Path) -> None:
    """Each shipped case is refused with exactly its codes, status 1, or stands."""
    answer = validate_file(write(tmp_path, case["document"]))
    assert [f["code"] for f in answer.data["findings"]] == case["codes"]
    assert answer.status == (1 if case["codes"] else 0)
    if case["codes"]:
        assert "stand" not in "\n".join(answer.lines).replace("_", " ").split()
        assert "_PASS" not in "\n".join(answer.lines) + json.dumps(answer.data)


def test_refusal_names_entry_and_hash(tmp_path: Path) -> None:
    """A refusal names the entry and which hash is wrong."""
    document = build_document(
        [Applied("RB-2", "blueprint", "file", ABSENT, A, B)], "on a clone"
    )
    answer = validate_file(write(tmp_path, document))
    assert answer.lines == (
        "rollback evidence is refused: 1 finding",
        "  ROLLBACK_NOT_RESTORED_TO_PIN RB-2: after_rollback_hash is not the hash that "
        "it had to be restored to",
    )


@given(hashes, hashes, hashes, st.none() | hashes)
def test_evidence_stands_exactly_for_a_change_that_was_undone(
    before: str, applied: str, restored: str, pinned: str | None
) -> None:
    """Whatever the hashes: it stands if something changed and was put back, only."""
    document = build_document(
        [Applied("x", "surface", "transaction", before, applied, restored, pinned)], "r"
    )
    undone = applied != before and restored == (before if pinned is None else pinned)
    assert (check_evidence(document) == ()) == undone


@given(st.sampled_from(["before_hash", "after_apply_hash", "after_rollback_hash"]))
def test_flipping_one_digit_of_a_hash_is_refused(key: str) -> None:
    """Control: good evidence with one digit of one hash changed is refused."""
    document = build_document([Applied("x", "s", "m", A, B, A)], "r")
    document["entries"][0][key] = "0" + document["entries"][0][key][1:]
    refused = check_evidence(document) != ()
    # After the apply any other hash will do, as long as it is not the first.
    assert refused == (key != "after_apply_hash")


@pytest.mark.parametrize("key", ["apply_mutated", "restored_match"])
def test_flag_against_the_hashes_is_fabricated(key: str) -> None:
    """A flag that says otherwise than the hashes is a fabricated proof."""
    document = build_document([Applied("x", "s", "m", A, B, A)], "r")
    document["entries"][0][key] = False
    assert [f.code for f in check_evidence(document)] == ["ROLLBACK_PROOF_FABRICATED"]


def test_pinned_evidence_of_other_bytes_is_refused(tmp_path: Path) -> None:
    """Evidence whose own bytes are not the pinned ones is refused, status 3."""
    file = write(tmp_path, CASE_LIST[0]["document"])
    pin = hashlib.sha256(file.read_bytes()).hexdigest()
    assert validate_file(file, pin=pin).status == 0
    file.write_text(file.read_text() + " ")
    assert validate_file(file).status == 0
    answer = validate_file(file, pin=pin)
    assert answer.status == 3
    assert answer.data["findings"][0]["code"] == "EVIDENCE_PIN_MISMATCH"


def test_validator_is_the_pinned_one() -> None:
    """The validator's own bytes are those that its pin seals.

    After a change on purpose: remove fixtures/evidence/validator-sha256.txt and
    write it anew with `oneroof seal write` over this one file.
    """
    assert re_.check_validator() == ()


def test_edited_validator_judges_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A validator whose bytes drifted refuses to judge even good evidence, status 3."""
    source = Path(re_.__file__).read_bytes()
    (tmp_path / "rollback_evidence.py").write_bytes(
        source.replace(b" is not ", b" is ")
    )
    monkeypatch.setattr(re_, "__file__", str(tmp_path / "rollback_evidence.py"))
    answer = validate_file(write(tmp_path, CASE_LIST[0]["document"]))
    assert answer.status == 3
    assert answer.data["findings"][0]["code"] == "SHA256_MISMATCH"
    assert selftest().status == 3


def test_selftest_is_right_and_fails_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The self-test tells every case right, and status 1 under a weakened rule."""
    answer = selftest()
    assert answer.status == 0
    assert answer.lines[-1] == "self-test: 17 of 17 cases told right"
    monkeypatch.setattr(re_, "_entry", lambda entry, name: iter(()))
    weak = selftest()
    assert weak.status == 1
    assert "WRONG fabricated_no_mutation: stands" in weak.lines


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"{", 1, "MALFORMED_JSON"),
        (b'\xef\xbb\xbf{"a": 1}', 1, "MALFORMED_JSON"),
        (b'{"a": 1, "a": 2}', 1, "MALFORMED_JSON"),
        (b"NaN", 1, "MALFORMED_JSON"),
        (b"[" * 100_000, 1, "MALFORMED_JSON"),
    ],
    ids=["cut", "bom", "twice", "nan", "deep"],
)
def test_unreadable_bytes_are_refused(
    tmp_path: Path, data: bytes, status: int, code: str
) -> None:
    """Bytes that are not strictly one JSON document are refused by their code."""
    file = tmp_path / "evidence.json"
    file.write_bytes(data)
    answer = validate_file(file)
    assert answer.status == status
    assert [f["code"] for f in answer.data["findings"]] == [code]


def test_absent_file_is_wrong_use(tmp_path: Path) -> None:
    """A file that is not there is wrong use, status 2."""
    answer = validate_file(tmp_path / "none.json")
    assert answer.status == 2
    assert answer.lines == (
        f"cannot read {tmp_path / 'none.json'}: No such file or directory",
    )
