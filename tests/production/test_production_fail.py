"""Every check of the production suite is seen failing, for the right reason."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.production.acceptance import AcceptanceRun
from pytest_oneroof.run import suites as shipped

from .conftest import READER, Production
from .test_acceptance import RATIFIED, SEEDED

Failed = (AssertionError, pytest.fail.Exception)

SCOPE = (
    "INSERT INTO public.governance_responsibility_scope (scope_code, status)"
    " VALUES ('seventh', 'active')"
)
EMIT = (
    "UPDATE public.event_type_registry SET active = true"
    " WHERE event_domain = 'governance'",
    "INSERT INTO public.event_outbox (event_domain, event_type, event_stream,"
    " delivery_lane, event_severity, event_subject_table, event_subject_ref,"
    " canonical_address, actor_ref, source_system)"
    " SELECT event_domain, event_type, event_stream, delivery_lane, 'info', 't', 'r',"
    " 'a', 'x', 'y' FROM public.event_type_registry WHERE event_domain = 'governance'"
    " LIMIT 1",
)
CURSOR = (
    "INSERT INTO public.gov_worker_cursor (worker_name, source_name)"
    " VALUES ('worker', 'source')"
)
AXIS = "CREATE TABLE public.axis_value (id int)"

# What is done to a greenfield production before the run, and what the check says.
BREAKS = {
    "p2_ownership": ([f"{SEEDED} LIMIT 12"], "ownership as in no phase (own 12, "),
    "p3_gap": ([SCOPE], "(own 0, gap 245, conflict 0)"),
    "p4_ratification": ([SEEDED], "ospa 0 instead of at least 1"),
    "p5_nothing_emitted": (EMIT, "gov_emit: expected 0, found 1"),
    "p6_axis_tables": ([AXIS], "axis substrate as in no phase (axis_tables 1)"),
    "p7_scanner_state": ([CURSOR], "scanner as in no phase (candidate_state 0, "),
}
# What is done between entry and exit, and what the exit check says.
MOVES = {
    "p2_ownership": ([SEEDED], "own: expected 0, found 30"),
    "p3_gap": ([RATIFIED, SEEDED], "gap: expected 210, found 0"),
    "p4_ratification": ([RATIFIED], "ospa: expected 0, found 1"),
    "p5_nothing_emitted": (EMIT, "gov_emit: expected 0, found 1"),
    "p6_axis_tables": ([AXIS], "axis_tables: expected 0, found 1"),
    "p7_scanner_state": ([CURSOR], "cursor: expected 0, found 1"),
}


@contextlib.contextmanager
def running(production: Production) -> Iterator[AcceptanceRun]:
    """Yield a run whose entry baseline has been read."""
    run = AcceptanceRun(production.reader, production.rules, bundled())
    run.start()
    try:
        yield run
    finally:
        run.stop()


def fails(run: AcceptanceRun, name: str, moment: str) -> str:
    """Return what a shipped check says when it fails; fail when it passes."""
    function: Any = getattr(shipped.load(bundled(), "production"), f"test_{name}")
    connection = run.begin(name)
    try:
        with pytest.raises(Failed) as caught:
            function(connection, run, moment)
    finally:
        run.finish()
    return str(caught.value)


@pytest.mark.parametrize("name", BREAKS)
def test_a_figure_of_no_phase_fails_the_entry(copy: Production, name: str) -> None:
    """P2 to P7 tell at entry the figure that fits no phase, or not this one."""
    statements, told = BREAKS[name]
    copy.execute(*statements)
    with running(copy) as run:
        assert told in fails(run, name, "entry")


@pytest.mark.parametrize("name", MOVES)
def test_a_figure_that_moved_fails_the_exit(copy: Production, name: str) -> None:
    """P2 to P7 tell at exit the figure that is not as at entry."""
    statements, told = MOVES[name]
    with running(copy) as run:
        copy.execute(*statements)
        text = fails(run, name, "exit")
    assert text.startswith("1 figure moved, at exit, expected as at entry:")
    assert told in text


def test_an_empty_inventory_proves_nothing(copy: Production) -> None:
    """P3 does not take a gap over an empty inventory for a closed one."""
    copy.execute(
        RATIFIED, SEEDED, "UPDATE public.collection_registry SET governance_role = NULL"
    )
    with running(copy) as run:
        text = fails(run, "p3_gap", "entry")
    assert "the inventory is empty: a gap would prove nothing" in text


def test_another_database_fails_p1(production: Production) -> None:
    """P1 tells a database that is not the declared one, or not that of the entry."""
    with running(production) as run:
        run.rules = replace(run.rules, productions=("other",))
        text = fails(run, "p1_database_name", "entry")
        assert "'directus' is not a declared production: other" in text
        assert run.entry is not None
        run.entry = replace(run.entry, database="other")
        text = fails(run, "p1_database_name", "exit")
        assert "database: expected other, found directus" in text


def test_an_idle_session_fails_p8(copy: Production) -> None:
    """P8 names a session of somebody else that idles in a transaction."""
    with running(copy) as run, connect(copy.admin, autocommit=False) as other:
        other.execute("SELECT 1")
        copy.execute("SELECT pg_sleep(1.1)")
        text = fails(run, "p8_idle_in_transaction", "exit")
        assert f"found pid {other.info.backend_pid} of admin, for 1 s" in text


def test_a_grant_made_meanwhile_fails_p9(copy: Production) -> None:
    """P9 reads the role's powers anew: a right granted after the entry is told."""
    with running(copy) as run:
        copy.execute(f"GRANT INSERT ON public.tasks TO {READER}")
        text = fails(run, "p9_no_write_channel", "exit")
    assert "the role has INSERT on table public.tasks" in text


def test_an_assigned_id_fails_p9(copy: Production) -> None:
    """P9 tells the reading of any check before it that got a transaction id."""
    with running(copy) as run:
        connection = run.begin("a check")
        connection._pgconn.exec_(b"SELECT pg_current_xact_id()")
        reading = run.finish()
        text = fails(run, "p9_no_write_channel", "exit")
    assert "a check: dirty" in text
    assert f"the transaction id {reading.transaction_id}" in text


def test_a_read_write_transaction_fails_p9(copy: Production) -> None:
    """P9 tells a transaction that is not the channel's READ ONLY one."""
    function: Any = shipped.load(bundled(), "production").test_p9_no_write_channel
    with running(copy) as run, connect(copy.reader) as plain:
        plain.execute("SET default_transaction_read_only = off")
        with pytest.raises(Failed) as caught:
            function(plain, run, "entry")
    assert "transaction_read_only: expected on, found off" in str(caught.value)
    assert "repeatable read, found read committed" in str(caught.value)
