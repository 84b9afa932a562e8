"""One break for each axis check, applied inside the guarded transaction.

Copied into an inner pytest project by `test_axis_fail.py` and run there: each test
breaks one thing, calls the shipped check, and expects it to fail by name.
"""

from __future__ import annotations

import importlib
from typing import Any

import psycopg
import pytest

from pytest_oneroof import resources
from pytest_oneroof.postgres.scripts import body

Connection = psycopg.Connection[Any]
GOVERN = (
    "UPDATE public.collection_registry SET governance_role = 'governed',"
    " coverage_status = 'BIRTH_REQUIRED', \"group\" = 'GRP-AI'"
    " WHERE collection_name = 'birth_registry'"
)
SCOPE = (
    "INSERT INTO public.governance_responsibility_scope (scope_code) VALUES ('safety')"
)
OTHER_GAP = (
    "ALTER VIEW public.v_object_owner_gap RENAME TO v_gap_as_it_was;"
    " CREATE VIEW public.v_object_owner_gap AS SELECT * FROM public.v_gap_as_it_was"
    " WHERE object_ref <> 'agents'"
)
ANCHOR = (
    "DELETE FROM public.governance_object_ownership"
    " WHERE object_ref = 'GRP-AI' AND scope = 'audit'"
)
KEY = (
    "DROP INDEX public.uq_gov_obj_accountable;"
    " CREATE UNIQUE INDEX uq_gov_obj_accountable"
    " ON public.governance_object_ownership (object_type, object_ref, scope,"
    " owner_gov_code)"
)
VIEWS = "axis/prototype/2_views.sql"
OWNERS = "axis/prototype/5_axis_object_ownership.sql"

BY_SQL = {
    "b1-table": ("b1", "CREATE TABLE public.coverage_rule ()", "expected none, found"),
    "b1-schema": ("b1", "CREATE TABLE iu_core.axis_value ()", "iu_core.axis_value"),
    "b1-key": ("b1", KEY, "cells are not keyed by scope alone"),
    "b2-36th": (
        "b2",
        GOVERN,
        "required cells: expected 210, found 216\n  moved: inventory: expected 35, "
        "found 36 (new: collection:birth_registry)",
    ),
    "b2-7th": (
        "b2",
        SCOPE,
        "required cells: expected 210, found 245\n  moved: active scopes: expected 6, "
        "found 7 (new: safety)",
    ),
    "b2-unrecorded": (
        "b2",
        "TRUNCATE public.governance_candidate_object",
        "inventory: the clone's baseline recorded none",
    ),
    "b3-drift": ("b3", OTHER_GAP, "6 cells differ between generalized and canonical"),
    "b3-seeded": ("b3", ANCHOR, "gap, seeded: expected 0, found 1"),
    "b4-36th": ("b4", GOVERN, "required cells: expected 210, found 216"),
    "b5-7th": ("b5", SCOPE, "required cells: expected 213, found 248"),
    "b6-36th": ("b6", GOVERN, "required cells, rule retired: expected 210, found 216"),
    "b7-own": ("b7", ANCHOR, "own: expected 30, found 29"),
    "b7-left": ("b7", "CREATE VIEW public.v_axis_left AS SELECT 1", "expected none"),
}
# Another text of a shipped file: (check, file, part of it, what stands there instead).
BY_FILE = {
    "b2-rule": (
        "b2",
        VIEWS,
        "AND inventory.born\n",
        "AND inventory.object_ref <> 'agents'\n",
        "required cells: expected 210, found 204",
    ),
    "b4-axis": (
        "b4",
        VIEWS,
        "AND axis.status = 'active'",
        "",
        "required cells: expected 210, found 213",
    ),
    "b5-owner": (
        "b5",
        OWNERS,
        "owned.axis_code <> 'responsibility'",
        "false",
        "gap with one owner: expected 2, found 3",
    ),
    "b6-rule": (
        "b6",
        VIEWS,
        "AND rule.status = 'active'",
        "",
        "required cells, rule retired: expected 210, found 213",
    ),
    "b6-value": (
        "b6",
        VIEWS,
        "AND value.status = 'active'",
        "",
        "required cells, one value retired: expected 212, found 213",
    ),
}


def check(name: str) -> Any:
    """Return a shipped check by the id that its name begins with."""
    suite = importlib.import_module("pytest_oneroof.suites.test_axis")
    return next(f for n, f in vars(suite).items() if n.startswith(f"test_{name}_"))


@pytest.mark.parametrize("name", BY_SQL)
def test_data_or_schema_broken(oneroof_clone: Connection, name: str) -> None:
    """The check fails and tells what was broken."""
    shipped, statement, tells = BY_SQL[name]
    oneroof_clone.execute(statement.encode())
    with pytest.raises(AssertionError) as caught:
        check(shipped)(oneroof_clone)
    assert tells in str(caught.value)


@pytest.mark.parametrize("name", BY_FILE)
def test_prototype_broken(
    oneroof_clone: Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The check fails when its own substrate counts what it must not."""
    shipped, file, part, instead, tells = BY_FILE[name]
    function = check(shipped)
    real = function.__globals__["sql"]

    def changed(asked: str) -> bytes:
        text = real(asked).decode()
        if asked == file:
            assert part in text
            text = text.replace(part, instead)
        return text.encode()

    monkeypatch.setitem(function.__globals__, "sql", changed)
    with pytest.raises(AssertionError) as caught:
        function(oneroof_clone)
    assert tells in str(caught.value)


@pytest.mark.parametrize("change", [GOVERN, SCOPE], ids=["36th", "7th"])
def test_rebuilt_baseline_passes(oneroof_clone: Connection, change: str) -> None:
    """With the baseline built anew every axis check holds on what is governed now."""
    stages = resources.read_json("fixtures/standin.json")["clone"]["stages"]
    oneroof_clone.execute(change.encode())
    for stage in ("sql/stages/F_rollback_clone.sql", *stages):
        text = resources.read_text(stage)
        oneroof_clone.execute(body(text, stage).encode())
    for number in range(1, 8):
        with oneroof_clone.transaction(force_rollback=True):
            check(f"b{number}")(oneroof_clone)


def test_every_check_is_broken() -> None:
    """Each check of the suite has a break."""
    broken = {entry[0] for entry in (*BY_SQL.values(), *BY_FILE.values())}
    assert broken == {f"b{number}" for number in range(1, 8)}
