"""Tests of provenance: what a clone may be used for, and what the operator owes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_oneroof.ownership.productions import parse_productions
from pytest_oneroof.ownership.rules import Reason, Rules
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.provenance import provenance
from pytest_oneroof.provenance.provenance import (
    NONE_SAFE,
    SAFE,
    SURROGATE,
    Candidate,
    answer,
    objections,
    read_candidate,
)
from pytest_oneroof.provenance.schema_compatibility import Compatibility
from pytest_oneroof.provenance.secrets_scan import Bounds, Scan, SecretFinding

CLONE_PATTERN = bundled().clone_pattern

RULES = Rules(CLONE_PATTERN, parse_productions(("directus",)), own_server=False)
FITS = Compatibility("entity", "t (a text)", "t (a text)", (), "it fails")
GOOD = Candidate(
    name="directus_gov_test_20260612",
    source="directus",
    origin="dump",
    reasons=(),
    scan=Scan((), detector="detect-secrets 1.5.0", relations=7, values=90),
    entities=(FITS,),
)
FOUND = SecretFinding("bcrypt", "password hash", "public.directus_users.password", 3)
AGAINST: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "generated": ({"origin": "generated"}, [SURROGATE], "ALLOWED_BUT_INSUFFICIENT"),
    "not isolated": (
        {"reasons": (Reason("sessions", "1 foreign session", "", ""),)},
        ["CLONE_NOT_ISOLATED"],
        "NOT_ALLOWED",
    ),
    "production": (
        {"reasons": (Reason("production", "it is declared", "", ""),)},
        ["CLONE_POINTS_TO_PRODUCTION"],
        "NOT_ALLOWED",
    ),
    "reaches production": (
        {"reasons": (Reason("reach", "may connect", "", ""),)},
        ["CLONE_POINTS_TO_PRODUCTION"],
        "NOT_ALLOWED",
    ),
    "secrets": (
        {"scan": dataclasses.replace(GOOD.scan, findings=(FOUND,))},
        ["CLONE_CONTAINS_SECRETS"],
        "NOT_ALLOWED",
    ),
    "tables unread": (
        {"scan": dataclasses.replace(GOOD.scan, unread=("public.t (no right)",))},
        ["SECRETS_NOT_SHOWN_ABSENT"],
        "NOT_ALLOWED",
    ),
    "no token rules": (
        {"scan": dataclasses.replace(GOOD.scan, detector="")},
        ["SECRETS_NOT_SHOWN_ABSENT"],
        "NOT_ALLOWED",
    ),
    "schema": (
        {"entities": (dataclasses.replace(FITS, mismatches=("column a is absent",)),)},
        ["SCHEMA_MISMATCH"],
        "NOT_ALLOWED",
    ),
}


def test_shown_clone_is_allowed() -> None:
    """A dump that is isolated, secret-free and fits is the one asked for."""
    told = answer(GOOD, bundled())
    assert told.status == 0
    assert told.data["verdict"] == SAFE
    row = told.data["table_A_clone_provenance"][0]
    assert row == {
        "candidate_clone": "directus_gov_test_20260612",
        "source": "directus",
        "production_shaped": True,
        "isolated": "PROVEN_ISOLATED_NOT_PRODUCTION",
        "contains_secrets": "NO",
        "present": True,
        "allowed": "ALLOWED",
        "note": "nothing against it",
    }
    assert told.data["deliver"] == []


@pytest.mark.parametrize("case", list(AGAINST))
def test_each_objection_holds_and_says_what_to_deliver(case: str) -> None:
    """Any one objection gives 10, its code, and what the operator must deliver."""
    changes, codes, allowed = AGAINST[case]
    candidate = dataclasses.replace(GOOD, **changes)
    told = answer(candidate, bundled())
    assert told.status == 10
    assert [objection.code for objection in objections(candidate)] == codes
    assert told.data["verdict"] == NONE_SAFE
    assert told.data["status"] == "READY_NOT_APPLIED"
    assert told.data["table_A_clone_provenance"][0]["allowed"] == allowed
    assert told.data["live_production_contact"] is False
    assert "status: READY_NOT_APPLIED; the operator must deliver:" in told.lines
    json.dumps(told.data)


def test_every_candidate_is_rejected_with_its_reason() -> None:
    """Beside the clone the missing dump and live production stand, with reasons."""
    told = answer(dataclasses.replace(GOOD, origin="generated"), bundled())
    rows = told.data["table_A_clone_provenance"]
    assert [(row["candidate_clone"], row["allowed"]) for row in rows] == [
        ("directus_gov_test_20260612", "ALLOWED_BUT_INSUFFICIENT"),
        ("the operator's dump", "WOULD_BE_ALLOWED"),
        ("live production", "FORBIDDEN"),
    ]
    assert all(row["note"] for row in rows)


def test_without_a_candidate_the_requirement_is_told() -> None:
    """With no clone at all the seven entities are told as what must be delivered."""
    told = answer(None, bundled())
    assert told.status == 10
    assert told.data["verdict"] == NONE_SAFE
    entities = told.data["table_B_schema_compatibility"]
    assert len(entities) == 7
    assert {entity["clone_has"] for entity in entities} == {"N/A_NO_CLONE"}
    assert {entity["mismatch"] for entity in entities} == {
        "UNKNOWN_UNTIL_CLONE_PROVIDED"
    }


def test_secret_finding_is_told_by_place_alone() -> None:
    """A finding is told by kind, rule and place, in lines and data."""
    told = answer(
        dataclasses.replace(GOOD, scan=Scan((FOUND,), detector="d")), bundled()
    )
    assert (
        "    CLONE_CONTAINS_SECRETS: password hash (bcrypt) at "
        "public.directus_users.password in 3 values"
    ) in told.lines
    assert told.data["scan"]["contains_secrets"] == "YES"


def test_embedded_clone_is_judged_a_generated_surrogate(
    own_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The embedded clone is isolated, secret-free and fits, and is still not enough."""
    monkeypatch.setattr(
        provenance,
        "scan",
        lambda *given, **named: dataclasses.replace(
            REAL_SCAN(*given, **named), detector="as if installed"
        ),
    )
    state = own_server.state
    url = own_server.url(state["clone"], state["role"], state["password"])
    with connect(url) as connection:
        candidate = read_candidate(connection, RULES, bundled())
    assert candidate.origin == "generated"
    assert [objection.code for objection in objections(candidate)] == [SURROGATE]
    assert candidate.scan.findings == ()
    assert len(candidate.entities) == 7


REAL_SCAN = provenance.scan


def test_stand_in_production_is_refused_as_one(embedded: EmbeddedServer) -> None:
    """The production is judged no clone, by name, marker and declaration."""
    url = embedded.url(embedded.state["production"])
    with connect(url) as connection:
        candidate = read_candidate(connection, RULES, bundled(), bounds=Bounds(rows=1))
    codes = {objection.code for objection in objections(candidate)}
    assert {"CLONE_POINTS_TO_PRODUCTION", "CLONE_NOT_ISOLATED"} <= codes
    assert answer(candidate, bundled()).status == 10


def test_planted_secrets_are_refused_and_repeated_nowhere(
    fresh_database: str, tmp_path: Path
) -> None:
    """A planted token, password hash and live host give 10; no value is told."""
    planted = {
        "hash": "$2b$12$" + "Zk3vQ9xLw2" * 5 + "abc",
        "host": "https://cms.incomex-live.vn",
        "token": "s3cr3t-t0ken-" + "q" * 12,
    }
    with connect(fresh_database) as connection:
        connection.execute("CREATE TABLE public.users (token text, note text)")
        connection.execute(
            "INSERT INTO public.users VALUES (%(token)s, %(hash)s), (NULL, %(host)s)",
            planted,
        )
        told = answer(read_candidate(connection, RULES, bundled()), bundled())
    assert told.status == 10
    kinds = {finding["kind"] for finding in told.data["scan"]["findings"]}
    assert {"password hash", "live host", "secret by name"} <= kinds
    said = "\n".join(told.lines) + json.dumps(told.data)
    for value in planted.values():
        assert value not in said


def test_candidate_is_the_database_connected_to(server_admin_url: str) -> None:
    """A database without our marker has an unknown source and is no clone."""
    with connect(with_database(server_admin_url, "postgres")) as connection:
        candidate = read_candidate(connection, RULES, bundled(), bounds=Bounds(rows=1))
    assert (candidate.name, candidate.source) == ("postgres", "unknown")
    assert "CLONE_NOT_ISOLATED" in {o.code for o in objections(candidate)}
