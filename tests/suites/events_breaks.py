"""One break for each events check, applied inside the guarded transaction.

Copied into an inner pytest project by `test_events_fail.py` and run there: each test
breaks one thing, calls the shipped check, and expects it to fail by name.
"""

from __future__ import annotations

import importlib
from typing import Any

import psycopg
import pytest

Connection = psycopg.Connection[Any]
Failed = (AssertionError, pytest.fail.Exception)
ACTIVATE = (
    "UPDATE public.event_type_registry SET active = true"
    " WHERE event_domain = 'governance' AND event_type = 'coverage.scan_completed'"
)
SILENCE = (
    "ALTER TABLE public.event_outbox DISABLE TRIGGER trg_event_outbox_type_validate;"
)
EMITTED = SILENCE + (
    "INSERT INTO public.event_outbox (event_domain, event_type, event_stream,"
    " delivery_lane, event_subject_table, event_subject_ref, canonical_address)"
    " VALUES ('governance', 'coverage.scan_completed', 'health', 'delayed', 't', 'r',"
    " 'a')"
)
ANCHOR = (
    "DELETE FROM public.governance_object_ownership"
    " WHERE object_ref = 'GRP-AI' AND scope = 'audit'"
)
ROUTINE = (
    "CREATE FUNCTION public.fn_break() RETURNS trigger LANGUAGE plpgsql AS $$"
    " BEGIN {} END $$;"
)
TRIGGER = (
    " CREATE TRIGGER trg_break {} ON public.{}"
    " FOR EACH ROW EXECUTE FUNCTION public.fn_break()"
)
NOTIFY = ROUTINE.format("PERFORM pg_notify('out', NEW::text); RETURN NULL;")
VALIDATE = (
    "CREATE OR REPLACE FUNCTION public.fn_event_type_validate() RETURNS trigger"
    " LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$"
    " DECLARE kind public.event_type_registry%ROWTYPE; BEGIN"
    " SELECT * INTO kind FROM public.event_type_registry AS r"
    " WHERE r.event_domain = NEW.event_domain AND r.event_type = NEW.event_type;"
    " {} RETURN NEW; END $$"
)
STREAM = (
    "IF NEW.event_stream <> kind.event_stream THEN"
    " RAISE EXCEPTION 'stream mismatch'; END IF;"
)
LANE = (
    "IF NEW.delivery_lane <> kind.delivery_lane THEN"
    " RAISE EXCEPTION 'lane mismatch'; END IF;"
)
PROVENANCE = (
    "ALTER TABLE public.event_outbox"
    " DROP CONSTRAINT chk_event_outbox_governance_provenance"
)
CALLED = ROUTINE.replace("trigger", "void").replace("fn_break", "fn_called")
REACHED = CALLED.format("{}") + VALIDATE.format("PERFORM public.fn_called();")

BY_SQL = {
    "c0.1": (EMITTED, "gov_emit: expected 0, found 1"),
    "c0.1-empty": ("TRUNCATE public.event_outbox CASCADE", "a count of 0 says nothing"),
    "c0.2": (ACTIVATE, "gov_active: expected 0, found 1"),
    "c0.2-types": (
        "INSERT INTO public.event_type_registry VALUES"
        " ('governance', 'sixth', 'health', 'delayed', 'info', false, NULL)",
        "governance event types: expected ['backfill.sweep_completed'",
    ),
    "c1": (ACTIVATE, "accepted, though fn_event_type_validate should refuse it"),
    "c1-other-rule": (
        VALIDATE.format("RAISE EXCEPTION 'no';"),
        "'is inactive' is not in: no",
    ),
    "c2.1": (
        "ALTER TABLE public.event_outbox"
        " ADD CONSTRAINT chk_break CHECK (event_domain <> 'governance') NOT VALID",
        "a well shaped event of an active type was refused: new row for relation",
    ),
    "c2.2": (
        ROUTINE.format("RETURN NULL;")
        + TRIGGER.format("BEFORE INSERT", "event_outbox"),
        "gov_emit: expected 0 -> 1",
    ),
    "c2.2-changed": (
        ROUTINE.format("NEW.actor_ref := 'somebody'; RETURN NEW;")
        + TRIGGER.format("BEFORE INSERT", "event_outbox"),
        "the row in the outbox is another than was sent",
    ),
    "c2b": (
        PROVENANCE,
        "accepted, though an event without canonical_address is unproven",
    ),
    "c2b-other-rule": (
        f"{PROVENANCE}; ALTER TABLE public.event_outbox"
        " ADD CONSTRAINT chk_break CHECK (event_domain <> 'governance') NOT VALID",
        "refused, but not for the address",
    ),
    "c3-stream": (VALIDATE.format(LANE), "accepted, though fn_event_type_validate"),
    "c3-lane": (VALIDATE.format(STREAM), "accepted, though fn_event_type_validate"),
    "c4-disabled": (SILENCE, "triggers on public.event_outbox: [('trg_event_outbox_ty"),
    "c4-second": (
        NOTIFY + TRIGGER.format("AFTER INSERT", "event_outbox"),
        "triggers on public.event_outbox: [('trg_break', 'public.fn_break', True)",
    ),
    "c4-rule": (
        "CREATE RULE leak AS ON INSERT TO public.event_outbox DO ALSO NOTIFY out",
        "rules on public.event_outbox: ['leak']",
    ),
    "c4-validation-notifies": (
        VALIDATE.format("PERFORM pg_notify('out', 'x');"),
        "notifies: {'public.fn_event_type_validate'}",
    ),
    "c4-called": (
        REACHED.format("NOTIFY out;"),
        "notifies: {'public.fn_called'}",
    ),
    "c4-built": (
        REACHED.format("EXECUTE 'NOT' || 'IFY out';"),
        "public.fn_called executes text built at run time",
    ),
    "c4-default": (
        "CREATE FUNCTION public.fn_default() RETURNS text LANGUAGE sql AS"
        " $$ SELECT pg_notify('out', 'x')::text $$;"
        " ALTER TABLE public.event_outbox ADD COLUMN leak text"
        " DEFAULT public.fn_default()",
        "notifies: {'public.fn_default'}",
    ),
    "c4-further-table": (
        NOTIFY
        + TRIGGER.format("AFTER INSERT", "event_pending")
        + ";"
        + VALIDATE.format(
            "INSERT INTO public.event_pending (entity_table, entity_ref)"
            " VALUES ('t', 'r');"
        ),
        "notifies: {'public.fn_break'}",
    ),
    "c4-lease": (
        "INSERT INTO public.dot_iu_runtime_lease VALUES ('k', 'o', now())",
        "under way: 1 leases, 0 jobs",
    ),
    "c4-job": (
        "INSERT INTO public.job_queue (job_kind, idempotency_key, actor)"
        " VALUES ('dispatch', 'k', 'a')",
        "under way: 0 leases, 1 jobs",
    ),
    "c5": (ANCHOR, "open cells: expected 0, found 1"),
    "c5-twice": (
        "ALTER VIEW public.v_object_owner_gap RENAME TO v_gap_as_it_was;"
        " CREATE VIEW public.v_object_owner_gap AS SELECT * FROM public.v_gap_as_it_was"
        " UNION ALL SELECT * FROM public.v_gap_as_it_was",
        "payloads, seed deleted: expected 210, found 420",
    ),
}
CHECKS = {"c0.1", "c0.2", "c1", "c2.1", "c2.2", "c2b", "c3", "c4", "c5"}
PARAMETERS = {
    "c0.1": ("gov_emit",),
    "c0.2": ("gov_active",),
    "c2.1": ("active",),
    "c2.2": ("emit",),
}


def run(connection: Connection, name: str) -> None:
    """Call the shipped check of that id."""
    suite = importlib.import_module("pytest_oneroof.suites.test_events")
    shipped = name.partition("-")[0]
    stem = f"test_{shipped.partition('.')[0]}_"
    function = next(f for n, f in vars(suite).items() if n.startswith(stem))
    function(connection, *PARAMETERS.get(shipped, ()))


@pytest.mark.parametrize("name", BY_SQL)
def test_data_or_schema_broken(oneroof_clone: Connection, name: str) -> None:
    """The check fails and tells what was broken."""
    statement, tells = BY_SQL[name]
    oneroof_clone.execute(statement.encode())
    with pytest.raises(Failed) as caught:
        run(oneroof_clone, name)
    assert tells in str(caught.value)


def test_program_reached(request: pytest.FixtureRequest) -> None:
    """C4 sees a program that the validation reaches.

    On a throw-away clone: the guard does not let a check even define such a routine.
    It is rolled back, and never called.
    """
    rehearsals = importlib.import_module("pytest_oneroof.suites.rehearsals")
    with (
        rehearsals.committing_clone(request, "throwaway") as clone,
        clone.connection.transaction(force_rollback=True),
    ):
        text = REACHED.format("COPY (SELECT 1) TO PROGRAM 'true';")
        clone.connection.execute(text.encode())
        with pytest.raises(Failed) as caught:
            run(clone.connection, "c4")
    assert "public.fn_called: program on the server" in str(caught.value)


@pytest.mark.parametrize(
    ("part", "instead", "tells"),
    [
        ("'GAP-' ||", "'HOLE-' ||", "payloads of another shape"),
        (
            "'warning' AS severity",
            "'critical' AS severity",
            "payloads of another shape",
        ),
        (
            "\nSELECT\n  'GAP-'",
            "\nWITH written AS (INSERT INTO public.event_pending (entity_table,"
            " entity_ref) VALUES ('t', 'r') RETURNING 1) SELECT 'GAP-'",
            "shaping issues wrote to tables: {'public.event_pending': 2, "
            "'public.governance_object_ownership': 30}",
        ),
    ],
    ids=["code", "severity", "writes"],
)
def test_payload_broken(
    oneroof_clone: Connection,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    instead: str,
    tells: str,
) -> None:
    """C5 fails when payloads are shaped otherwise, and when shaping them writes."""
    suite = importlib.import_module("pytest_oneroof.suites.test_events")
    real = suite.sql

    def changed(asked: str) -> bytes:
        text = real(asked).decode()
        if asked == "events/gap_issue_payload.sql":
            assert part in text
            text = text.replace(part, instead)
        return text.encode()

    monkeypatch.setattr(suite, "sql", changed)
    with pytest.raises(Failed) as caught:
        run(oneroof_clone, "c5")
    assert tells in str(caught.value)


def test_every_check_is_broken() -> None:
    """Each check of the suite has a break."""
    assert {name.partition("-")[0] for name in BY_SQL} == CHECKS
