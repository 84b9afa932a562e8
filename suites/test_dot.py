"""DOT suite: registration is rehearsed and rolled back, execution is out of reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pytest_oneroof.suites.reach import (
    leads_out,
    reach_of,
    read_routines,
    writers_of,
    written_here,
)
from pytest_oneroof.suites.rehearsals import committing_clone, copies_possible, run_of
from pytest_oneroof.suites.rules import assert_rules
from pytest_oneroof.suites.support import rows, sql, value

from pytest_oneroof import resources
from pytest_oneroof.clone.rehearsal import Rehearsal

__all__ = ["copies_possible"]

Connection = psycopg.Connection[Any]
TOOLS = resources.read_json("fixtures/production/figures.json")["dot_tools"]
CODE = resources.read_json("fixtures/dot.json")["tool"]
WAIT = 10.0


def facts() -> Any:
    """Return what is known of the suite's objects."""
    return resources.read_json("fixtures/dot.json")


def test_d1_registration_is_silent(
    copies_possible: None, request: pytest.FixtureRequest, oneroof_clone: Connection
) -> None:
    """Registering adds one tool and a gate warning; only active tier A notifies."""
    heard: list[tuple[str, str]] = []
    oneroof_clone.add_notice_handler(
        lambda d: heard.append((d.severity_nonlocalized or "", d.message_primary or ""))
    )
    assert_tools(oneroof_clone, TOOLS)
    register(oneroof_clone)
    assert_tools(oneroof_clone, TOOLS + 1)
    warned = [text for severity, text in heard if severity == "WARNING"]
    assert any(CODE in text and "GATE" in text.upper() for text in warned), (
        f"the birth gate did not warn of {CODE}; heard: {heard}"
    )
    with committing_clone(request, "throwaway") as clone:
        silent = notifications(clone)
        assert not silent, f"the silent row notified: {silent}"
        told = notifications(clone, code=f"{CODE}-A", status="active", tier="A")
        assert len(told) == 1, f"notifications of an active tool: expected 1, {told}"
        assert f"{CODE}-A" in told[0], f"told of another tool: {told}"


def test_d2_birth_is_the_only_side_effect(
    sequences_put_back: None, oneroof_clone: Connection
) -> None:
    """Exactly the tool's birth is written, visible inside and gone after."""
    last = value(oneroof_clone, "SELECT max(id) FROM birth_registry")
    before = written_here(oneroof_clone)
    moved = positions(oneroof_clone)
    with oneroof_clone.transaction(force_rollback=True):
        register(oneroof_clone)
        found = rows(oneroof_clone, sql("dot/births_after.sql"), {"id": last})
        written = written_here(oneroof_clone) - before
    assert len(found) == 1, f"births: expected 1, found {len(found)}: {found}"
    *born, role, species = found[0]
    expected = [CODE, "dot_tools", "DIRECTUS", role, species, "born", None, True]
    assert role, "dot_tools is in no registry of collections"
    assert born == expected, f"born: expected {expected}, found {born}"
    assert written["public.birth_registry"] == 1, f"written: {dict(written)}"
    assert written["public.dot_tools"] == 1, f"written: {dict(written)}"
    forbidden = {"public.event_outbox", "public.system_issues", *facts()["ledgers"]}
    assert not forbidden & set(written), f"written too: {dict(written)}"
    assert positions(oneroof_clone) != moved, "no sequence moved"
    gone = rows(oneroof_clone, sql("dot/births_after.sql"), {"id": last})
    assert not gone, f"still there after the rollback: {gone}"
    assert_tools(oneroof_clone, TOOLS)
    assert_rules(oneroof_clone, "dot_tools", "birth_registry")


def test_d3_nothing_inside_runs_a_dot(oneroof_clone: Connection) -> None:
    """No routine, trigger, rule, job or lease runs a DOT: execution stays outside."""
    known = read_routines(oneroof_clone)
    missing = set(facts()["tables"]) - {
        name
        for (name,) in rows(
            oneroof_clone,
            "SELECT schemaname || '.' || tablename FROM pg_catalog.pg_tables",
        )
    }
    assert not missing, f"tables of the DOT boundary that are not there: {missing}"
    reach = reach_of(known, facts()["tables"], event_triggers=True)
    assert not reach.leads_out, f"set off by DOT tables: {sorted(reach.leads_out)}"
    assert reach.notifies == {facts()["notifier"]}, (
        f"notifications set off by DOT tables: {sorted(reach.notifies)}"
    )
    own = [r for r in known.by_oid.values() if r.extension is None]
    executing = [line for routine in own for line in leads_out(routine)]
    assert own, "no routine was read"
    assert not executing, f"routines that lead out: {executing}"
    for ledger in facts()["ledgers"]:
        writers = writers_of(known, ledger)
        assert not writers, f"{ledger} is written inside the database by {writers}"
    paths = rows(oneroof_clone, sql("events/paths_out.sql"))
    assert not paths, f"paths out of the database: {paths}"
    assert_idle(oneroof_clone, "before a registration")
    register(oneroof_clone, code=f"{CODE}-A", status="active", tier="A")
    assert_idle(oneroof_clone, "after registering an active tool")
    executed = value(
        oneroof_clone,
        "SELECT last_executed FROM dot_tools WHERE code = %s",
        [f"{CODE}-A"],
    )
    assert executed is None, f"registering executed the tool: {executed}"


@pytest.fixture
def sequences_put_back(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compare the sequences before the check with those after its proof."""
    sandbox = run_of(request).sandbox
    assert sandbox is not None
    before = sandbox.aside(positions)
    yield
    assert_put_back(before, sandbox.aside(positions))


def positions(connection: Connection) -> list[tuple[Any, ...]]:
    """Return where the sequences stand that a registration moves."""
    return rows(connection, sql("dot/positions.sql"))


def assert_put_back(before: list[Any], after: list[Any]) -> None:
    """Assert that the sequences stand where they stood."""
    assert after == before, f"sequences: expected {before}, found {after}"


def register(connection: Connection, **other: Any) -> int:
    """Register the rehearsal's tool, silent but for what is given; return its id."""
    values = {"code": CODE, "status": "published", "tier": None} | other
    return int(value(connection, sql("dot/register_tool.sql"), values))


def notifications(clone: Rehearsal, **other: Any) -> list[str]:
    """Commit one registration on a throw-away clone; return what a listener hears.

    A notification of our own follows in a later transaction: they arrive in the
    order of commits (manual, NOTIFY), so that what was not heard before it was not
    sent, without waiting for it.
    """
    channel, end = facts()["channel"], "end of the check"
    listener = clone.connect()
    listener.execute(f"LISTEN {channel}".encode())
    register(clone.connection, **other)
    clone.connection.execute("SELECT pg_notify(%s, %s)", [channel, end])
    heard: list[str] = []
    for notice in listener.notifies(timeout=WAIT):
        if notice.payload == end:
            break
        heard.append(notice.payload)
    else:
        pytest.fail(f"the listener did not hear its own end in {WAIT} s: {heard}")
    listener.close()
    return heard


def assert_tools(connection: Connection, expected: int) -> None:
    """Assert how many tools are registered."""
    found = value(connection, "SELECT count(*) FROM dot_tools")
    assert found == expected, f"dot_tools: expected {expected}, found {found}"


def assert_idle(connection: Connection, when: str) -> None:
    """Assert that no lease, job or run is under way."""
    (found,) = rows(connection, sql("events/working.sql"))
    assert found == (0, 0, 0), f"leases, jobs, runs under way {when}: {found}"
