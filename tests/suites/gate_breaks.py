"""One break for each gate check, applied inside the guarded transaction.

Copied into an inner pytest project by `test_gate_fail.py` and run there: first the
database is broken under each situation, then the monitor itself is weakened.
"""

from __future__ import annotations

import importlib
from typing import Any

import psycopg
import pytest

SITUATIONS = 31
Failed = (AssertionError, pytest.fail.Exception)

# A drift that a situation does not expect beside its own: told by its token.
DRIFT = {
    "axis_present;": "CREATE TABLE public.axis_value (id bigint)",
    "gov_emit<>0;": "DROP TABLE public.event_outbox CASCADE",
}
# What is weakened in the monitor's SQL, and a check that has to fail by it.
WEAKENED = {
    "draft-counts": ("status = 'published' AND ", "", "ALONE", "esign-draft"),
    "agreement-ignored": ("esignature_agreement AND ", "", "ALONE", "esign-disagreed"),
    "blank-counts": ("~ '[^[:space:]]'", "IS NOT NULL", "ALONE", "esign-blank"),
    "unsigned-counts": (
        " AND signature_text ~ '[^[:space:]]'", "", "ALONE", "esign-unsigned"
    ),
    "any-database": ("is_target IS NOT TRUE", "false", "ALONE", "db"),
    "ungated": ("coalesce(ospa, 0) < 1", "false", "SITUATIONS", "not-ratified"),
    "own-ignored": ("own IS DISTINCT FROM 0", "false", "ALONE", "own"),
    "gap-ignored": ("gap <> 210 OR", "false AND", "ALONE", "gap"),
    "conflict-ignored": ("conflict <> 0 OR", "false AND", "ALONE", "conflict"),
    "events-ignored": ("gov_emit IS DISTINCT FROM 0", "false", "ALONE", "gov-emit"),
    "axis-ignored": ("axis_tables <> 0", "false", "SITUATIONS", "partially-applied"),
    "views-ignored": (
        "prerequisites <> 5", "false", "ALONE", "prereq-v_object_owner_conflict"
    ),
    "order-lost": (
        "ORDER BY blocker.position", "ORDER BY blocker.token", None, "together"
    ),
    "always-blocked": (
        "= 0 THEN 'READY'", "= 0 THEN 'BLOCKED'", "SITUATIONS", "ratified-clean"
    ),
}  # fmt: skip


def suite() -> Any:
    """Return the shipped suite, which this session has collected."""
    return importlib.import_module("pytest_oneroof.suites.test_gate")


def situations() -> list[Any]:
    """Return every situation of the suite."""
    return [*suite().SITUATIONS.values(), *suite().ALONE.values()]


def weaken(monkeypatch: pytest.MonkeyPatch, found: str, instead: str) -> None:
    """Let the suite read a monitor with another text in one place."""
    text = suite().sql("gate/gate_check.sql").decode()
    assert found in text
    weak = text.replace(found, instead).encode()
    monkeypatch.setattr(suite(), "sql", lambda name: weak)


def run_check(
    connection: psycopg.Connection[Any], table: str | None, which: str
) -> None:
    """Run one check of the suite: a situation of a table, or all tokens together."""
    if table is None:
        suite().test_tokens_together(connection, "none")
    else:
        suite().check(connection, getattr(suite(), table)[which])


@pytest.mark.parametrize("number", range(SITUATIONS))
def test_drift_is_told_in_every_situation(
    oneroof_clone: psycopg.Connection[Any], number: int
) -> None:
    """What should not be there fails the check of every situation, by its token."""
    assert len(situations()) == SITUATIONS
    wanted = situations()[number]
    has_axis = "axis_present;" in wanted.blockers
    token = "gov_emit<>0;" if has_axis else "axis_present;"
    oneroof_clone.execute(DRIFT[token].encode())
    with pytest.raises(Failed) as caught:
        suite().check(oneroof_clone, wanted)
    told = str(caught.value)
    assert f"blockers: expected {wanted.blockers}, found " in told
    assert token in told.partition("found ")[2]


@pytest.mark.parametrize("name", WEAKENED)
def test_a_weakened_monitor_is_found(
    oneroof_clone: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A monitor whose SQL lets one condition pass fails the check of that one."""
    found, instead, table, which = WEAKENED[name]
    weaken(monkeypatch, found, instead)
    with pytest.raises(Failed, match="moved, the monitor's SQL"):
        run_check(oneroof_clone, table, which)


def test_a_weakened_decision_is_found(
    oneroof_clone: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decision of the package that differs from the SQL's fails the check."""
    gate = importlib.import_module("pytest_oneroof.production.gate")
    monkeypatch.setattr(
        suite(), "decide", lambda facts: gate.GateVerdict("READY", (), facts)
    )
    with pytest.raises(Failed, match="the package's decision, by the SQL"):
        suite().check(oneroof_clone, suite().SITUATIONS["not-ratified"])


def test_the_setting_alone_opens_nothing(
    oneroof_clone: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A monitor that takes any database for the target fails on another's name."""
    weaken(monkeypatch, "pg_catalog.current_database() = 'directus' OR", "true OR")
    with pytest.raises(Failed, match=r"blockers: expected db<>directus;, found"):
        suite().test_clone_without_setting(oneroof_clone)
