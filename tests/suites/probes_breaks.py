"""One guard weakened for each probe, and the probe seen failing.

Copied into an inner pytest project by `test_probes_fail.py` and run there: each test
weakens the code behind one class, calls the shipped probe, and expects it to fail by
name. `WIDER` weakens what only the widened examples see.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_oneroof.clone import guard
from pytest_oneroof.ownership.productions import Production
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.packet import decision, rollback_evidence, tokens
from pytest_oneroof.provenance import provenance, schema_compatibility, secrets_scan
from pytest_oneroof.run import suites as shipped
from pytest_oneroof.sealing import seal
from pytest_oneroof.sealing.manifest import Finding

suite: Any = shipped.load(bundled(), "probes")
classes: Any = importlib.import_module("pytest_oneroof.suites.probe_classes")
kept_nowhere, rules, standing = suite.kept_nowhere, suite.rules, suite.standing

Patch = Callable[[pytest.MonkeyPatch], None]


@pytest.fixture
def probe(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    """The probe of the class that is weakened, named as in the suite."""
    name = request.node.callspec.params["name"]
    return suite.Probe(name, request.node.user_properties, tmp_path)


def put(module: Any, name: str, value: Any) -> Patch:
    """Return a patch of one attribute."""
    return lambda monkeypatch: monkeypatch.setattr(module, name, value)


def without(test: Any) -> Patch:
    """Return a patch that takes one test out of the guard."""
    kept = tuple(t for t in guard._TESTS if t is not test)
    return put(guard, "_TESTS", kept)


def no_findings(*given: Any, **named: Any) -> Iterator[Any]:
    """Find nothing."""
    return iter(())


def older_rule(entry: Any, name: str) -> Iterator[Finding]:
    """Judge by the rule that was replaced: before equals after the rollback."""
    if entry["before_hash"] != entry["after_rollback_hash"]:
        yield Finding("ROLLBACK_NOT_RESTORED_TO_PIN", name, "")


def mutation_alone(entry: Any, name: str) -> Iterator[Finding]:
    """Judge only that something was changed."""
    if entry["before_hash"] == entry["after_apply_hash"]:
        yield Finding("ROLLBACK_APPLY_DID_NOT_MUTATE", name, "")


def without_pins(entry: Any, name: str) -> Iterator[Finding]:
    """Judge an entry only where no pin says what had to be restored."""
    if entry.get("expected_restored_hash") is None:
        yield from REAL_ENTRY(entry, name)


def by_length(entry: Any, data: bytes) -> Iterator[Finding]:
    """Compare no more than the length, and only roughly."""
    if abs(len(data) - entry.size) > 100:
        yield Finding("LENGTH_MISMATCH", entry.path, "")


def normalised(entry: Any, data: bytes) -> Iterator[Finding]:
    """Compare text in Unicode normal form C."""
    return REAL_DIFFERENCES(
        entry, classes.unicodedata.normalize("NFC", data.decode()).encode()
    )


def beginning(entry: Any, data: bytes) -> Iterator[Finding]:
    """Compare lengths, and no other byte than the last."""
    found = list(REAL_DIFFERENCES(entry, data))
    codes = [finding.code for finding in found]
    return iter(found if "LENGTH_MISMATCH" in codes else [])


def boastful(real: Any) -> Callable[..., Any]:
    """Return an answer that says success beside its refusal."""

    def answer(*given: Any, **named: Any) -> Any:
        found = real(*given, **named)
        return dataclasses.replace(found, lines=(*found.lines, "OVERALL_RESULT: PASS"))

    return answer


def by_bare_name(production: Any, identity: Any) -> bool:
    """Know a production by its bare name alone."""
    return bool(production.text == identity.name)


REAL_DIFFERENCES = seal.differences
REAL_ENTRY = rollback_evidence._entry

BREAKS: dict[str, tuple[Patch, str]] = {
    "clone_not_isolated": (
        without(guard._outward),
        "expected .*CLONE_NOT_ISOLATED, found",
    ),
    "clone_points_to_production": (
        put(Rules, "production_of", lambda rules, identity: None),
        "expected .*CLONE_POINTS_TO_PRODUCTION, found",
    ),
    # Blind as a whole: without our rules alone the detector's still find something.
    "clone_contains_secrets": (
        put(secrets_scan._Reading, "look", lambda reading, place, text: None),
        "expected .*CLONE_CONTAINS_SECRETS, found",
    ),
    "schema_mismatch_ignored": (
        put(schema_compatibility, "_mismatches", no_findings),
        "expected .*SCHEMA_MISMATCH, found",
    ),
    "apply_did_not_mutate": (
        put(rollback_evidence, "_entry", older_rule),
        "exit status 0",
    ),
    "rollback_did_not_restore": (
        put(rollback_evidence, "_entry", mutation_alone),
        "exit status 0",
    ),
    "ci_seal_mismatch_passes": (put(seal, "differences", by_length), "exit status 0"),
    "unicode_byte_drift_passes": (
        put(seal, "differences", normalised),
        "exit status 0",
    ),
    "production_pass_from_clone": (
        put(decision, "_TESTS", (decision._hold, decision._tokens)),
        "expected EXECUTION_AUTHORIZED_IN_TEMPLATE, FORBIDDEN_TOKEN, found FORBIDDEN",
    ),
    "realrun_qt001_cutover_token": (
        put(rollback_evidence, "forbidden_in_value", lambda value: ()),
        "exit status 0",
    ),
    "control": (
        put(rollback_evidence, "_head", lambda d: [Finding("NO", "document", "never")]),
        "control: refused: ",
    ),
}
WIDER: dict[str, tuple[Patch, str]] = {
    "clone_not_isolated": (without(guard._sessions), "sessions"),
    "clone_points_to_production": (
        put(Production, "is_named", by_bare_name),
        "admitted, declared as ",
    ),
    "clone_contains_secrets": (
        put(provenance, "answer", boastful(provenance.answer)),
        "a refusal says ",
    ),
    "schema_mismatch_ignored": (
        put(
            schema_compatibility,
            "_mismatches",
            lambda entity, shape, types: [
                f"column {column} is absent"
                for column in entity["columns"]
                if column not in shape.columns
            ],
        ),
        "column .* is bytea: not told",
    ),
    "apply_did_not_mutate": (
        put(
            rollback_evidence,
            "_is_hash",
            lambda value: str(value) != "ABSENT" and len(str(value)) == 64,
        ),
        "twice: let through",
    ),
    "rollback_did_not_restore": (
        put(rollback_evidence, "_entry", without_pins),
        "let through",
    ),
    "ci_seal_mismatch_passes": (
        put(classes, "differences", beginning),
        "flip at byte .* is not told",
    ),
    "unicode_byte_drift_passes": (put(classes, "differences", normalised), "NFD"),
    "production_pass_from_clone": (
        put(
            decision,
            "forbidden_in_value",
            lambda value: tokens.forbidden_in_value(
                value["execution_authorization_status"]
            ),
        ),
        " as ",
    ),
    "realrun_qt001_cutover_token": (
        put(tokens, "_folded", lambda text: text),
        "FORBIDDEN_TOKEN",
    ),
}


def call(name: str, request: pytest.FixtureRequest) -> None:
    """Call a shipped probe with the fixtures that it asks for."""
    check = getattr(suite, f"test_{name}")
    wanted = inspect.signature(check).parameters
    check(**{wish: request.getfixturevalue(wish) for wish in wanted})


@pytest.mark.parametrize("name", list(BREAKS))
def test_weakened(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its guard weakened the probe of a class fails, and says what got through."""
    prepare(name, request)
    patch, told = BREAKS[name]
    patch(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        call(name, request)


@pytest.mark.parametrize("name", list(WIDER))
def test_weakened_beyond_the_example(
    name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guard weakened where the example does not look is told all the same."""
    prepare(name, request)
    patch, told = WIDER[name]
    patch(monkeypatch)
    with pytest.raises(AssertionError, match=told):
        call(name, request)


def prepare(name: str, request: pytest.FixtureRequest) -> None:
    """Open the clone and read its standing before anything is weakened."""
    for wish in inspect.signature(getattr(suite, f"test_{name}")).parameters:
        request.getfixturevalue(wish)
