"""Suite release: every tier's delta, gate, stops, invariants and way back.

It commits, on rehearsal clones of its own, whose gates it opens there and only
there. Expected figures and the faults that stop a step: fixtures/release/.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from pytest_oneroof.suites.figures import row
from pytest_oneroof.suites.rehearsals import committing_clone, run_of
from pytest_oneroof.suites.release_journey import GREENFIELD, Rollout
from pytest_oneroof.suites.support import PACK, rows, value

from pytest_oneroof import resources
from pytest_oneroof.production.gate import Gate
from pytest_oneroof.release.plan import open_packet
from pytest_oneroof.release.proof import DID_NOT_MUTATE, prove
from pytest_oneroof.statements.scripts import body

FULL = resources.read_json("fixtures/release/full.json")
OWNERSHIP = resources.read_json("fixtures/release/ownership.json")
OBJECTS = 43
NAMES = (
    "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    " AND relkind IN ('r', 'v') AND (relname ~ '^v_(axis|reconcile|drift|ui)_'"
    " OR relname IN ('v_projection_lag_timing', 'axis_registry', 'axis_value',"
    " 'axis_assignment', 'coverage_rule', 'axis_object_ownership',"
    " 'axis_candidate_finding', 'topic_taxonomy_map', 'topic_label_reconcile_decision',"
    " 'governance_scan_run', 'governance_drift_state', 'governance_event_log'))"
)


@pytest.fixture(scope="module")
def full(request: pytest.FixtureRequest) -> Iterator[Rollout]:
    """The full packet on a rehearsal clone; dropped at the end."""
    yield from _rollout(request, "full")


@pytest.fixture(scope="module")
def ownership(request: pytest.FixtureRequest) -> Iterator[Rollout]:
    """The ownership packet on a rehearsal clone; dropped at the end."""
    yield from _rollout(request, "ownership")


def entries(name: str, data: dict[str, Any]) -> pytest.MarkDecorator:
    """Make an item of each entry of a list in a packet's figures."""
    found = [pytest.param(entry, id=entry["id"]) for entry in data[name]]
    return pytest.mark.parametrize("entry", found)


# ------------------------------------------------------------------------ packets


@pytest.mark.parametrize("name", ["ownership", "full"])
def test_seal_holds(name: str) -> None:
    """The packet's manifest seals bytes, length and order of all its files."""
    packet = open_packet(name, PACK)
    assert packet.steps[0].kind == "preflight"
    assert set(packet.files) > {step.file for step in packet.steps}


@pytest.mark.parametrize("name", ["ownership", "full"])
def test_gate_predicate(name: str) -> None:
    """Every gated file quotes the monitor's predicate, letter for letter."""
    packet = open_packet(name, PACK)
    gated = [s for s in packet.steps if s.kind != "verify" and s.name != "structure"]
    for step in gated:
        assert packet.bytes_of(step).decode().count(Gate(PACK).predicate()) == 1, (
            step.file
        )


# ----------------------------------------------------------------- the full packet


@entries("deltas", FULL)
def test_tier(full: Rollout, entry: dict[str, Any]) -> None:
    """A tier changes exactly its delta, and says its figures."""
    full.reach(entry["step"])
    _assert_delta(full, entry)


@entries("stops", FULL)
def test_stop(full: Rollout, entry: dict[str, Any]) -> None:
    """A tier is stopped by what its header names, and by that alone."""
    _assert_stop(full, entry)


@row("t8-figures")
def test_verified_figures(full: Rollout) -> None:
    """A finalized database reads as the runbook's table says."""
    with full.trial("6") as connection:
        found = dict(_table(full, connection, "8"))
    wrong = {
        name: (expected, found.get(name))
        for name, expected in FULL["verified"].items()
        if found.get(name) != expected
    }
    assert not wrong, f"figure: (expected, found): {wrong}"


@row("tu-contract")
def test_ui_contract(full: Rollout) -> None:
    """All seven v_ui_ views read, row by row, and no drift is critical."""
    full.reach("8")
    outcome = full.run(full.step("U"))
    assert outcome.failed is None, str(outcome.failed)
    run = outcome.runs[0]
    assert run.notices[-1] == "UI CONTRACT PASS views=7 critical_drift=0"
    assert run.rows == {}


@row("finalized")
def test_finalized(full: Rollout, request: pytest.FixtureRequest) -> None:
    """After the last tier the phase is finalized, and every step stands whole."""
    full.reach("8")
    request.node.user_properties.append(("oneroof_steps", json.dumps([full.log()])))
    standing = full.standing()
    assert standing.phase.name == "finalized", standing.lines()
    assert [s.state for s in standing.steps if s.packet == "full"] == ["whole"] * 6


@pytest.mark.parametrize("number", ["1", "2", "3", "4", "5"])
def test_partial(full: Rollout, number: str) -> None:
    """Between two tiers the state is partial; the way back is told, a run refused."""
    full.reach(number)
    standing = full.standing()
    assert standing.phase.name == "partial", standing.lines()
    full_ones = [s for s in standing.steps if s.packet == "full"]
    stands = [s.step for s in full_ones if s.state == "whole"]
    assert stands == list("12345"[: int(number)])
    outcome = full.run(*full.packet.steps)
    assert outcome.failed is not None
    assert not outcome.runs
    assert outcome.failed.said == "REFUSING: axis substrate already present (6 tables)"
    assert "oneroof rollout rollback full" in outcome.failed.hint


@row("rerun")
def test_second_run_is_refused(full: Rollout) -> None:
    """A finalized database refuses the same bytes again, in the preflight."""
    full.reach("8")
    outcome = full.run(*full.packet.steps)
    assert outcome.failed is not None
    assert not outcome.runs
    assert outcome.failed.step.step == "0"
    assert outcome.failed.said == "REFUSING: axis substrate already present (6 tables)"


@row("out-of-scope")
def test_nothing_else_moves(full: Rollout) -> None:
    """Entry, middle and exit of a rollout differ in nothing that is out of scope."""
    full.reach(GREENFIELD)
    entry = full.probe()
    full.reach(full.packet.middle)
    middle = full.probe()
    full.reach("8")
    last = full.probe()
    for probe in (middle, last):
        moved = {
            name: (entry[name][1], found)
            for name, (scope, found) in probe.items()
            if scope != "in scope" and found != entry[name][1]
        }
        assert not moved, f"moved (entry, later): {moved}"
    scoped = {name: last[name][1] for name in ("own", "gap", "axis_tables")}
    assert scoped == {"own": 30, "gap": 0, "axis_tables": 6}


@row("rollback")
def test_rollback_proves_itself(full: Rollout) -> None:
    """Applied differs from before; rolled back equals before, schema and content."""
    proof = full.proved(*full.packet.rollback)
    assert proof.holds, "\n".join(proof.lines())
    assert full.standing().phase.name == GREENFIELD


@row("rollback-twice")
def test_rollback_is_idempotent(full: Rollout) -> None:
    """A second rollback holds and changes nothing; as a proof it fails."""
    full.reach(GREENFIELD)
    met = full.pin()
    full.back()
    now = full.pin()
    assert now.items() == met.items()
    assert prove("full", met, met, now).codes == (DID_NOT_MUTATE,)


@row("rollback-by-tier")
def test_rollback_by_tier(full: Rollout) -> None:
    """Undone tier by tier, last first, the database is as before."""
    proof = full.proved(*full.packet.tiers_back)
    said = [(s.step, full.runs[s.step].notices[-1]) for s in full.packet.tiers_back]
    assert said == [(entry["step"], entry["says"]) for entry in FULL["back"]]
    assert proof.holds, "\n".join(proof.lines())


@row("recompile")
def test_structure_compiles_again(full: Rollout) -> None:
    """Dropped and made again in one transaction, the structure is whole."""
    with full.trial("6") as connection:
        full.send(connection, "R")
        assert value(connection, NAMES) == 0
        notices = full.send(connection, "1")
        assert "TIER 1: tables=11 views=31 functions=1 rows=0" in notices
        assert value(connection, NAMES) == OBJECTS - 1


@row("rescan")
def test_scan_is_stable(full: Rollout) -> None:
    """Two further scans find what the first found: nothing new, nothing resolved."""
    with full.trial("6") as connection:
        for _ in range(2):
            connection.execute("SELECT public.fn_governance_scan('test', 'again')")
        found = rows(
            connection,
            "SELECT finding_count, new_count, resolved_count"
            "  FROM public.governance_scan_run ORDER BY scan_id",
        )
    count = found[0][0]
    assert count > 0
    assert found == [(count, count, 0), (count, 0, 0), (count, 0, 0)]


@row("option-3")
def test_inert_shadow_collides(full: Rollout) -> None:
    """Option 3, structure without the gate, blocks the release and shows nothing.

    Tier 1 asks for no ratification; once it stands the preflight refuses, tier 2
    still asks for the gate, and no view reads a row of the release.
    """
    with full.trial(GREENFIELD) as connection:
        connection.execute("DELETE FROM public.os_proposal_approvals")
        assert value(connection, NAMES) == 0
        notices = full.send(connection, "1")
        assert "TIER 1: tables=11 views=31 functions=1 rows=0" in notices
        assert value(connection, NAMES) == OBJECTS - 1
        assert (
            value(connection, "SELECT count(*) FROM public.v_object_owner_gap") == 210
        )
        gate = "REFUSING: ratification gate not met (os_proposal_approvals=0)"
        assert _stopped(full, connection, "2") == gate
        _sign(connection)
        assert _stopped(full, connection, "0") == (
            "REFUSING: axis substrate already present (6 tables)"
        )
        assert _stopped(full, connection, "1").startswith("REFUSING: there already: ")


@row("seeded-refused")
def test_full_refuses_a_seeded_database(ownership: Rollout, full: Rollout) -> None:
    """The packets are alternatives: full refuses a seeded database, by its way back."""
    with (
        ownership.trial("2") as connection,
        pytest.raises(psycopg.errors.RaiseException) as error,
    ):
        full.send(connection, "0")
    assert error.value.diag.message_primary == "REFUSING: pre-state own=30, expected 0"
    assert error.value.diag.message_hint == (
        "seeded by F6_OWNERSHIP_SEED_COMMIT; the way back: "
        "oneroof rollout rollback ownership"
    )


# ------------------------------------------------------------ the ownership packet


@entries("deltas", OWNERSHIP)
def test_seed(ownership: Rollout, entry: dict[str, Any]) -> None:
    """A step of the ownership packet changes exactly its delta."""
    ownership.reach(entry["step"])
    _assert_delta(ownership, entry)


@entries("stops", OWNERSHIP)
def test_seed_stop(ownership: Rollout, entry: dict[str, Any]) -> None:
    """A step of the ownership packet is stopped by what its header names."""
    _assert_stop(ownership, entry)


@row("seed-rollback")
def test_seed_rollback_proves_itself(ownership: Rollout) -> None:
    """The seed's rollback takes 30 anchors back, and the sequence with them."""
    ownership.reach("2")
    assert ownership.standing().phase.name == "seeded"
    proof = ownership.proved(*ownership.packet.rollback)
    assert proof.holds, "\n".join(proof.lines())
    taken = {"public.governance_object_ownership": (0, 0, 30)}
    assert ownership.runs["R"].rows == taken


# ------------------------------------------------------------------------- helpers


def _rollout(request: pytest.FixtureRequest, packet: str) -> Iterator[Rollout]:
    run_of(request)
    made = Rollout(packet, lambda: committing_clone(request))
    try:
        yield made
    finally:
        made.close()


def _assert_delta(rollout: Rollout, entry: dict[str, Any]) -> None:
    run = rollout.runs[entry["step"]]
    found = {name: list(counts) for name, counts in run.rows.items()}
    assert found == entry["rows"], f"rows of {run.file}: added, changed, removed"
    assert list(run.notices) == entry["says"]


def _assert_stop(rollout: Rollout, entry: dict[str, Any]) -> None:
    with rollout.trial(entry["stage"]) as connection:
        if entry["spoil"]:
            connection.execute(entry["spoil"].encode())
        said = _stopped(rollout, connection, entry["step"])
    expected = entry["says"].format(database=rollout.clone.name)
    assert said == expected, f"stopped by another rule: {said}"


def _stopped(rollout: Rollout, connection: psycopg.Connection[Any], number: str) -> str:
    """Return the words with which a step stops; fail when it does not."""
    try:
        with connection.transaction():
            rollout.send(connection, number)
    except psycopg.Error as error:
        return error.diag.message_primary or str(error)
    return pytest.fail(f"step {number} was not stopped")


def _table(
    rollout: Rollout, connection: psycopg.Connection[Any], number: str
) -> list[tuple[Any, ...]]:
    """Return the rows that a step's file selects, run inside a trial."""
    step = rollout.step(number)
    text = body(rollout.packet.bytes_of(step).decode(), step.file)
    cursor = connection.execute(text.encode())
    found: list[tuple[Any, ...]] = []
    while True:
        if cursor.description is not None:
            found = cursor.fetchall()
        if not cursor.nextset():
            return found


def _sign(connection: psycopg.Connection[Any]) -> None:
    """Sign within a trial, as a human would; it is rolled back."""
    connection.execute(
        "INSERT INTO public.os_proposal_approvals"
        " (id, status, signature_text, esignature_agreement)"
        " VALUES (repeat('b', 36), 'published', 'Rehearsal, rolled back', true)"
    )
