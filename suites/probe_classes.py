"""The probe classes, widened by Hypothesis beyond the one example of each probe."""

from __future__ import annotations

import dataclasses
import json
import secrets
import unicodedata
from collections.abc import Callable
from typing import Any

import psycopg
from hypothesis import given
from hypothesis import strategies as st
from pytest_oneroof.suites.probing import widened

from pytest_oneroof import resources
from pytest_oneroof.clone.guard import GuardedClone, judge
from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Rules
from pytest_oneroof.packet.decision import check_decision
from pytest_oneroof.packet.rollback_evidence import (
    ABSENT,
    Applied,
    build_document,
    check_evidence,
)
from pytest_oneroof.packet.tokens import TOKENS
from pytest_oneroof.postgres.catalog import read_facts
from pytest_oneroof.postgres.facts import Definer, Facts, Power, SessionFacts
from pytest_oneroof.provenance.schema_compatibility import (
    Shape,
    compare_shapes,
    read_shapes,
)
from pytest_oneroof.provenance.secret_rules import builtin_rules
from pytest_oneroof.sealing.manifest import Entry
from pytest_oneroof.sealing.seal import differences

Connection = psycopg.Connection[Any]
SUPERUSER = Power("superuser")
# One way each to be less than isolated, and the guard's word for it.
BREACHES: dict[str, Callable[[Facts], dict[str, Any]]] = {
    "name": lambda f: {"database": f.database.replace("_", "-", 1)},
    "marker": lambda f: {"comment": None},
    "role": lambda f: {"role": "somebody"},
    "sessions": lambda f: {"sessions": (SessionFacts(7, "directus", "api"),)},
    "connect": lambda f: {"public_connects": True},
    "outward": lambda f: {"outward": ("foreign server production",)},
    "definer": lambda f: {"definers": (Definer("f()", "root", (SUPERUSER,)),)},
    "power": lambda f: {"powers": (*f.powers, Power("createrole"))},
    "standby": lambda f: {"in_recovery": True},
    "template": lambda f: {"is_template": True},
}
HASHES = [letter * 64 for letter in "abcdef"]


def every_breach_of_isolation(connection: Connection, rules: Rules) -> None:
    """Refuse the clone's own facts with any set of breaches, naming each of them."""
    facts = read_facts(connection)
    assert isinstance(judge(facts, rules), GuardedClone)

    @widened
    @given(st.lists(st.sampled_from(list(BREACHES)), min_size=1, unique=True))
    def refused(breaches: list[str]) -> None:
        changed = facts
        for breach in breaches:
            changed = dataclasses.replace(changed, **BREACHES[breach](facts))
        verdict = judge(changed, rules)
        assert not isinstance(verdict, GuardedClone), f"admitted with {breaches}"
        found = {reason.code for reason in verdict}
        # Without a marker nobody's role can be the wrong one.
        wanted = set(breaches) - ({"role"} if "marker" in breaches else set())
        assert wanted <= found, f"{sorted(wanted - found)} not told"

    refused()


def with_productions(rules: Rules, productions: tuple[str, ...]) -> Rules:
    """Return the rules with other declared productions."""
    return dataclasses.replace(rules, productions=parse_productions(productions))


def every_declaration_of_production(connection: Connection, rules: Rules) -> None:
    """Refuse the clone where any form of declaration among others names it."""
    facts = read_facts(connection)
    name = facts.database
    identifier = facts.system_identifier
    forms = [
        name,
        name.upper(),
        f"{identifier}/{name}",
        f"{identifier}/{facts.database_oid}",
        f"dbname={name}",
        *(f"{address}/{name}" for address in facts.addresses),
        *(f"postgresql://somebody@{address}/{name}" for address in facts.addresses),
    ]
    others = ["directus", "db:5432/directus", "1/directus", f"{name}x", "workflow"]

    @widened
    @given(st.sampled_from(forms), st.lists(st.sampled_from(others), unique=True))
    def refused(form: str, beside: list[str]) -> None:
        declared = with_productions(rules, (*beside, form))
        verdict = judge(facts, declared)
        assert not isinstance(verdict, GuardedClone), f"admitted, declared as {form}"
        assert "production" in {reason.code for reason in verdict}

    refused()


def plant_secrets() -> dict[str, str]:
    """Return a made-up secret of each kind that our own rules find."""
    noise = secrets.token_hex(24)
    return {
        "password hash": f"$argon2id$v=19$m=65536,t=3,p=4${noise[:16]}${noise}",
        "key": f"-----BEGIN EC PRIVATE KEY-----{noise}",
        "credential": f"postgresql://directus:{noise[:12]}@db/directus",
        "live host": f"https://{noise[:8]}.directus.cloud/items",
        "personal data": f"{noise[:8]}.nguyen@incomex-mail.vn",
    }


def every_kind_of_secret() -> None:
    """Find a secret of each kind in any surroundings, and none in what is none."""
    rules = builtin_rules()
    around = st.sampled_from(["", "note: ", '{"a": "', "x\n", "(", "tên "])

    @widened
    @given(st.sampled_from(list(plant_secrets())), around, around)
    def found(kind: str, before: str, after: str) -> None:
        text = f"{before}{plant_secrets()[kind]} {after}"
        assert kind in {rule.kind for rule in rules if rule.finds(text)}, kind

    found()
    harmless = st.sampled_from(
        [
            "governance_relations:11",
            "c0ffee00-0000-4000-8000-000000000011",
            "a" * 64,
            "2026-06-12 07:00:00+07",
            "admin@example.com",
            "https://api.example.org/items",
            "postgresql:///directus?host=/run/postgresql",
            "10.0.0.7",
            "DOT-CLONE-TEST-COVSCAN",
            "4000-2000-1000",
            "Toàn vẹn Hệ thống",
        ]
    )

    @widened
    @given(harmless, harmless)
    def not_found(first: str, second: str) -> None:
        said = [rule.name for rule in rules if rule.finds(f"{first} {second}")]
        assert not said, f"{said} in {first} {second}"

    not_found()


def every_mismatch_of_schema(connection: Connection) -> None:
    """Tell each expected column that is absent or of another type."""
    expectation = resources.read_json("fixtures/provenance/expectation.json")
    shapes = read_shapes(connection, expectation)
    places = [
        (number, column)
        for number, entity in enumerate(expectation["entities"])
        for column in entity["columns"]
    ]

    @widened
    @given(st.sampled_from(places), st.sampled_from(["absent", "bytea"]))
    def told(place: tuple[int, str], how: str) -> None:
        number, column = place
        name = expectation["entities"][number]["surface"]
        shape = shapes[name]
        assert shape is not None
        columns = dict(shape.columns)
        del columns[column]
        if how != "absent":
            columns[column] = (how, shape.columns[column][1])
        changed = {**shapes, name: Shape(columns, shape.unique, shape.rows)}
        found = compare_shapes(changed, expectation)[number]
        wanted = f"column {column} is {how}"
        assert any(wanted in m for m in found.mismatches), f"{wanted}: not told"

    told()
    for number, entity in enumerate(expectation["entities"]):
        absent = {**shapes, entity["surface"]: None}
        assert not compare_shapes(absent, expectation)[number].fits, entity["entity"]


def every_apply_that_changed_nothing() -> None:
    """Refuse any evidence in which applied equals before, whatever else it says."""
    hashes = st.sampled_from([*HASHES, ABSENT])

    @widened
    @given(hashes, hashes, st.none() | hashes, st.booleans())
    def refused(same: str, restored: str, pinned: str | None, flag: Any) -> None:
        entry = Applied("x", "surface", "m", same, same, restored, pinned)
        document = build_document([entry], "r") | {"staging_mutation_occurred": flag}
        document["entries"][0] |= {"apply_mutated": flag, "restored_match": flag}
        codes = {finding.code for finding in check_evidence(document)}
        assert "ROLLBACK_APPLY_DID_NOT_MUTATE" in codes, f"{same} twice: let through"

    refused()


def every_rollback_to_elsewhere() -> None:
    """Refuse any evidence whose restored hash is not the one it had to be."""
    hashes = st.sampled_from([*HASHES, ABSENT])

    @widened
    @given(st.permutations([*HASHES, ABSENT]), st.none() | hashes, st.booleans())
    def refused(three: list[str], pinned: str | None, flag: Any) -> None:
        before, applied, restored = three[:3]
        if pinned == restored:
            pinned = None
        entry = Applied("x", "surface", "m", before, applied, restored, pinned)
        document = build_document([entry], "r")
        document["entries"][0]["restored_match"] = flag
        codes = {finding.code for finding in check_evidence(document)}
        assert "ROLLBACK_NOT_RESTORED_TO_PIN" in codes, "let through"

    refused()


def every_edit_of_a_sealed_file(data: bytes) -> None:
    """Refuse the file with any one byte flipped, dropped or doubled."""
    entry = Entry.of("file.sql", data)

    @widened
    @given(st.integers(0, len(data) - 1), st.sampled_from(["flip", "drop", "double"]))
    def refused(at: int, how: str) -> None:
        kept = {
            "flip": bytes([data[at] ^ 1]),
            "drop": b"",
            "double": data[at : at + 1] * 2,
        }
        edited = data[:at] + kept[how] + data[at + 1 :]
        codes = [finding.code for finding in differences(entry, edited)]
        assert "SHA256_MISMATCH" in codes, f"{how} at byte {at} is not told"
        assert ("LENGTH_MISMATCH" in codes) == (how != "flip")

    refused()


def decomposed(text: str) -> bytes:
    """Return a text in Unicode normal form D, as UTF-8."""
    return unicodedata.normalize("NFD", text).encode()


def every_unicode_form(text: str) -> None:
    """Refuse every other encoding of the same text."""
    entry = Entry.of("file.sql", text.encode())
    forms = {
        "NFD": decomposed(text),
        "NFKD": unicodedata.normalize("NFKD", text).encode(),
        "BOM": text.encode("utf-8-sig"),
        "UTF-16": text.encode("utf-16"),
        "CRLF": text.replace("\n", "\r\n").encode(),
        "no-break space": text.replace(" ", "\u00a0").encode(),
        "joined": text.replace(" ", "\u200b ").encode(),
        "hyphen": text.replace("—", "-").encode(),
        "escaped": json.dumps(text).encode(),
    }
    for name, drifted in forms.items():
        codes = [finding.code for finding in differences(entry, drifted)]
        assert "SHA256_MISMATCH" in codes, f"{name} is not told"
    assert not list(differences(entry, text.encode()))


def every_overclaim(asked: dict[str, Any]) -> None:
    """Refuse any token of success in any text of a decision."""
    keys = sorted(key for key, value in asked.items() if isinstance(value, str | None))
    tokens = st.sampled_from(resources.read_json(TOKENS)["tokens"])

    @widened
    @given(tokens, st.sampled_from(keys))
    def refused(token: str, key: str) -> None:
        codes = {refusal.code for refusal in check_decision({**asked, key: token})}
        assert "FORBIDDEN_TOKEN" in codes, f"{token} as {key}"

    refused()


def every_disguise_of_a_token(document: dict[str, Any]) -> None:
    """Refuse the tokens however they are joined, widened or surrounded."""
    tokens = st.sampled_from(resources.read_json(TOKENS)["tokens"])
    joins = st.sampled_from(["_", "-", " ", "__", "\u00ad_", "\u200b_"])
    around = st.sampled_from(["", " ", "(", "=", "/", "«", "\n"])

    @widened
    @given(tokens, joins, around, around, st.booleans())
    def refused(token: str, join: str, left: str, right: str, wide: Any) -> None:
        text = token.replace("_", join)
        if wide:
            text = "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in text)
        changed = document | {"reason": f"rehearsed{left or ' '}{text}{right}"}
        codes = {finding.code for finding in check_evidence(changed)}
        assert codes == {"FORBIDDEN_TOKEN"}, f"{text!r}: FORBIDDEN_TOKEN, found {codes}"

    refused()
