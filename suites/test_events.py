"""Events suite: activation and emission of governance events, rolled back, C0 to C5."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from pytest_oneroof.suites.emitting import ADDRESS, VALIDATION, assert_refused
from pytest_oneroof.suites.emitting import emit as emit_event
from pytest_oneroof.suites.governed import read_governed, same
from pytest_oneroof.suites.reach import Attached, reach_of, read_routines, written_here
from pytest_oneroof.suites.rules import assert_rules
from pytest_oneroof.suites.support import refused, rows, sql, value

from pytest_oneroof import resources

Connection = psycopg.Connection[Any]
OUTBOX = "public.event_outbox"
STREAMS = ("comment", "review", "update", "birth", "task", "alert", "health")


def facts() -> Any:
    """Return what is known of the suite's objects."""
    return resources.read_json("fixtures/events.json")


@pytest.mark.parametrize(
    "figure",
    [pytest.param("gov_emit", id="c0.1"), pytest.param("gov_active", id="c0.2")],
)
def test_c0_nothing_is_emitted_or_active(
    oneroof_clone: Connection, figure: str
) -> None:
    """No governance event is in the outbox, and no governance type is active."""
    state = outbox(oneroof_clone)
    if figure == "gov_emit":
        assert state["total"] > 0, "event_outbox is empty: a count of 0 says nothing"
    else:
        registered = [
            name
            for (name,) in rows(
                oneroof_clone,
                "SELECT event_type FROM event_type_registry"
                " WHERE event_domain = 'governance' ORDER BY event_type",
            )
        ]
        expected = facts()["governance_types"]
        assert registered == expected, (
            f"governance event types: expected {expected}, found {registered}"
        )
    assert state[figure] == 0, f"{figure}: expected 0, found {state[figure]}"
    table = "event_outbox" if figure == "gov_emit" else "event_type_registry"
    assert_rules(oneroof_clone, table)


def test_c1_inactive_type_is_refused(oneroof_clone: Connection) -> None:
    """Layer 1: an inactive governance type is refused, each of them.

    In every other domain of the registry one that is inactive, and one unknown.
    """
    for event_type in facts()["governance_types"]:
        assert_refused(oneroof_clone, event_type, "is inactive")
    for domain, event_type in facts()["inactive_elsewhere"].items():
        assert_refused(oneroof_clone, event_type, "is inactive", event_domain=domain)
    unknown = facts()["unknown"]
    known = types_elsewhere(oneroof_clone, active=False)
    for domain, event_type in known.items():
        with refused(oneroof_clone, **VALIDATION, says="is inactive"):
            emit_event(oneroof_clone, event_type, event_domain=domain)
    active = types_elsewhere(oneroof_clone, active=True)
    for domain in sorted({*known, *active}.difference(unknown["domains"])):
        with refused(oneroof_clone, **VALIDATION, says="unknown"):
            emit_event(oneroof_clone, unknown["event_type"], event_domain=domain)
    for domain in unknown["domains"]:
        kind = unknown["event_type"]
        assert_refused(oneroof_clone, kind, "unknown", event_domain=domain)
    assert outbox(oneroof_clone)["gov_emit"] == 0


@pytest.mark.parametrize(
    "step", [pytest.param("active", id="c2.1"), pytest.param("emit", id="c2.2")]
)
def test_c2_active_type_is_accepted(oneroof_clone: Connection, step: str) -> None:
    """An active type is accepted when well shaped; exactly one row is in the outbox."""
    activate(oneroof_clone)
    state = outbox(oneroof_clone)
    assert (state["gov_active"], state["gov_emit"]) == (1, 0), (
        f"after activating one type: expected 1 active and 0 emitted, found {state}"
    )
    total = state["total"]
    try:
        emit(oneroof_clone)
    except psycopg.Error as error:
        pytest.fail(f"a well shaped event of an active type was refused: {error}")
    if step == "active":
        return
    state = outbox(oneroof_clone)
    assert (state["gov_emit"], state["total"]) == (1, total + 1), (
        f"gov_emit: expected 0 -> 1 of {total + 1} rows, found {state}"
    )
    (row,) = rows(oneroof_clone, sql("events/emitted.sql"))
    stream, lane = registered_as(oneroof_clone)
    assert row == (
        facts()["emitted_type"],
        stream,
        lane,
        ADDRESS,
        "gov:clone-test",
        "clone_test",
        {"gap_cells": 0},
    ), f"the row in the outbox is another than was sent: {row}"


def test_c2b_event_without_address_is_refused(oneroof_clone: Connection) -> None:
    """Layer 3: without canonical_address it is refused, and with one accepted."""
    activate(oneroof_clone)
    rule = refusal_without_address(oneroof_clone)
    assert "canonical_address" in rule, f"refused, but not for the address: {rule}"
    assert outbox(oneroof_clone)["gov_emit"] == 0
    emit(oneroof_clone)
    assert outbox(oneroof_clone)["gov_emit"] == 1


def test_c3_wrong_stream_or_lane_is_refused(oneroof_clone: Connection) -> None:
    """Layer 2: an active type is refused with another stream, and with another lane."""
    for number, event_type in enumerate(facts()["governance_types"], start=1):
        activate(oneroof_clone, event_type)
        stream, lane = registered_as(oneroof_clone, event_type)
        for other in STREAMS:
            if other != stream:
                wrong = {"event_stream": other}
                assert_refused(oneroof_clone, event_type, "stream mismatch", **wrong)
        wrong = {"delivery_lane": {"immediate": "delayed"}.get(lane, "immediate")}
        with refused(oneroof_clone, **VALIDATION) as seen:
            emit(oneroof_clone, event_type, **wrong)
        assert "stream mismatch" not in seen.message, f"refused for its stream: {seen}"
        assert_refused(oneroof_clone, event_type, seen.message, **wrong)
        emit(oneroof_clone, event_type)
        assert outbox(oneroof_clone)["gov_emit"] == number
    for domain, event_type in types_elsewhere(oneroof_clone, active=True).items():
        stream, lane = registered_as(oneroof_clone, event_type, domain)
        for wrong in (
            {"event_stream": next(s for s in STREAMS if s != stream)},
            {"delivery_lane": {"immediate": "delayed"}.get(lane, "immediate")},
        ):
            with refused(oneroof_clone, **VALIDATION, says="mismatch"):
                emit_event(oneroof_clone, event_type, event_domain=domain, **wrong)


def test_c4_nothing_dispatches(oneroof_clone: Connection) -> None:
    """The outbox has only its validation trigger, and nothing in here dispatches."""
    known = read_routines(oneroof_clone)
    on_outbox = known.on(OUTBOX)
    triggers = [
        (a.name, known.by_oid[a.routine or 0].name, a.enabled)
        for a in on_outbox
        if a.kind == "trigger"
    ]
    expected = facts()["validation"]
    assert triggers == [(expected["trigger"], expected["function"], True)], (
        f"triggers on {OUTBOX}: {triggers}"
    )
    assert "BEFORE INSERT ON" in on_outbox_definition(on_outbox), "not BEFORE INSERT"
    rules = [a.name for a in on_outbox if a.kind == "rule"]
    assert not rules, f"rules on {OUTBOX}: {rules}"
    reach = reach_of(known, [OUTBOX], event_triggers=True)
    assert expected["function"] in reach.routines, "the walk reached no routine"
    assert not reach.notifies, f"reached from {OUTBOX}, notifies: {reach.notifies}"
    assert not reach.leads_out, f"reached from {OUTBOX}: {sorted(reach.leads_out)}"
    paths = rows(oneroof_clone, sql("events/paths_out.sql"))
    assert not paths, f"paths out of the database: {paths}"
    leases, jobs, _ = rows(oneroof_clone, sql("events/working.sql"))[0]
    assert (leases, jobs) == (0, 0), f"under way: {leases} leases, {jobs} jobs"


def test_c5_issues_are_shaped_but_not_written(oneroof_clone: Connection) -> None:
    """Issue payloads are shaped by SELECT, one per open cell; nothing is written."""
    governed = read_governed(oneroof_clone)
    assert_rules(oneroof_clone, "governance_object_ownership")
    before = written_here(oneroof_clone)
    payloads = rows(oneroof_clone, sql("events/gap_issue_payload.sql"))
    same("open cells", 0, len(payloads), governed)
    with oneroof_clone.transaction(force_rollback=True):
        oneroof_clone.execute("DELETE FROM public.governance_object_ownership")
        payloads = rows(oneroof_clone, sql("events/gap_issue_payload.sql"))
        cells = rows(
            oneroof_clone,
            "SELECT object_type, object_ref, scope FROM v_object_owner_gap",
        )
    same("payloads, seed deleted", governed.cells, len(payloads), governed)
    expected = {issue(*cell)[0]: issue(*cell) for cell in cells}
    wrong = [row for row in payloads if row != expected.get(row[0])]
    assert not wrong, f"payloads of another shape: {wrong[:2]}"
    written = written_here(oneroof_clone) - before
    seed = governed.groups * governed.scopes
    assert written == {"public.governance_object_ownership": seed}, (
        f"shaping issues wrote to tables: {dict(written)}"
    )


def outbox(connection: Connection) -> dict[str, int]:
    """Return total, gov_emit, gov_types and gov_active."""
    names = ("total", "gov_emit", "gov_types", "gov_active")
    (found,) = rows(connection, sql("events/outbox.sql"))
    return dict(zip(names, found, strict=True))


def activate(connection: Connection, event_type: str = "") -> None:
    """Set one type active, inside the guarded transaction."""
    event_type = event_type or facts()["emitted_type"]
    done = connection.execute(
        "UPDATE event_type_registry SET active = true"
        " WHERE event_domain = 'governance' AND event_type = %s AND NOT active",
        [event_type],
    )
    assert done.rowcount == 1, f"{event_type} was not there, or active"


def registered_as(
    connection: Connection, event_type: str = "", domain: str = "governance"
) -> tuple[str, str]:
    """Return stream and lane that the registry has for a type."""
    event_type = event_type or facts()["emitted_type"]
    (found,) = rows(
        connection,
        "SELECT event_stream, delivery_lane FROM event_type_registry"
        " WHERE event_domain = %s AND event_type = %s",
        [domain, event_type],
    )
    return found[0], found[1]


def types_elsewhere(connection: Connection, *, active: bool) -> dict[str, str]:
    """Return one registered type of each domain but governance."""
    found = rows(
        connection,
        "SELECT DISTINCT ON (event_domain) event_domain, event_type"
        " FROM event_type_registry"
        " WHERE event_domain <> 'governance' AND active = %s"
        " ORDER BY event_domain, event_type",
        [active],
    )
    return dict(found)


def emit(connection: Connection, event_type: str | None = None, **other: Any) -> None:
    """Insert one governance event, well shaped but for what is given otherwise."""
    emit_event(connection, event_type or facts()["emitted_type"], **other)


def refusal_without_address(connection: Connection) -> str:
    """Return the text of the rule that refuses an event without address.

    Which rule it is, is not known of production: a NOT NULL, a CHECK or a trigger
    other than the type validation.
    """
    try:
        with connection.transaction():
            emit(connection, canonical_address=None)
    except psycopg.Error as error:
        state, diag = error.sqlstate, error.diag
    else:
        pytest.fail("accepted, though an event without canonical_address is unproven")
    said = f"{state} {diag.message_primary} [{diag.constraint_name or diag.context}]"
    assert state in ("23502", "23514", "P0001"), f"refused for something else: {said}"
    assert "fn_event_type_validate" not in (diag.context or ""), (
        f"refused by the type validation, not for its provenance: {said}"
    )
    if state == "23514":
        definition = value(
            connection,
            "SELECT pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint"
            " WHERE conname = %s AND conrelid = 'public.event_outbox'::regclass",
            [diag.constraint_name],
        )
        return str(definition)
    return f"{diag.column_name} {diag.message_primary}"


def on_outbox_definition(attached: tuple[Attached, ...]) -> str:
    """Return the definition of the trigger on the outbox."""
    return next(a.definition for a in attached if a.kind == "trigger")


def issue(kind: str, ref: str, scope: str) -> tuple[Any, ...]:
    """Return the payload of one open cell."""
    gap = facts()["gap_issue"]
    return (
        f"GAP-{ref}-{scope}",
        gap["issue_type"],
        gap["issue_class"],
        gap["severity"],
        kind,
        ref,
        gap["source"],
        gap["source_system"],
        f"gap:{kind}:{ref}:{scope}",
        {"object": ref, "scope": scope, "missing": "accountable_owner"},
    )
