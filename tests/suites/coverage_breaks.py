"""One break for each coverage check, applied inside the guarded transaction.

Copied into an inner pytest project by `test_coverage_fail.py` and run there: each
test breaks one thing, calls the shipped check, and expects it to fail by name.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

Failed = (AssertionError, pytest.fail.Exception)
UNGUARDED = "DROP INDEX public.uq_gov_obj_accountable"
ANCHOR = (
    "DELETE FROM public.governance_object_ownership"
    " WHERE object_ref = 'GRP-AI' AND scope = 'audit'"
)
SILENT = (
    "ALTER TABLE public.event_outbox DISABLE TRIGGER trg_event_outbox_type_validate"
)
OWNER = (
    "INSERT INTO public.governance_object_ownership (object_type, object_ref, scope,"
    " owner_kind, owner_gov_code, is_inherited_anchor, lifecycle_status, created_by)"
    " VALUES ('collection', 'agents', 'audit', 'accountable', 'GOV-SIV', false,"
    " 'active', 'SOMEBODY')"
)
CURSOR = (
    "CREATE FUNCTION public.fn_break() RETURNS trigger LANGUAGE plpgsql AS $$"
    " BEGIN {} END $$;"
    " CREATE TRIGGER trg_break BEFORE {} ON public.gov_worker_cursor"
    " FOR EACH ROW EXECUTE FUNCTION public.fn_break()"
)
BACKWARDS = CURSOR.format(
    "NEW.last_watermark_ts := NEW.last_watermark_ts + interval '1 day'; RETURN NEW;",
    "INSERT",
)


@dataclass(frozen=True)
class Break:
    """What is done to the clone, and what the check has to say then.

    With `undo_lost` the check's savepoint is kept where it should be undone.
    """

    does: str
    tells: str
    undo_lost: bool = False


BREAKS = {
    "r1.1": Break(
        ANCHOR,
        "own: expected 30, found 29\n  anchors: expected 30, found 29\n"
        "  anchored_once: expected 30, found 29\n"
        "  coverage/unanchored.sql: GRP-AI/audit",
    ),
    # An empty inventory has no gap either: the vacuous pass.
    "r1.2": Break(
        "UPDATE public.collection_registry SET governance_role = 'observed'"
        " WHERE governance_role = 'governed'",
        "inventory: expected 35, found 0",
    ),
    "r1.3": Break(
        f"{UNGUARDED}; CREATE UNIQUE INDEX uq_gov_obj_accountable"
        " ON public.governance_object_ownership (object_type, object_ref, scope)"
        " WHERE owner_kind = 'accountable' AND lifecycle_status = 'revoked'",
        "guarded: expected True, found False\n  predicate: expected ((owner_kind = "
        "'accountable'::text) AND (lifecycle_status = 'active'::text)), found "
        "((owner_kind = 'accountable'::text) AND (lifecycle_status = 'revoked'::text))",
    ),
    "r1.4": Break(
        ANCHOR,
        "covered_cells: expected 210, found 209\n  gap_cells: expected 0, found 1\n"
        "  ownership_rows: expected 30, found 29\n"
        "  coverage_pct: expected 100.00, found 99.52",
    ),
    "r2.1": Break(ANCHOR, "total: expected 240, found 238"),
    "r2.2": Break(OWNER, "direct: expected 30, found 31"),
    "r2.3": Break(
        "UPDATE public.governance_object_ownership SET owner_gov_code = 'GOV-SIV'"
        " WHERE object_ref = 'GRP-AI' AND scope = 'audit';"
        "UPDATE public.governance_object_ownership SET is_inherited_anchor = false"
        " WHERE object_ref = 'GRP-BUSINESS'",
        "inherited: expected 210, found 198\n"
        "  inherited_cells: expected 210, found 198\n"
        "  agreeing_cells: expected 210, found 198",
    ),
    "r3.1": Break(
        "INSERT INTO public.governance_candidate_state (group_key, ruleset_version,"
        " source_snapshot_ref, candidate_verdict)"
        " VALUES ('GRP-NEW', 'RS-CLONE-TEST-1', 1, 'unknown')",
        "candidate_state: expected 5, found 6",
    ),
    "r3.2": Break(
        "DELETE FROM public.governance_candidate_object"
        " WHERE candidate_key LIKE '%agents'",
        "candidate_object: expected 35, found 34",
    ),
    "r3.3": Break(
        "UPDATE public.candidate_scan_run SET status = 'failed'"
        " WHERE run_id = 'SCAN-CLONE-TEST-2'",
        "scan_run_completed: expected 2, found 1",
    ),
    "r3.4": Break(
        "UPDATE public.governance_ruleset SET status = 'draft'",
        "ruleset_active: expected 1, found 0",
    ),
    # A state whose natural key is no longer what the scanner would write.
    "r4.1": Break(
        "UPDATE public.governance_candidate_object SET group_key = 'GRP-AI'"
        " WHERE group_key = 'GRP-WORKFLOW';"
        "UPDATE public.governance_candidate_state SET group_key = 'grp-workflow'"
        " WHERE group_key = 'GRP-WORKFLOW'",
        "candidate_state: expected 5, found 6",
    ),
    "r4.2": Break(
        "UPDATE public.governance_candidate_object"
        " SET candidate_key = upper(candidate_key) WHERE group_key = 'GRP-AI'",
        "candidate_object: expected 35, found 36",
    ),
    "r5.1": Break(
        "UPDATE public.event_type_registry SET active = true"
        " WHERE event_domain = 'governance'",
        "accepted, though fn_event_type_validate should refuse it",
    ),
    "r5.2": Break(SILENT, "accepted, though fn_event_type_validate should refuse it"),
    "r5.3": Break(
        f"{SILENT}; INSERT INTO public.event_outbox (event_domain, event_type,"
        " event_stream, delivery_lane, event_subject_table, event_subject_ref,"
        " canonical_address, actor_ref, source_system) VALUES ('governance',"
        " 'coverage.scan_completed', 'health', 'delayed', 'v_object_owner_gap', 'all',"
        " 'collection:agents', 'gov:break', 'break')",
        "gov_emit: expected 0, found 1",
    ),
    "r6.1": Break(
        BACKWARDS,
        "rows written: expected 0, found 1\n"
        "  last_watermark_id: expected wm-2, found wm-0",
    ),
    "r6.2": Break(
        BACKWARDS,
        "rows written: expected 0, found 1\n  events_seen: expected 20, found 30",
    ),
    "r6.3": Break(
        CURSOR.format("RETURN NULL;", "UPDATE"),
        "rows written: expected 1, found 0\n"
        "  last_watermark_id: expected wm-3, found wm-2",
    ),
    "r6.4": Break(
        CURSOR.format("NEW.events_seen := 10; RETURN NEW;", "UPDATE"),
        "events_seen: expected 30, found 10",
    ),
    "r7.1": Break(
        UNGUARDED, "accepted, though uq_gov_obj_accountable should refuse it"
    ),
    "r8.1": Break(OWNER, "gap: expected 210, found 209"),
    "r8.2": Break(OWNER, "own: expected 0, found 1"),
    "r8.3": Break("SELECT", "own: expected 30, found 0", undo_lost=True),
    "r8.4": Break("SELECT", "gap: expected 0, found 210", undo_lost=True),
    "r8.5": Break(
        "CREATE FUNCTION public.fn_break() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN UPDATE public.governance_candidate_object SET dirty = true"
        " WHERE group_key = 'GRP-AI'; RETURN NULL; END $$;"
        " CREATE TRIGGER trg_break AFTER DELETE ON public.governance_object_ownership"
        " FOR EACH STATEMENT EXECUTE FUNCTION public.fn_break()",
        "after the undo:\n  object collection:agents: expected {",
        undo_lost=True,
    ),
}

# Breaks that a check by its main figure alone would miss.
FURTHER = {
    "r1.1": Break(
        "UPDATE public.governance_object_ownership SET object_ref = 'GRP-OTHER'"
        " WHERE object_ref = 'GRP-AI' AND scope = 'audit'",
        "groups: expected 5, found 6\n  beside_the_grid: expected 0, found 1\n"
        "  anchored_once: expected 30, found 29",
    ),
    "r1.2": Break(
        "UPDATE public.collection_registry SET governance_role = 'governed',"
        " coverage_status = 'BIRTH_REQUIRED', \"group\" = 'GRP-AI' WHERE id = ("
        " SELECT min(id) FROM public.collection_registry"
        " WHERE governance_role <> 'governed')",
        "inventory: expected 35, found 36",
    ),
    "r1.3": Break(
        UNGUARDED,
        "guarded: expected True, found False\n"
        "  on_table: expected governance_object_ownership, found None",
    ),
    "r5.1": Break(
        "DELETE FROM public.event_type_registry WHERE event_domain = 'governance'",
        "'is inactive' is not in: event_type_registry: unknown (domain, type)",
    ),
    "r5.3": Break(
        "TRUNCATE public.event_outbox, public.event_read",
        "outbox_filled: expected True, found False",
    ),
    "r6.1": Break(
        "DELETE FROM public.gov_worker_cursor",
        "coverage/cursor_state: one row expected, found 0",
    ),
    "r7.1": Break(
        f"{UNGUARDED}; CREATE UNIQUE INDEX uq_other"
        " ON public.governance_object_ownership (object_type, object_ref, scope)",
        "refused by another rule than uq_gov_obj_accountable: 23505",
    ),
}


def shipped_checks() -> dict[str, Callable[[Any], None]]:
    """Return the shipped checks by their ids."""
    module = importlib.import_module("pytest_oneroof.suites.test_coverage")
    found = {}
    for name, function in vars(module).items():
        if name.startswith("test_"):
            marks = [m for m in function.pytestmark if m.name == "parametrize"]
            found[marks[0].args[1][0].id] = function
    return found


@contextlib.contextmanager
def kept_savepoint() -> Iterator[None]:
    """Swallow the request to undo, and undo nothing."""
    with contextlib.suppress(psycopg.Rollback):
        yield


def test_every_check_has_its_break() -> None:
    """There is one break for each shipped check, in the same order."""
    assert list(BREAKS) == list(shipped_checks())


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        pytest.param(name, broken, id=f"{name}{suffix}")
        for suffix, breaks in (("", BREAKS), ("-further", FURTHER))
        for name, broken in breaks.items()
    ],
)
def test_check_fails(
    name: str, broken: Break, oneroof_clone: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check passes before its break, and fails by name after it."""
    check = shipped_checks()[name]
    with oneroof_clone.transaction():
        check(oneroof_clone)
        raise psycopg.Rollback
    oneroof_clone.execute(broken.does)
    if broken.undo_lost:
        monkeypatch.setattr(oneroof_clone, "transaction", kept_savepoint)
    with pytest.raises(Failed) as failure:
        check(oneroof_clone)
    assert broken.tells in str(failure.value)
