"""One break for each DOT check, applied inside the guarded transaction.

Copied into an inner pytest project by `test_dot_fail.py` and run there: each test
breaks one thing, calls the shipped check, and expects it to fail by name.
"""

from __future__ import annotations

import importlib
from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[Any]
Failed = (AssertionError, pytest.fail.Exception)
TOOL = "INSERT INTO public.dot_tools (code, name, domain) VALUES ('DOT-999', 'n', 'd')"
ROUTINE = (
    "CREATE FUNCTION public.fn_break() RETURNS trigger LANGUAGE plpgsql AS $$"
    " BEGIN {} END $$;"
)
ON_TOOLS = (
    " CREATE TRIGGER trg_break AFTER INSERT ON public.dot_tools"
    " FOR EACH ROW EXECUTE FUNCTION public.fn_break()"
)
PLAIN = "CREATE FUNCTION public.fn_break() RETURNS void LANGUAGE {} AS $${}$$"
NO_BIRTH = (
    "ALTER TABLE public.dot_tools DISABLE TRIGGER birth_trigger_dot_tools,"
    " DISABLE TRIGGER trg_birth_dot_tools"
)
SECOND_BIRTH = ROUTINE.format(
    "INSERT INTO public.birth_registry (entity_code, collection_name)"
    " VALUES (NEW.code || '-TWIN', 'dot_tools'); RETURN NULL;"
)
OTHER_BIRTH = (
    "CREATE TRIGGER a_break BEFORE INSERT ON public.birth_registry"
    " FOR EACH ROW EXECUTE FUNCTION public.fn_break()"
)

BY_SQL = {
    "d1-count": (TOOL, "dot_tools: expected 309, found 310"),
    "d1-gate": (
        "ALTER TABLE public.dot_tools DISABLE TRIGGER trg_before_birth_gate_dot_tools",
        "the birth gate did not warn of DOT-CLONE-TEST-COVSCAN",
    ),
    "d1-swallowed": (
        ROUTINE.format("RETURN NULL;") + ON_TOOLS.replace("AFTER", "BEFORE"),
        "one value expected: []",
    ),
    "d2-none": (NO_BIRTH, "births: expected 1, found 0"),
    "d2-two": (SECOND_BIRTH + ON_TOOLS, "births: expected 1, found 2"),
    "d2-other": (
        ROUTINE.format("NEW.dot_origin := 'SUSPECT:X'; RETURN NEW;") + OTHER_BIRTH,
        "born: expected ['DOT-CLONE-TEST-COVSCAN', 'dot_tools', 'DIRECTUS'",
    ),
    "d2-role": (
        "UPDATE public.collection_registry SET governance_role = 'observed'"
        " WHERE collection_name = 'dot_tools';"
        + ROUTINE.format("NEW.governance_role := 'excluded'; RETURN NEW;")
        + OTHER_BIRTH,
        "'observed', 'SPE-DOT', 'born'",
    ),
    "d2-issue": (
        ROUTINE.format(
            "INSERT INTO public.event_outbox (event_domain, event_type, event_stream,"
            " delivery_lane, event_subject_table, event_subject_ref)"
            " SELECT event_domain, event_type, event_stream, delivery_lane, 't', 'r'"
            " FROM public.event_type_registry WHERE active AND event_domain = 'iu'"
            " LIMIT 1; RETURN NULL;"
        )
        + ON_TOOLS,
        "written too: ",
    ),
    "d3-trigger": (
        ROUTINE.format("EXECUTE NEW.script_path; RETURN NULL;") + ON_TOOLS,
        "public.fn_break executes text built at run time",
    ),
    "d3-notify": (
        ROUTINE.format("PERFORM pg_notify('run', NEW.code); RETURN NULL;") + ON_TOOLS,
        "notifications set off by DOT tables: ['public.fn_break', 'public.fn_context",
    ),
    "d3-no-notifier": (
        "DROP TRIGGER trg_context_pack_dot_register ON public.dot_tools",
        "notifications set off by DOT tables: []",
    ),
    "d3-ledger": (
        PLAIN.format(
            "sql",
            " INSERT INTO public.dot_iu_command_run (command_code, status)"
            " VALUES ('iu-command-1', 'running') ",
        ),
        "public.dot_iu_command_run is written inside the database by "
        "['public.fn_break']",
    ),
    "d3-lease": (
        "INSERT INTO public.dot_iu_runtime_lease VALUES ('k', 'o', now())",
        "leases, jobs, runs under way before a registration: (1, 0, 0)",
    ),
    "d3-job": (
        "INSERT INTO public.job_queue (job_kind, idempotency_key, actor)"
        " VALUES ('dot', 'k', 'a')",
        "leases, jobs, runs under way before a registration: (0, 1, 0)",
    ),
    "d3-run": (
        "INSERT INTO public.dot_iu_command_run (command_code, status)"
        " VALUES ('iu-command-1', 'running')",
        "leases, jobs, runs under way before a registration: (0, 0, 1)",
    ),
    "d3-executed": (
        ROUTINE.format("NEW.last_executed := now(); RETURN NEW;")
        + ON_TOOLS.replace("AFTER", "BEFORE"),
        "registering executed the tool",
    ),
    "d3-table": (
        "DROP TABLE public.dot_agent_api_contract",
        "that are not there: {'public.dot_agent_api_contract'}",
    ),
}


def suite() -> Any:
    """Return the shipped module."""
    return importlib.import_module("pytest_oneroof.suites.test_dot")


def run(request: pytest.FixtureRequest, connection: Connection, name: str) -> None:
    """Call the shipped check of that id."""
    module = suite()
    if name.startswith("d1"):
        module.test_d1_registration_is_silent(None, request, connection)
    elif name.startswith("d2"):
        module.test_d2_birth_is_the_only_side_effect(None, connection)
    else:
        module.test_d3_nothing_inside_runs_a_dot(connection)


@pytest.mark.parametrize("name", BY_SQL)
def test_data_or_schema_broken(
    request: pytest.FixtureRequest, oneroof_clone: Connection, name: str
) -> None:
    """The check fails and tells what was broken."""
    statement, tells = BY_SQL[name]
    oneroof_clone.execute(statement.encode())
    with pytest.raises(Failed) as caught:
        run(request, oneroof_clone, name)
    assert tells in str(caught.value)


@pytest.mark.parametrize(
    ("does", "tells"),
    [
        (
            "COPY (SELECT 1) TO PROGRAM 'true';",
            "public.fn_break: program on the server",
        ),
        ("PERFORM dblink_exec('c', 'x');", "public.fn_break calls dblink_exec"),
    ],
    ids=["program", "dblink"],
)
def test_executing_routine(
    request: pytest.FixtureRequest, does: str, tells: str
) -> None:
    """D3 sees a routine that leads out of the database.

    On a throw-away clone: the guard does not let a check even define such a routine.
    It is rolled back, and never called.
    """
    rehearsals = importlib.import_module("pytest_oneroof.suites.rehearsals")
    with (
        rehearsals.committing_clone(request, "throwaway") as clone,
        clone.connection.transaction(force_rollback=True),
    ):
        text = PLAIN.format("plpgsql", f"BEGIN {does} END")
        clone.connection.execute(text.encode())
        with pytest.raises(Failed) as caught:
            run(request, clone.connection, "d3")
    assert f"routines that lead out: ['{tells}']" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "tells"),
    [
        ({"status": "active", "tier": "B"}, "the silent row notified: "),
        ({"status": "published", "tier": None}, "expected 1, []"),
    ],
    ids=["never silent", "never told"],
)
def test_notification_broken(
    request: pytest.FixtureRequest,
    oneroof_clone: Connection,
    monkeypatch: pytest.MonkeyPatch,
    given: dict[str, Any],
    tells: str,
) -> None:
    """D1 fails when the silent row notifies, and when the active one does not."""
    module = suite()
    real = module.register
    monkeypatch.setattr(
        module,
        "register",
        lambda connection, **other: real(connection, **other | given),
    )
    with pytest.raises(Failed) as caught:
        run(request, oneroof_clone, "d1")
    assert tells in str(caught.value)


def test_sequence_left_elsewhere() -> None:
    """D2 fails when a sequence is not put back."""
    before, after = [("dot_tools_id_seq", 592, True)], [("dot_tools_id_seq", 593, True)]
    with pytest.raises(AssertionError, match=r"sequences: expected .*592.*found .*593"):
        suite().assert_put_back(before, after)
