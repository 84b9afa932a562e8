"""The pipeline machine with something broken: each invariant has to tell it.

Copied into an inner pytest project by `test_pipeline_fail.py` and run there, beside
the suite itself: that is what puts the suites in reach of an import.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import rule, run_state_machine_as_test

NO_INDEX = "DROP INDEX uq_gov_obj_accountable"
NO_TRIGGER = "ALTER TABLE event_outbox DISABLE TRIGGER trg_event_outbox_type_validate"
EVENT = """
INSERT INTO event_outbox (event_domain, event_type, event_stream, delivery_lane,
  event_subject_table, event_subject_ref, canonical_address)
VALUES ('governance', 'coverage.scan_completed', 'health', 'delayed', 'x', 'x', %s)
"""


@dataclass(frozen=True)
class Break:
    """Something broken before, and in the middle of, what the machine does."""

    says: str
    before: str = ""
    meanwhile: str = ""


BREAKS = {
    "gap view": Break(
        says=r"covered \+ gap = inventory x scopes: 0 \+ 0, but 0 of 210 cells",
        before="CREATE OR REPLACE VIEW v_object_owner_gap AS SELECT object_type,"
        " object_ref, scope_code AS scope FROM v_governance_object_inventory"
        " CROSS JOIN governance_responsibility_scope WHERE false",
        meanwhile="DELETE FROM governance_object_ownership",
    ),
    "owner view": Break(
        says=r"covered \+ gap = inventory x scopes: 0 \+ 0, but 210 of 210 cells",
        before="DELETE FROM governance_responsibility_scope WHERE false;"
        "CREATE OR REPLACE VIEW v_object_owner_gap AS SELECT object_type,"
        " object_ref, scope_code AS scope FROM v_governance_object_inventory"
        " CROSS JOIN governance_responsibility_scope WHERE false;"
        "CREATE OR REPLACE VIEW v_governance_object_containment AS SELECT"
        " 'collection'::text AS object_type, collection_name::text AS object_ref,"
        " 'group'::text AS parent_type, \"group\"::text AS parent_ref"
        " FROM collection_registry WHERE false",
    ),
    "second owner": Break(
        says="a cell has 3 active accountable owners, 1 conflicts told",
        before=NO_INDEX,
        meanwhile="INSERT INTO governance_object_ownership (object_type, object_ref,"
        " scope, owner_kind, owner_gov_code, lifecycle_status)"
        " SELECT 'group', 'GRP-AI', 'audit', 'accountable', code, 'active'"
        " FROM governance_registry ORDER BY code LIMIT 2",
    ),
    "index": Break(
        says="accepted, though 'uq_gov_obj_accountable' should refuse it",
        before=NO_INDEX,
    ),
    "states": Break(
        says="candidate_state 6 exceeds object_groups 5",
        meanwhile="INSERT INTO governance_candidate_state"
        " SELECT (jsonb_populate_record("
        'state, \'{"group_key": "GRP-MORE"}\')).* FROM governance_candidate_state AS'
        " state ORDER BY group_key LIMIT 1",
    ),
    "objects": Break(
        says="candidate_object 36 exceeds objects 35",
        meanwhile="INSERT INTO governance_candidate_object SELECT"
        ' (jsonb_populate_record(object, \'{"candidate_key": "collection:more"}\')).*'
        " FROM governance_candidate_object AS object ORDER BY candidate_key LIMIT 1",
    ),
    "cursor": Break(
        says="the cursor went back: last_watermark_ts",
        meanwhile="UPDATE gov_worker_cursor"
        " SET last_watermark_ts = last_watermark_ts - interval '9 days'",
    ),
    "events seen": Break(
        says="the cursor went back: events_seen 20 -> 19",
        meanwhile="UPDATE gov_worker_cursor SET events_seen = 19",
    ),
    "event past the machine": Break(
        says="governance events in the outbox: expected .*'emitted': 0.* found .*1",
        before=NO_TRIGGER,
        meanwhile=EVENT.replace("%s", "'x'"),
    ),
    "event without provenance": Break(
        says="found .*'without_provenance': 1",
        before=NO_TRIGGER + "; ALTER TABLE event_outbox DROP CONSTRAINT {provenance}",
        meanwhile=EVENT.replace("%s", "NULL"),
    ),
    "validation": Break(
        says="accepted, though '(is inactive|unknown)' should refuse it",
        before=NO_TRIGGER,
    ),
}
PROVENANCE = """
SELECT conname FROM pg_constraint
 WHERE conrelid = 'event_outbox'::regclass
   AND pg_get_constraintdef(oid) LIKE '%%canonical_address IS NOT NULL%%'
 ORDER BY conname
"""


def pipeline() -> Any:
    """Return the shipped machine's class."""
    return importlib.import_module("pytest_oneroof.suites.pipeline_machine").Pipeline


@pytest.mark.parametrize("name", BREAKS)
def test_is_told(oneroof_clone: Any, name: str) -> None:
    """What is broken is told by the invariant, or the refusal, that it breaks."""
    broken = BREAKS[name]
    (provenance,) = oneroof_clone.execute(PROVENANCE, []).fetchone()
    for statement in filter(None, broken.before.split(";")):
        oneroof_clone.execute(statement.format(provenance=provenance))

    class Broken(pipeline()):  # type: ignore[misc]
        connection = oneroof_clone

        if broken.meanwhile:

            @rule()
            def break_it(self) -> None:
                """Do what no step of the pipeline may."""
                self.connection.execute(broken.meanwhile)

    with pytest.raises(AssertionError, match=broken.says):
        run_state_machine_as_test(
            Broken,
            settings=settings(
                deadline=None,
                derandomize=True,
                max_examples=200,
                stateful_step_count=20,
                phases=[Phase.generate],
                report_multiple_bugs=False,
            ),
        )


def test_unbroken(oneroof_clone: Any) -> None:
    """Unbroken, and with the same draws, nothing is told."""
    machine = type("Unbroken", (pipeline(),), {"connection": oneroof_clone})
    run_state_machine_as_test(
        machine,
        settings=settings(
            deadline=None, derandomize=True, max_examples=30, stateful_step_count=20
        ),
    )
