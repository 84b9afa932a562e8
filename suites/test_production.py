"""Production: nine checks at entry and the same nine at exit of a run.

Each reads in a READ ONLY transaction of its own. What is expected are the figures
of production's phase (`fixtures/phases.json`); at exit also those of the entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pytest_oneroof.suites.figures import Connection, compare, tell
from pytest_oneroof.suites.support import PACK, rows, sql, value

from pytest_oneroof import resources
from pytest_oneroof.production.acceptance import AcceptanceRun
from pytest_oneroof.production.baseline import read_idle
from pytest_oneroof.production.figures import PARTIAL, Figures, Phase, expected_of
from pytest_oneroof.production.preflight import read_powers, write_reasons
from pytest_oneroof.run.keys import production_key

RECORDED = "fixtures/recorded/figures.json"
MOMENTS = ("entry", "exit")
FIGURES = Figures(PACK)
pytestmark = [pytest.mark.readonly, pytest.mark.parametrize("moment", MOMENTS)]


@pytest.fixture
def run(
    request: pytest.FixtureRequest, oneroof_production: Connection
) -> AcceptanceRun:
    """The production side of this run, its entry baseline read."""
    found = request.config.stash[production_key].run
    assert found is not None, "production is not read in this run"
    assert found.entry is not None, "no entry baseline was read"
    return found


def check_figures(
    connection: Connection, run: AcceptanceRun, moment: str, *names: str
) -> None:
    """Assert figures against production's phase, and at exit against the entry.

    A partial phase has no figures: it fails, and says which half is there.
    """
    metrics = FIGURES.metrics(connection)
    phase = FIGURES.phase(metrics, FIGURES.traces(connection))
    assert phase is not None
    found = {name: metrics[name] for name in names}
    if moment == "exit":
        assert run.entry is not None
        before = {name: run.entry.metrics[name] for name in names}
        tell(compare(before, found), "at exit, expected as at entry")
    if phase.name == PARTIAL:
        pytest.fail(f"production is in no known phase: {phase}", pytrace=False)
    tell(compare(expected(phase, names, found), found), f"phase {phase.name!r}")


def expected(
    phase: Phase, names: tuple[str, ...], found: dict[str, int]
) -> dict[str, Any]:
    """Return what the phase expects of figures; one that may be any, as found."""
    values: dict[str, Any] = {}
    for name in names:
        exactly, least = expected_of(FIGURES.plan, phase, name)
        values[name] = found[name] if exactly is None else exactly
        if least is not None and found[name] < least:
            values[name] = f"at least {least}"
    return values


def check_recorded(found: Mapping[str, int], *names: str) -> None:
    """Assert figures against what was recorded of production.

    Entry equal to exit would also hold on the wrong database. A figure that moved on
    purpose is recorded anew, after a review.
    """
    recorded = resources.read_json(RECORDED)
    exactly, least = recorded["exactly"], recorded["at_least"]
    wanted: dict[str, Any] = {}
    for name in names:
        if name in exactly:
            wanted[name] = exactly[name]
        else:
            enough = found[name] >= least[name]
            wanted[name] = found[name] if enough else f"at least {least[name]}"
    tell(compare(wanted, found), "as recorded of production")


def test_p1_database_name(
    oneroof_production: Connection, run: AcceptanceRun, moment: str
) -> None:
    """The database is the declared production, the same one at entry and exit."""
    name = value(oneroof_production, "SELECT current_database()::text")
    assert run.entry is not None
    tell(compare({"database": run.entry.database}, {"database": name}), "at entry")
    declared = run.rules.productions
    assert run.facts.declared_as(declared), (
        f"{name!r} is not a declared production: {', '.join(declared)}"
    )


def test_p2_ownership(
    oneroof_production: Connection, run: AcceptanceRun, moment: str
) -> None:
    """Ownership rows are those of the phase."""
    check_figures(oneroof_production, run, moment, "own")


def test_p3_gap(
    oneroof_production: Connection, run: AcceptanceRun, moment: str
) -> None:
    """Open cells are those of the phase, over an inventory that is not empty."""
    check_figures(oneroof_production, run, moment, "gap", "conflict")
    metrics = FIGURES.metrics(oneroof_production)
    cells = metrics["inventory"] * metrics["scopes"]
    assert cells > 0, "the inventory is empty: a gap would prove nothing"
    assert metrics["gap"] <= cells, f"gap {metrics['gap']} of only {cells} cells"
    check_recorded(metrics, "inventory", "containment", "scopes")


def test_p4_ratification(
    oneroof_production: Connection, run: AcceptanceRun, moment: str
) -> None:
    """Approvals fit the phase: a seeded or finalized production is ratified."""
    check_figures(oneroof_production, run, moment, "ospa")
    names = ("approval_requests", "apr_approvals", "apr_action_types")
    check_recorded(FIGURES.metrics(oneroof_production), *names)


def test_p5_nothing_emitted(
    oneroof_production: Connection, run: AcceptanceRun, moment: str
) -> None:
    """The outbox holds no governance event, and no governance type is active."""
    check_figures(oneroof_production, run, moment, "gov_emit")
    check_recorded(FIGURES.metrics(oneroof_production), "gov_active")


def test_p6_axis_tables(
    oneroof_production: Connection, run: AcceptanceRun, moment: str
) -> None:
    """Axis tables are those of the phase: none, or all six."""
    check_figures(oneroof_production, run, moment, "axis_tables")


def test_p7_scanner_state(
    oneroof_production: Connection, run: AcceptanceRun, moment: str
) -> None:
    """Scanner and cursor are as the phase has them, registries as recorded."""
    check_figures(
        oneroof_production,
        run,
        moment,
        "candidate_state",
        "candidate_object",
        "ruleset",
        "scan_run",
        "cursor",
    )
    check_recorded(FIGURES.metrics(oneroof_production), "dot_tools")
    documented = dict(rows(oneroof_production, sql("production/documented.sql")))
    check_recorded(documented, *documented)


def test_p8_idle_in_transaction(
    oneroof_production: Connection, run: AcceptanceRun, moment: str
) -> None:
    """No session of this database, but ours, idles in an open transaction."""
    idle = read_idle(
        oneroof_production,
        in_recovery=run.facts.in_recovery,
        sees_sessions=run.facts.sees_sessions,
    )
    if not idle.shown:
        pytest.skip(idle.reason)
    if idle.reason:
        pytest.fail(idle.reason, pytrace=False)
    found = "; ".join(idle.sessions) or "none"
    wanted = {"idle in transaction": "none"}
    tell(compare(wanted, {"idle in transaction": found}), moment)


def test_p9_no_write_channel(
    oneroof_production: Connection, run: AcceptanceRun, moment: str
) -> None:
    """The role cannot write, the transaction is READ ONLY, no id was assigned."""
    now = replace(run.facts, powers=read_powers(oneroof_production))
    reasons = write_reasons(now, run.rules)
    assert not reasons, "; ".join(reason.found for reason in reasons)
    found = rows(
        oneroof_production,
        "SELECT current_setting('transaction_read_only') AS read_only,"
        " current_setting('transaction_isolation') AS isolation,"
        " coalesce(pg_current_xact_id_if_assigned()::text, 'none') AS id",
    )
    names = ("transaction_read_only", "transaction_isolation", "transaction id")
    wanted = dict(zip(names, ("on", "repeatable read", "none"), strict=True))
    tell(compare(wanted, dict(zip(names, found[0], strict=True))), "this transaction")
    assert run.channel is not None
    unproved = [str(r) for r in run.channel.readings if r.verdict != "clean"]
    assert not unproved, "\n".join(unproved)
