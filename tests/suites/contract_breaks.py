"""Breaks of the read contract, applied inside the guarded transaction.

Copied into an inner pytest project by `test_contract_fail.py` and run there: each
test breaks one thing, calls the shipped check, and expects it to fail by name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources

Failed = (AssertionError, pytest.fail.Exception)


@dataclass(frozen=True)
class Break:
    """A file of the contract with one text changed, and what the check says then.

    With `sql` something else is done to the clone first.
    """

    tells: str
    file: str = ""
    old: str = ""
    new: str = ""
    sql: str = ""


ANCHOR = (
    "DELETE FROM public.governance_object_ownership"
    " WHERE object_ref = 'GRP-AI' AND scope = 'audit'"
)
BREAKS = {
    "e1": Break(
        'not what the base tables say\n  rows: expected 1, found 1\n  expected {"conf',
        "E1_summary",
        "- gap_cells AS covered_cells",
        "AS covered_cells",
        "DELETE FROM public.governance_object_ownership WHERE object_ref = 'GRP-AI'",
    ),
    "e2": Break(
        "E2 /coverage/by-scope, baseline: not what the base tables say\n"
        "  rows: expected 6, found 6",
        "E2_by_scope",
        "COALESCE(gap.cells, 0) AS gap",
        "COALESCE(gap.cells, 1) AS gap",
    ),
    "e3": Break(
        "E3 /coverage/by-owner, baseline: rows are not in the order of "
        "-accountable_cells, owner",
        "E3_by_owner",
        "count(*) DESC",
        "count(*)",
    ),
    "e4": Break(
        "rows: expected 35, found 34",
        "E4_by_object",
        "  AND gap.object_ref = inventory.object_ref\n",
        "  AND gap.object_ref = inventory.object_ref\n"
        "WHERE inventory.object_ref <> 'agents'\n",
    ),
    "e5": Break(
        "E5 /coverage/gaps, seed deleted: not what the base tables say\n"
        "  rows: expected 210, found 175",
        "E5_gaps",
        "FROM public.v_object_owner_gap\n",
        "FROM public.v_object_owner_gap WHERE scope <> 'audit'\n",
    ),
    "e6": Break(
        "E6 /coverage/ownership-detail, direct override of agents: not what the base",
        "E6_ownership_detail",
        "  WHERE effective",
        "  WHERE effective.depth = 1 AND effective",
    ),
    "e7": Break(
        '"last_run_id": "SCAN-CLONE-TEST-1"',
        "E7_scan_status",
        'COLLATE "C" DESC',
        'COLLATE "C"',
    ),
    "e8": Break(
        "E8 /coverage/events, baseline: $[0].active: 'no' is not of type 'boolean'",
        "E8_events",
        "kind.active,",
        "CASE WHEN kind.active THEN 'yes' ELSE 'no' END AS active,",
    ),
}
FURTHER = {
    # The view is right, and what it tells is not what the baseline has to be.
    "e1": Break("gap_cells: expected 0, found 1\n  coverage_pct: ", sql=ANCHOR),
    "e5": Break(
        "E5 /coverage/gaps, baseline:\n  rows: expected 0, found 1", sql=ANCHOR
    ),
    "e6": Break("rows: expected 24, found 23", sql=ANCHOR),
    "e8": Break(
        "active: expected 0, found 1",
        sql="UPDATE public.event_type_registry SET active = true"
        " WHERE event_type = 'coverage.scan_completed'",
    ),
    # Shapes: a column too many, one too few.
    "e2": Break(
        "Additional properties are not allowed ('more' was unexpected)",
        "E2_by_scope",
        "  scope.description,",
        "  scope.description, 1 AS more,",
    ),
    "e4": Break(
        "'scopes_gap' is a required property",
        "E4_by_object",
        "COALESCE(gap.cells, 0) AS scopes_gap",
        "COALESCE(gap.cells, 0) AS gap",
    ),
    # Rights: a view that writes, a function with its owner's rights.
    "e3": Break(
        "with its caller's rights: expected True, found False",
        "E3_by_owner",
        "WITH (security_invoker = true) ",
        "",
    ),
    "e7": Break(
        "reads only: expected True, found False",
        sql="CREATE VIEW public.v_api_coverage_scan_status"
        " WITH (security_invoker = true)"
        " AS SELECT run_id FROM public.candidate_scan_run",
    ),
}
DEFINER = Break(
    "with its caller's rights: expected True, found False",
    "E6_ownership_detail",
    "\nSTABLE",
    "\nSTABLE SECURITY DEFINER",
)


def shipped_checks() -> dict[str, Callable[..., None]]:
    """Return the shipped checks by their ids."""
    module = importlib.import_module("pytest_oneroof.suites.test_contract")
    return {
        name.split("_")[1]: function
        for name, function in vars(module).items()
        if name.startswith("test_")
    }


def apply(case: Break, connection: Any) -> None:
    """Break the clone, or make the endpoint's relation from a changed file."""
    if case.sql:
        connection.execute(case.sql)
    if case.file:
        text = resources.read_text(f"sql/contract/{case.file}.sql")
        assert text.count(case.old) == 1, case.old
        connection.execute(text.replace(case.old, case.new))


def test_every_check_has_its_breaks() -> None:
    """There are two breaks for each shipped check."""
    assert list(BREAKS) == list(shipped_checks())
    assert sorted(FURTHER) == sorted(BREAKS)


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}{suffix}")
        for suffix, cases in (
            ("", BREAKS),
            ("-further", FURTHER),
            ("-definer", {"e6": DEFINER}),
        )
        for name, case in cases.items()
    ],
)
def test_check_fails(
    name: str, case: Break, oneroof_clone: Any, request: pytest.FixtureRequest
) -> None:
    """The check passes before its break, and fails by name after it."""
    check = shipped_checks()[name]
    with oneroof_clone.transaction():
        check(oneroof_clone, request)
        raise psycopg.Rollback
    apply(case, oneroof_clone)
    with pytest.raises(Failed) as failure:
        check(oneroof_clone, request)
    assert case.tells in str(failure.value)


def test_relation_that_stands_already(
    oneroof_clone: Any, request: pytest.FixtureRequest
) -> None:
    """A view that the clone brought along is judged as it is, not made anew."""
    text = resources.read_text("sql/contract/E5_gaps.sql")
    oneroof_clone.execute(text)
    shipped_checks()["e5"](oneroof_clone, request)
