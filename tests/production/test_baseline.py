"""Phases told from figures, and two baselines compared."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_oneroof import resources
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.production.acceptance import AcceptanceRun
from pytest_oneroof.production.baseline import read_idle
from pytest_oneroof.production.figures import (
    Figures,
    Phase,
    compare_metrics,
    expected_of,
)

from .conftest import Production

PHASES = {
    phase["name"]: phase
    for phase in resources.read_json("fixtures/phases.json")["phases"]
}
FIGURES = Figures(bundled())
PRODUCTION = [name for name, phase in PHASES.items() if phase["production"]]
METRICS = (  # the list of checks, P suite: entry = exit
    "own", "gap", "conflict", "ospa", "gov_emit", "gov_active", "ruleset", "scan_run",
    "candidate_state", "candidate_object", "cursor", "axis_tables", "inventory",
    "containment", "scopes", "dot_tools", "approval_requests", "apr_approvals",
    "apr_action_types",
)  # fmt: skip


def tell_phase(metrics: dict[str, int], traces: dict[str, str] | None = None) -> Phase:
    """Return the phase of One Roof that these figures tell."""
    phase = FIGURES.phase(metrics, traces)
    assert phase is not None
    return phase


def figures(name: str, **other: int) -> dict[str, int]:
    """Return the figures of a phase, ratified, some of them changed."""
    common = {"conflict": 0, "gov_emit": 0, "ospa": 1}
    return common | PHASES[name]["figures"] | other


@pytest.mark.parametrize("name", PHASES)
def test_a_phase_is_told_by_its_figures(name: str) -> None:
    """Figures alone tell each phase, the clone's baseline too."""
    assert str(tell_phase(figures(name))) == name


@pytest.mark.parametrize("name", PRODUCTION)
def test_a_production_phase_is_told_by_figures_and_traces(name: str) -> None:
    """On a production traces, and where needed ratification, have to fit as well."""
    traces = PHASES[name]["traces"]
    assert tell_phase(figures(name), traces).name == name
    for trace in traces:
        assert tell_phase(figures(name), {**traces, trace: "x"}).name == "partial"
    unratified = tell_phase(figures(name, ospa=0), traces)
    assert unratified.name == ("greenfield" if name == "greenfield" else "partial")


def test_a_clone_state_is_no_production_phase() -> None:
    """A production that looks like the clone's baseline is partial."""
    name = "seeded + scanned"
    assert tell_phase(figures(name), PHASES[name]["traces"]).name == "partial"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            {"own": 30, "gap": 0},
            "partial: ownership as in seeded or seeded + scanned or finalized (own 30, "
            "gap 0, conflict 0); axis substrate as in greenfield or seeded or seeded + "
            "scanned (axis_tables 0); scanner as in no phase (candidate_state 5, "
            "candidate_object 0, scan_run 0, ruleset 0, cursor 0) (nearest: seeded; "
            "candidate_state 5 instead of 0)",
        ),
        (
            {"candidate_state": 0, "axis_tables": 4},
            "partial: ownership as in greenfield (own 0, gap 210, conflict 0); axis "
            "substrate as in no phase (axis_tables 4); scanner as in greenfield or "
            "seeded or finalized (candidate_state 0, candidate_object 0, scan_run 0, "
            "ruleset 0, cursor 0) (nearest: greenfield; axis_tables 4 instead of 0)",
        ),
    ],
    ids=["scanner", "axis"],
)
def test_partial_says_which_half_is_there(changed: dict[str, int], told: str) -> None:
    """Each part of the pipeline is told with the phases that it fits."""
    assert str(tell_phase(figures("greenfield", candidate_state=5) | changed)) == told


def test_expectations_come_from_the_phase() -> None:
    """A figure is expected exactly, at least, or not at all."""
    greenfield, seeded = (
        tell_phase(figures(name)) for name in ("greenfield", "seeded")
    )
    assert expected_of(FIGURES.plan, greenfield, "gap") == (210, None)
    assert expected_of(FIGURES.plan, seeded, "gov_emit") == (0, None)
    assert expected_of(FIGURES.plan, seeded, "ospa") == (None, 1)
    assert expected_of(FIGURES.plan, greenfield, "ospa") == (None, None)
    with pytest.raises(KeyError):
        expected_of(FIGURES.plan, tell_phase({}), "own")


def test_moved_metrics_are_compared_by_name() -> None:
    """A figure that moved, came or went is told with both values."""
    moved = compare_metrics({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": 0})
    assert moved == {"b": (2, 5), "c": (3, None), "d": (None, 0)}


def test_entry_holds_every_metric(production: Production) -> None:
    """The baseline has all 19 figures, the organic ones, phase, gate and schema."""
    run = AcceptanceRun(production.reader, production.rules, bundled())
    run.start()
    entry = run.entry
    assert entry is not None
    assert set(entry.metrics) == set(METRICS)
    assert {name: o.exact for name, o in entry.organic.items()} == dict.fromkeys(
        ("birth_registry", "entity_labels", "event_outbox", "system_issues"), True
    )
    assert (entry.phase.name, entry.gate.status, entry.idle.sessions) == (
        "greenfield", "BLOCKED", ()
    )  # fmt: skip
    assert len(entry.schema.objects) > 500
    found = run.end()
    assert (found.differences, found.drift["system_issues"][2]) == ({}, True)
    run.stop()


def test_big_tables_are_estimated(copy: Production) -> None:
    """Beyond 300,000 rows nothing is scanned: the server's live count is told."""
    copy.execute(
        "INSERT INTO public.entity_labels SELECT (jsonb_populate_record(label, '{}')).*"
        "  FROM public.entity_labels AS label WHERE false",
        "UPDATE pg_class SET reltuples = 820183 WHERE relname = 'entity_labels'",
    )
    counted = copy.value("SELECT count(*) FROM public.entity_labels")
    run = AcceptanceRun(copy.reader, copy.rules, bundled())
    run.start()
    assert run.entry is not None
    organic = run.entry.organic["entity_labels"]
    assert not organic.exact
    # The stand-in's rows were never written in this database: no live count.
    assert organic.value in (counted, 820183)
    run.stop()


@pytest.mark.parametrize(
    ("facts", "shown", "says"),
    [
        (
            {"in_recovery": True, "sees_sessions": True},
            False,
            "sessions idle in transaction not shown: a hot standby",
        ),
        (
            {"in_recovery": False, "sees_sessions": False},
            True,
            "unprovable: the role is no",
        ),
    ],
)
def test_sessions_that_cannot_be_seen_have_a_reason(
    production: Production, facts: dict[str, Any], *, shown: bool, says: str
) -> None:
    """Neither case is told as no session."""
    with connect(production.admin) as connection:
        idle = read_idle(connection, **facts)
    assert (idle.shown, idle.sessions) == (shown, ())
    assert idle.reason.startswith(says)
