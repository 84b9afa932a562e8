"""The gate monitor's decision, its forms, and the facts it reads, without a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_oneroof.errors import ServerError
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.production.gate import Gate, GateVerdict

GATE = Gate(bundled())
READY: dict[str, Any] = {
    "database": "directus",
    "is_target": True,
    "ospa": 1,
    "signed": 1,
    "own": 0,
    "gap": 210,
    "conflict": 0,
    "gov_emit": 0,
    "axis_tables": 0,
    "prerequisites": 5,
}


def decide(**changes: Any) -> GateVerdict:
    """Return the verdict on an open gate of which some facts are other ones."""
    return GATE.decide(READY | changes)


BROKEN = {
    "is_target": (False, "db<>directus;"),
    "ospa": (0, "ospa<1;"),
    "signed": (0, "esign_missing;"),
    "own": (30, "own<>0;"),
    "gap": (0, "gap<>210;"),
    "conflict": (1, "conflict<>0;"),
    "gov_emit": (5, "gov_emit<>0;"),
    "axis_tables": (6, "axis_present;"),
    "prerequisites": (4, "prereq_missing;"),
}


def test_ready_when_every_condition_holds() -> None:
    """An open, clean gate is READY, in each form in which it is told."""
    verdict = decide()
    assert (verdict.status, verdict.tokens) == ("READY", "")
    assert verdict.row() == "READY |  | 1 | 210 | 0"
    assert verdict.line() == "GATE: READY|ospa=1|gap=210"


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_condition_gives_one_token(name: str) -> None:
    """Each condition alone blocks, and is told by its token alone."""
    value, token = BROKEN[name]
    verdict = decide(**{name: value})
    assert (verdict.status, verdict.tokens) == ("BLOCKED", token)


def test_all_broken_conditions_are_told_in_order() -> None:
    """Together all tokens are told in the order of the release's documents."""
    values = {name: value for name, (value, _) in BROKEN.items() if name != "signed"}
    verdict = decide(signed=0, **values)
    assert verdict.tokens == (
        "db<>directus;ospa<1;own<>0;gap<>210;conflict<>0;gov_emit<>0;axis_present;"
        "prereq_missing;"
    )
    unsigned = decide(**{**values, "ospa": 3}, signed=0)
    assert unsigned.tokens.startswith("db<>directus;esign_missing;own<>0;")


@pytest.mark.parametrize(
    "name", ["is_target", "ospa", "signed", "own", "gap", "conflict", "gov_emit"]
)
def test_what_could_not_be_read_blocks(name: str) -> None:
    """An unknown figure never counts as a fitting one."""
    assert decide(**{name: None}).status == "BLOCKED"


@pytest.mark.parametrize("name", ["gap", "conflict"])
def test_a_missing_view_is_told_once(name: str) -> None:
    """The figure of a missing view gives prereq_missing, and no claim of its own."""
    verdict = decide(**{name: None}, prerequisites=4)
    assert verdict.tokens == "prereq_missing;"


def test_a_blocked_gate_is_told_in_each_form() -> None:
    """Unknown figures are told as unknown, in line, row, detail and JSON."""
    verdict = decide(ospa=None, gap=None, own=7, prerequisites=4)
    assert verdict.line() == "GATE: BLOCKED|ospa=?|gap=?"
    assert verdict.row() == "BLOCKED | ospa<1;own<>0;prereq_missing; |  |  | 7"
    assert verdict.detail() == (
        "database directus | is_target True | ospa None | signed 1 | own 7 | gap None"
        " | conflict 0 | gov_emit 0 | axis_tables 0 | prerequisites 4"
    )
    assert verdict.to_dict() == {
        "gate_status": "BLOCKED",
        "blockers": "ospa<1;own<>0;prereq_missing;",
        "ospa": None,
        "resp_gap": None,
        "resp_ownership": 7,
        "detail": verdict.facts,
    }
    assert verdict.blockers == ("ospa<1", "own<>0", "prereq_missing")


def test_a_figure_may_exceed_what_is_needed() -> None:
    """Two approvals, both signed, open the gate as one does."""
    assert decide(ospa=2, signed=2).status == "READY"


def test_an_unread_figure_blocks_where_nothing_is_missing() -> None:
    """With every view in place an unknown gap is a blocker of its own."""
    assert decide(gap=None).tokens == "gap<>210;"
    assert decide(own=None, prerequisites=4).tokens == ("own<>0;prereq_missing;")


def test_predicate_is_the_text_without_its_comments() -> None:
    """What opens the gate is conditions alone, each on a line of its own."""
    lines = GATE.predicate().split("\n")
    assert lines[:2] == [
        "status COLLATE \"C\" = 'published'",
        "AND esignature_agreement",
    ]
    assert lines[-1].endswith("> now() AT TIME ZONE 'UTC') IS NOT TRUE")
    assert not [line for line in lines if "--" in line]


# Views in place of the release's objects: their counts tell how they were read.
TELLING = """
CREATE VIEW public.os_proposal_approvals AS
SELECT 'published' AS status, true AS esignature_agreement, 'x' AS signature_text,
       NULL::timestamp AS date_created, NULL::timestamp AS date_updated
 WHERE current_setting('application_name') = 'pytest-oneroof gate';
CREATE VIEW public.governance_object_ownership AS
SELECT WHERE current_setting('transaction_read_only') <> 'on'
          OR current_setting('transaction_isolation') <> 'repeatable read';
CREATE VIEW public.v_object_owner_gap AS
SELECT FROM pg_settings, generate_series(1, setting::int)
 WHERE pg_settings.name = 'statement_timeout';
CREATE VIEW public.v_object_owner_conflict AS
SELECT FROM pg_settings, generate_series(1, setting::int)
 WHERE pg_settings.name = 'lock_timeout';
CREATE TABLE public.coverage_rule ();
"""


def test_reads_in_one_bounded_read_only_transaction(fresh_database: str) -> None:
    """Read only, by its name, in one snapshot, for 5 s at most and 1 s on a lock."""
    with connect(fresh_database) as connection:
        connection.execute(TELLING.encode())
    verdict = GATE.check(fresh_database)
    assert verdict.facts == {
        "database": fresh_database.rpartition("/")[2].partition("?")[0],
        "is_target": False,
        "ospa": 1,
        "signed": 1,
        "own": 0,
        "gap": 5000,
        "conflict": 1000,
        "gov_emit": None,
        "axis_tables": 1,
        "prerequisites": 2,
    }
    assert verdict.tokens == (
        "db<>directus;gap<>210;conflict<>0;gov_emit<>0;axis_present;prereq_missing;"
    )


def test_a_failed_reading_says_so(fresh_database: str) -> None:
    """What the server refuses is an error of the reading, in the server's words."""
    with connect(fresh_database) as connection:
        connection.execute(
            "CREATE VIEW public.v_object_owner_gap AS SELECT 1 / (random() * 0)::int"
        )
    with pytest.raises(ServerError) as failed:
        GATE.check(fresh_database)
    assert str(failed.value).startswith("the gate cannot be read: division by zero")
