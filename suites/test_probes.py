"""Probes: ten classes of bad input, each handed to the real code, and a control.

Every probe asserts the exact code, the exit status, and that nothing written says
success. Beyond its example each class is widened by Hypothesis.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_oneroof.suites import probe_classes as classes
from pytest_oneroof.suites.probing import Probe, hypothesis_kept_in
from pytest_oneroof.suites.rehearsals import rules_of, run_of
from pytest_oneroof.suites.rules import assert_rules
from pytest_oneroof.suites.support import PACK

from pytest_oneroof import resources
from pytest_oneroof.answer import BROKEN, FAILED, HELD
from pytest_oneroof.fingerprint.content import read_content
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.packet import decision, rollback_evidence
from pytest_oneroof.packet.blockers import open_blockers, read_blockers
from pytest_oneroof.packet.rollback_evidence import Applied, build_document
from pytest_oneroof.provenance import provenance
from pytest_oneroof.provenance.provenance import Candidate, objections, read_candidate
from pytest_oneroof.provenance.secrets_scan import Bounds
from pytest_oneroof.sealing.manifest import Entry, render
from pytest_oneroof.sealing.seal_command import check_seal

Connection = psycopg.Connection[Any]

SURFACE = "public.governance_object_ownership"
SEALED = "sql/stages/A_ownership_seed_commit_clone.sql"
# Where the scan is not the point, a few rows of each table will do.
BRIEF = Bounds(rows=20)


@pytest.fixture
def probe(request: pytest.FixtureRequest, tmp_path: Path) -> Probe:
    """The probe of this check, named by the class that it is of."""
    name = request.node.name.removeprefix("test_")
    return Probe(name, request.node.user_properties, tmp_path)


@pytest.fixture(autouse=True)
def kept_nowhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what Hypothesis caches out of the folder in which pytest was called."""
    with hypothesis_kept_in(tmp_path_factory.mktemp("hypothesis")):
        yield


@pytest.fixture
def rules(request: pytest.FixtureRequest) -> Rules:
    """What the guard of this run measures clones against."""
    return rules_of(run_of(request).settings)


@pytest.fixture
def standing(oneroof_clone: Connection, rules: Rules) -> Candidate:
    """The clone as it is, before a probe adds to it: isolated, or no run began."""
    candidate = read_candidate(oneroof_clone, rules, PACK, bounds=BRIEF)
    assert candidate.reasons == (), "the clone is no control"
    return candidate


def test_clone_not_isolated(
    oneroof_clone: Connection, rules: Rules, standing: Candidate, probe: Probe
) -> None:
    """A clone from which a scheduler's jobs could lead out is refused."""
    with oneroof_clone.transaction(force_rollback=True):
        oneroof_clone.execute("CREATE SCHEMA cron")
        oneroof_clone.execute("CREATE TABLE cron.job (command text)")
        candidate = read_candidate(oneroof_clone, rules, PACK, bounds=BRIEF)
    answer = provenance.answer(candidate, PACK)
    probe.is_refused(answer, status=HELD, codes=with_(standing, "CLONE_NOT_ISOLATED"))
    assert [reason.code for reason in candidate.reasons] == ["outward"]
    classes.every_breach_of_isolation(oneroof_clone, rules)


def test_clone_points_to_production(
    oneroof_clone: Connection, rules: Rules, standing: Candidate, probe: Probe
) -> None:
    """A database that is declared a production is refused in spite of its marker."""
    name = oneroof_clone.info.dbname
    known = tuple(str(production) for production in rules.productions)
    declared = classes.with_productions(rules, (*known, name))
    candidate = read_candidate(oneroof_clone, declared, PACK, bounds=BRIEF)
    answer = provenance.answer(candidate, PACK)
    codes = with_(standing, "CLONE_POINTS_TO_PRODUCTION")
    probe.is_refused(answer, status=HELD, codes=codes)
    classes.every_declaration_of_production(oneroof_clone, rules)


def test_clone_contains_secrets(
    oneroof_clone: Connection, rules: Rules, standing: Candidate, probe: Probe
) -> None:
    """A password hash, key, live host and personal address are found, unrepeated."""
    planted = classes.plant_secrets()
    with oneroof_clone.transaction(force_rollback=True):
        oneroof_clone.execute(
            "CREATE TABLE public.probe_contact (login text, note text)"
        )
        oneroof_clone.cursor().executemany(
            "INSERT INTO public.probe_contact (login, note) VALUES (%s, %s)",
            [(f"user {number}", text) for number, text in enumerate(planted.values())],
        )
        candidate = read_candidate(oneroof_clone, rules, PACK, bounds=BRIEF)
    answer = provenance.answer(candidate, PACK)
    codes = with_(standing, "CLONE_CONTAINS_SECRETS")
    probe.is_refused(answer, status=HELD, codes=codes, hides=planted.values())
    added = set(candidate.scan.findings) - set(standing.scan.findings)
    missed = set(planted) - {finding.kind for finding in added}
    assert not missed, f"not found: {', '.join(sorted(missed))}"
    assert {finding.place for finding in added} == {"public.probe_contact.note"}
    classes.every_kind_of_secret()


def test_schema_mismatch_ignored(
    oneroof_clone: Connection, rules: Rules, standing: Candidate, probe: Probe
) -> None:
    """A clone whose birth registry lacks a column is refused, with what that means."""
    with oneroof_clone.transaction(force_rollback=True):
        oneroof_clone.execute(
            "ALTER TABLE birth_registry RENAME COLUMN jsonb_profile TO profile"
        )
        candidate = read_candidate(oneroof_clone, rules, PACK, bounds=BRIEF)
    answer = provenance.answer(candidate, PACK)
    probe.is_refused(answer, status=HELD, codes=with_(standing, "SCHEMA_MISMATCH"))
    [entity] = set(candidate.entities) - set(standing.entities)
    assert "column jsonb_profile is absent" in entity.mismatches
    assert entity.impact in "\n".join(answer.lines)
    classes.every_mismatch_of_schema(oneroof_clone)


def test_apply_did_not_mutate(oneroof_clone: Connection, probe: Probe) -> None:
    """An apply that rewrites every row and changes none proves no rollback."""
    hashes = apply_and_roll_back(
        oneroof_clone,
        f"UPDATE {SURFACE} SET audit_ref = audit_ref",
        undo="",
    )
    document = evidence_of(*hashes)
    document["staging_mutation_occurred"] = True
    document["entries"][0]["apply_mutated"] = True
    file = probe.write("evidence.json", json.dumps(document).encode())
    answer = rollback_evidence.validate_file(file)
    codes = ["ROLLBACK_APPLY_DID_NOT_MUTATE", "ROLLBACK_PROOF_FABRICATED"]
    probe.is_refused(answer, status=FAILED, codes=codes)
    classes.every_apply_that_changed_nothing()


def test_rollback_did_not_restore(oneroof_clone: Connection, probe: Probe) -> None:
    """A rollback that puts back all rows but one is refused."""
    hashes = apply_and_roll_back(
        oneroof_clone,
        f"UPDATE {SURFACE} SET audit_ref = 'probe'",
        undo=f"UPDATE {SURFACE} SET audit_ref = NULL"
        f" WHERE id <> (SELECT min(id) FROM {SURFACE})",
    )
    document = evidence_of(*hashes)
    document["entries"][0]["restored_match"] = True
    file = probe.write("evidence.json", json.dumps(document).encode())
    answer = rollback_evidence.validate_file(file)
    codes = ["ROLLBACK_NOT_RESTORED_TO_PIN", "ROLLBACK_PROOF_FABRICATED"]
    probe.is_refused(answer, status=FAILED, codes=codes)
    classes.every_rollback_to_elsewhere()


def test_ci_seal_mismatch_passes(probe: Probe) -> None:
    """A committing file that was edited after it was sealed stops the pipeline."""
    data = resources.path(SEALED).read_bytes()
    edited = data.replace(b"COMMIT;", b"COMMIT ;")
    assert edited != data
    manifest = seal_and_replace(probe, data, edited)
    answer = check_seal(manifest)
    codes = ["SHA256_MISMATCH", "LENGTH_MISMATCH"]
    probe.is_refused(answer, status=BROKEN, codes=codes)
    classes.every_edit_of_a_sealed_file(data)


def test_unicode_byte_drift_passes(probe: Probe) -> None:
    """Text that reads the same in another Unicode form is not what was sealed."""
    data = "SELECT 'Toàn vẹn hệ thống — gốc';\n".encode()
    drifted = "SELECT 'Toàn vẹn hệ thống — gốc';\n"
    manifest = seal_and_replace(probe, data, classes.decomposed(drifted))
    answer = check_seal(manifest)
    codes = ["SHA256_MISMATCH", "LENGTH_MISMATCH"]
    probe.is_refused(answer, status=BROKEN, codes=codes)
    classes.every_unicode_form(drifted)


def test_production_pass_from_clone(probe: Probe) -> None:
    """A decision that takes a clone's result for production's is refused."""
    document = asked()
    document["execution_authorization_status"] = "PRODUCTION_PASS"
    file = probe.write("decision.json", json.dumps(document).encode())
    answer = decision.validate_file(file)
    codes = ["EXECUTION_AUTHORIZED_IN_TEMPLATE", "FORBIDDEN_TOKEN"]
    probe.is_refused(answer, status=FAILED, codes=codes)
    classes.every_overclaim(asked())


def test_realrun_qt001_cutover_token(probe: Probe) -> None:
    """Evidence that holds tokens of execution is refused, and does not repeat them."""
    tokens = ("REAL_RUN", "QT001", "CUTOVER")
    document = evidence_of("a" * 64, "b" * 64, "a" * 64)
    document["reason"] = f"rehearsed; {', '.join(tokens)} may follow"
    file = probe.write("evidence.json", json.dumps(document).encode())
    answer = rollback_evidence.validate_file(file)
    probe.is_refused(answer, status=FAILED, codes=["FORBIDDEN_TOKEN"], hides=tokens)
    classes.every_disguise_of_a_token(document)


def test_control(
    oneroof_clone: Connection, rules: Rules, standing: Candidate, probe: Probe
) -> None:
    """What is right passes each of these gates: nothing is refused for its own sake."""
    assert_rules(oneroof_clone, SURFACE.partition(".")[2])
    hashes = apply_and_roll_back(
        oneroof_clone, f"UPDATE {SURFACE} SET audit_ref = 'probe'", undo=None
    )
    evidence = json.dumps(evidence_of(*hashes)).encode()
    probe.is_accepted(
        rollback_evidence.validate_file(probe.write("evidence.json", evidence))
    )
    question = json.dumps(asked()).encode()
    probe.is_accepted(decision.validate_file(probe.write("decision.json", question)))
    data = resources.path(SEALED).read_bytes()
    probe.is_accepted(check_seal(seal_and_replace(probe, data, data)))
    harmless = "INSERT INTO public.probe_contact VALUES ('user', 'admin@example.com')"
    with oneroof_clone.transaction(force_rollback=True):
        oneroof_clone.execute(
            "CREATE TABLE public.probe_contact (login text, note text)"
        )
        oneroof_clone.execute(harmless)
        candidate = read_candidate(oneroof_clone, rules, PACK, bounds=BRIEF)
    added = set(objections(candidate)) - set(objections(standing))
    assert not added, f"refused for nothing: {'; '.join(map(str, added))}"


def with_(standing: Candidate, code: str) -> list[str]:
    """Return the codes that the clone has anyway, and this one."""
    known = [objection.code for objection in objections(standing)]
    return list(dict.fromkeys([*known, code]))


def apply_and_roll_back(
    connection: Connection, apply: str, *, undo: str | None
) -> tuple[str, str, str]:
    """Return the surface's content hash before, after applying, after undoing.

    Without `undo` the savepoint is rolled back.
    """
    hashes = [surface_hash(connection)]

    def steps() -> Iterator[str]:
        yield apply
        if undo:
            yield undo

    with connection.transaction() as savepoint:
        for step in steps():
            connection.execute(step.encode())
            hashes.append(surface_hash(connection))
        if undo is None:
            raise psycopg.Rollback(savepoint)
    if len(hashes) == 2:
        hashes.append(surface_hash(connection))
    before, applied, restored = hashes
    return before, applied, restored


def surface_hash(connection: Connection) -> str:
    """Return the content fingerprint of the ownership table."""
    return read_content(connection, [SURFACE]).digest


def evidence_of(before: str, applied: str, restored: str) -> dict[str, Any]:
    """Return rollback evidence of one surface."""
    entry = Applied("RB-PROBE", SURFACE, "savepoint", before, applied, restored)
    return build_document([entry], "rehearsed on a clone, nothing else was contacted")


def seal_and_replace(probe: Probe, sealed: bytes, found: bytes) -> Path:
    """Seal a file's bytes, and put others in its place."""
    probe.write("packet/file.sql", found)
    manifest = render([Entry.of("file.sql", sealed)])
    return probe.write("packet/manifest-sha256.txt", manifest)


def asked() -> dict[str, Any]:
    """Return a decision as the tool asks for it."""
    return decision.template(
        rehearsed=True, open_blockers=open_blockers(read_blockers(PACK))
    )
