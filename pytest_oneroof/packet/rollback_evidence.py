"""The validator of rollback evidence: what was applied, and that it is gone.

A strict superset of the older rule `before == after`, under which an apply that
changed nothing passed (domain: evidence, 6.4). The bytes of this file are pinned
in `fixtures/evidence/validator-sha256.txt`, and checked before every use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from pytest_oneroof import resources
from pytest_oneroof.answer import BROKEN, DONE, FAILED, WRONG_USE, Answer
from pytest_oneroof.packet.tokens import forbidden_in_value
from pytest_oneroof.sealing.manifest import Entry, Finding
from pytest_oneroof.sealing.seal import check
from pytest_oneroof.sealing.strict_json import MalformedJson, read_json

FORMAT = "oneroof-rollback-evidence/1"
SCHEMA = "fixtures/evidence/rollback_evidence.schema.json"
PIN = "fixtures/evidence/validator-sha256.txt"
CASES = "fixtures/evidence/rollback_cases.json"
PROVEN = "PROVEN_IN_STAGING"
NOT_APPLICABLE = "NOT_APPLICABLE"
ABSENT = "ABSENT"
HASHES = ("before_hash", "after_apply_hash", "after_rollback_hash")

Entries = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Applied:
    """One surface that was changed and put back, by its hash at three moments.

    A hash is 64 hexadecimal digits, or ABSENT where the surface did not exist;
    `pinned` is the hash that the rollback had to reach, where it is not `before`.
    """

    id: str
    surface: str
    method: str
    before: str
    after_apply: str
    after_rollback: str
    pinned: str | None = None


def build_document(applied: Sequence[Applied], reason: str) -> dict[str, Any]:
    """Return rollback evidence of a rehearsal; `reason` says why not production.

    What the hashes say is computed here; whether it proves anything is for
    `check_evidence`.
    """
    entries = []
    for part in applied:
        entry = {
            "id": part.id,
            "surface": part.surface,
            "method": part.method,
            "before_hash": part.before,
            "after_apply_hash": part.after_apply,
            "after_rollback_hash": part.after_rollback,
            "expected_restored_hash": part.pinned,
            "apply_mutated": part.after_apply != part.before,
            "restored_match": part.after_rollback == (part.pinned or part.before),
        }
        entries.append(entry)
    return {
        "evidence": FORMAT,
        "rollback_proof_status": PROVEN,
        "staging_mutation_occurred": any(e["apply_mutated"] for e in entries),
        "production_rollback_status": NOT_APPLICABLE,
        "reason": reason,
        "entries": entries,
    }


def validate_file(file: Path, *, pin: str | None = None) -> Answer:
    """Judge an evidence file; status 0, 1 refused, 2 unreadable, 3 a pin is broken.

    `pin` is the sha256 that the file's own bytes must have. Nothing is judged
    by a validator whose bytes are not the pinned ones.
    """
    if broken := check_validator():
        return _refused(BROKEN, broken)
    try:
        data = file.read_bytes()
    except OSError as error:
        told = f"cannot read {file}: {error.strerror}"
        return Answer(WRONG_USE, {"evidence": "unreadable", "findings": []}, (told,))
    if pin is not None and Entry.of("", data).sha256 != pin:
        told = "the file is not the one whose sha256 was given"
        return _refused(BROKEN, [Finding("EVIDENCE_PIN_MISMATCH", file.name, told)])
    try:
        document = read_json(data)
    except MalformedJson as error:
        return _refused(FAILED, [Finding("MALFORMED_JSON", file.name, str(error))])
    if found := check_evidence(document):
        return _refused(FAILED, found)
    count = len(document["entries"])
    line = f"rollback evidence stands: {count} applied and undone, none on production"
    return Answer(
        DONE, {"evidence": "stands", "entries": count, "findings": []}, (line,)
    )


def check_validator() -> tuple[Finding, ...]:
    """Return what is wrong with this file's bytes against their pin; none if right."""
    file = Path(__file__)
    return check(resources.path(PIN), file.parent).findings


def check_evidence(document: Any) -> tuple[Finding, ...]:
    """Return every reason why a document proves no rollback; none if it does."""
    found = list(_shape(document))
    if isinstance(document, Mapping):
        found += _head(document)
        entries = document.get("entries")
        rows = entries if isinstance(entries, list) else []
        found += _ids(rows)
        for number, entry in enumerate(rows, 1):
            if isinstance(entry, Mapping):
                found += _entry(entry, _name(entry, number))
    if count := len(forbidden_in_value(document)):
        told = f"{count} claim{'s'[: count != 1]} that no evidence can make"
        found.append(Finding("FORBIDDEN_TOKEN", "document", told))
    return tuple(dict.fromkeys(found))


def selftest() -> Answer:
    """Judge the shipped cases; status 1 where one is told wrong, 3 by a broken pin.

    The negative controls, among them an apply that changed nothing, must be
    refused with exactly their codes; the control must stand.
    """
    if broken := check_validator():
        return _refused(BROKEN, broken)
    lines = []
    results = []
    for case in resources.read_json(CASES)["cases"]:
        codes = [finding.code for finding in check_evidence(case["document"])]
        right = codes == case["codes"]
        results.append({"id": case["id"], "found": codes, "told_right": right})
        word = "right" if right else "WRONG"
        lines.append(f"{word} {case['id']}: {', '.join(codes) or 'stands'}")
    wrong = [r for r in results if not r["told_right"]]
    right_count = len(results) - len(wrong)
    lines.append(f"self-test: {right_count} of {len(results)} cases told right")
    data = {"selftest": "evidence", "cases": results}
    return Answer(FAILED if wrong else DONE, data, tuple(lines))


def _shape(document: Any) -> Iterator[Finding]:
    validator = jsonschema.Draft202012Validator(resources.read_json(SCHEMA))
    for error in sorted(validator.iter_errors(document), key=lambda e: e.json_path):
        yield Finding(
            "MALFORMED_EVIDENCE", error.json_path, f"breaks {error.validator}"
        )


def _head(document: Mapping[str, Any]) -> Iterator[Finding]:
    if document.get("rollback_proof_status") != PROVEN:
        told = f"rollback_proof_status is not {PROVEN}"
        yield Finding("ROLLBACK_NOT_PROVEN", "document", told)
    if document.get("production_rollback_status") != NOT_APPLICABLE:
        told = f"production_rollback_status is not {NOT_APPLICABLE}"
        yield Finding("PRODUCTION_ROLLBACK_CLAIMED", "document", told)
    if document.get("staging_mutation_occurred") is not True:
        told = "it says that nothing was changed: nothing was rolled back either"
        yield Finding("ROLLBACK_PROOF_FABRICATED", "document", told)
    if not document.get("entries"):
        told = "no entry: nothing is proved"
        yield Finding("ROLLBACK_PROOF_FABRICATED", "document", told)


def _ids(entries: Entries) -> Iterator[Finding]:
    names = [str(e.get("id")) for e in entries if isinstance(e, Mapping)]
    for number, name in enumerate(names, 1):
        if name in names[: number - 1]:
            told = "its id is used by an earlier entry"
            yield Finding("DUPLICATE_ENTRY", f"entry {number}", told)


def _entry(entry: Mapping[str, Any], name: str) -> Iterator[Finding]:
    pinned = entry.get("expected_restored_hash")
    given = [entry.get(key) for key in HASHES]
    malformed = [
        key
        for key, value in zip(
            (*HASHES, "expected_restored_hash"), (*given, pinned), strict=True
        )
        if not _is_hash(value)
        and not (key == "expected_restored_hash" and value is None)
    ]
    for key in malformed:
        yield Finding("MISSING_HASH", name, f"{key} is neither a sha256 nor {ABSENT}")
    if malformed:
        return
    before, applied, restored = given
    if applied == before:
        told = "after_apply_hash equals before_hash: the apply changed nothing"
        yield Finding("ROLLBACK_APPLY_DID_NOT_MUTATE", name, told)
    wanted = pinned if pinned is not None else before
    if restored != wanted:
        told = "after_rollback_hash is not the hash that it had to be restored to"
        yield Finding("ROLLBACK_NOT_RESTORED_TO_PIN", name, told)
    if entry.get("apply_mutated") is not (applied != before):
        told = "apply_mutated is not what the hashes say"
        yield Finding("ROLLBACK_PROOF_FABRICATED", name, told)
    if entry.get("restored_match") is not (restored == wanted):
        told = "restored_match is not what the hashes say"
        yield Finding("ROLLBACK_PROOF_FABRICATED", name, told)


def _name(entry: Mapping[str, Any], number: int) -> str:
    """Return an entry's id, unless that says what a refusal may not repeat."""
    name = str(entry.get("id"))
    plain = re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", name) and not forbidden_in_value(name)
    return name if plain else f"entry {number}"


def _is_hash(value: Any) -> bool:
    return value == ABSENT or bool(re.fullmatch(r"[0-9a-f]{64}", str(value)))


def _refused(status: int, findings: Sequence[Finding]) -> Answer:
    data = {
        "evidence": "refused",
        "findings": [asdict(finding) for finding in findings],
    }
    count = len(findings)
    head = f"rollback evidence is refused: {count} finding{'s'[: count != 1]}"
    return Answer(status, data, (head, *(f"  {finding}" for finding in findings)))
