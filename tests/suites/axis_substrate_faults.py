"""What is broken for each check of the axis substrate, by check; data only.

Copied into an inner pytest project beside `axis_substrate_breaks.py`.
"""

from __future__ import annotations

import importlib
from typing import Any

from pytest_oneroof import shipped

shipped.load("axis_substrate")
acts = importlib.import_module("pytest_oneroof.suites.axis_acts")

RETIRE = "UPDATE coverage_rule SET status = 'retired' WHERE axis_code = '{}'"
ASSIGNED = (
    "UPDATE axis_assignment SET {} WHERE object_ref = '{}' AND axis_code = 'topic'"
)
TOPIC = "UPDATE axis_value SET {} WHERE value_code = '{}'"
FOUND = "DELETE FROM axis_candidate_finding WHERE finding_type = '{}'"
OTHER_GAP = (
    "ALTER VIEW v_object_owner_gap RENAME TO v_gap_as_it_was;"
    " CREATE VIEW v_object_owner_gap AS SELECT * FROM v_gap_as_it_was"
    " WHERE object_ref <> 'agents'"
)
EMITTED = (
    "UPDATE event_type_registry SET active = true WHERE event_domain = 'governance';"
    " INSERT INTO event_outbox (event_domain, event_type, event_stream, delivery_lane,"
    " event_subject_table, event_subject_ref, canonical_address)"
    " SELECT event_domain, event_type, event_stream, delivery_lane, 't', 'r', 'a:b'"
    " FROM event_type_registry WHERE event_type = 'coverage.scan_completed'"
)
DECIDED = "DELETE FROM topic_label_reconcile_decision WHERE decision = '{}'"
LABEL = (
    "ALTER TABLE taxonomy DISABLE TRIGGER USER;"
    " UPDATE taxonomy SET status = 'retired' WHERE code = 'LBL-003'"
)
ORPHAN = (
    "INSERT INTO entity_labels (entity_code, label_code, assigned_by)"
    " VALUES ('AGT-001', 'LBL-999', 'user')"
)
SECOND_ROOT = (
    "INSERT INTO axis_assignment (object_type, object_ref, axis_code, value_code, zone,"
    " assigned_kind, assigned_at, provenance, created_by) VALUES ('collection',"
    " 'agents', 'topic', 'workflow', 'approved', 'rule', '2026-06-03', '{}',"
    " 'TEST_CLONE_AXIS_N')"
)
DETECTED = (
    "ALTER VIEW v_drift_finding RENAME TO v_as_it_was; CREATE VIEW v_drift_finding AS"
    " SELECT * FROM v_as_it_was WHERE detector_code <> '{}'"
)
PROMOTED = TOPIC.format("status = 'active'", "kg-domain-x")
PROJECTED = "UPDATE entity_labels SET assigned_at = {} WHERE rule_id = {}"
DASHBOARD = (
    "UPDATE governance_drift_state SET severity = 'critical'"
    " WHERE detector_code = 'ui_visible_unapproved'"
)

# What is broken at each stage, by the check that has to see it.
FIGURES: dict[str, dict[str, str]] = {
    "A": {
        "a05": "ALTER TABLE axis_assignment DROP COLUMN match_score",
        "a06": "DROP VIEW v_axis_registry_coverage;"
        " CREATE VIEW v_axis_registry_coverage"
        " AS SELECT 'x' AS axis_code, 1 AS axis_family, 1 AS axis_kind, 1 AS status,"
        " 1 AS value_count, 1 AS active_rules; DROP VIEW v_axis_assignment_quality",
        "a07": "UPDATE axis_registry SET axis_family = 'label'",
        "a08": "DELETE FROM governance_object_ownership WHERE object_ref = 'GRP-AI'",
        "a09": "UPDATE axis_value SET created_by = 'me' WHERE value_code = 'audit'",
    },
    "B": {
        "b01": "UPDATE axis_registry SET axis_kind = 'uncertain'",
        "b02": "DELETE FROM axis_value WHERE value_code = 'GRP-AI'",
        "b03": "UPDATE axis_registry SET status = 'active'; UPDATE axis_value SET"
        " status = 'active'; INSERT INTO coverage_rule (rule_code, axis_code,"
        " applies_to, coverage_mode, status, created_by) VALUES ('CR-X', 'containment',"
        " 'collection', 'cross_product', 'active', 'TEST_CLONE_AXIS_N')",
        "b04": TOPIC.format("parent_value_code = 'workflow'", "ai-ops"),
        "b05": TOPIC.format('provenance = \'{"designated_by": "human"}\'', "ai-ops"),
        "b06": "UPDATE coverage_rule SET confidence_threshold = 0.6"
        " WHERE axis_code = 'topic'",
        "b07": ASSIGNED.format("zone = 'approved'", "agents"),
        "b08": "UPDATE axis_registry SET status = 'active' WHERE axis_code = 'topic';"
        " UPDATE axis_value SET status = 'active'",
        "b09": TOPIC.format(
            'provenance = provenance || \'{"reviewed_by": "x"}\'', "ai-ops"
        ),
    },
    "C": {
        "c01": RETIRE.format("responsibility"),
        "c02": "DELETE FROM axis_object_ownership WHERE object_ref = 'agents'",
        "c03": RETIRE.format("topic"),
        "c04": ASSIGNED.format("confidence = 0.6", "agents"),
        "c05": ASSIGNED.format("assigned_kind = 'human'", "governance_registry"),
        "c06": ASSIGNED.format("zone = 'approved'", "workflows"),
        "c07": "UPDATE coverage_rule SET confidence_threshold = 0.5"
        " WHERE axis_code = 'topic'",
        "c08": "UPDATE coverage_rule SET staleness_days = 90 WHERE axis_code = 'topic'",
        "c09": ASSIGNED.format(
            "zone = 'candidate', provenance = '{}'", "iu_staging_record"
        ),
        "c10": "UPDATE axis_object_ownership SET owner_kind = 'supporting'"
        " WHERE object_ref = 'tasks'",
        "c11": "INSERT INTO coverage_rule (rule_code, axis_code, applies_to,"
        " coverage_mode, status, created_by) VALUES ('CR-X', 'topic', 'collection',"
        " 'per_assignment', 'active', 'TEST_CLONE_AXIS_N')",
    },
    "D": {
        "d01": "UPDATE axis_registry SET status = 'active'",
        "d02": ASSIGNED.format("status = 'retired'", "tasks"),
        "d03": FOUND.format("missing_owner"),
        "d04": "UPDATE axis_candidate_finding SET severity = 'info'"
        " WHERE finding_type = 'low_confidence'",
        "d05": FOUND.format("stale_topic"),
        "d06": FOUND.format("quarantine"),
        "d07": FOUND.format("missing_assignment"),
        "d08": "UPDATE axis_candidate_finding SET scan_count = 3"
        " WHERE finding_type = 'quarantine'",
        "d09": "INSERT INTO dot_iu_runtime_lease VALUES ('k', 'o', now())",
    },
    "E": {
        "e01": "UPDATE event_type_registry SET active = true"
        " WHERE event_domain = 'governance'",
        "e02": "UPDATE event_type_registry SET event_stream = 'review'"
        " WHERE event_type = 'input.untrusted_source'",
        "e03": SECOND_ROOT,
    },
    "again": {
        "again-cells": RETIRE.format("topic"),
        "again-findings": FOUND.format("missing_owner"),
        "again-payloads": "UPDATE event_type_registry SET event_type = 'other'"
        " WHERE event_type = 'candidate.scan_completed'",
    },
    "P": {
        "p01-containment": "UPDATE axis_registry SET status = 'candidate'"
        " WHERE axis_code = 'containment'",
        "p01-census": PROMOTED,
        "p02-observability": TOPIC.format("parent_value_code = NULL", "observability"),
        "p02-data-platform": TOPIC.format("status = 'retired'", "data-platform"),
        "p02-kg-domain-x": PROMOTED,
        "p02-workflow-exec": TOPIC.format("parent_value_code = NULL", "workflow-exec"),
        "p02-gov-legacy": TOPIC.format("provenance = '{}'", "gov-legacy"),
        "p03-topic-gap": "DELETE FROM axis_object_ownership"
        " WHERE object_ref = 'modules'",
        "p04-crosswalk": "DELETE FROM topic_taxonomy_map WHERE label_code = 'LBL-006'",
        "p04-label_orphan": ORPHAN,
        "p04-topic_without_label": PROMOTED,
        "p04-label_without_topic": LABEL,
        "p04-divergent": "UPDATE label_rules SET result_label = 'LBL-061' WHERE id = 1",
        "p04-projection_gap": "UPDATE entity_labels SET label_code = 'LBL-004'"
        " WHERE entity_code = 'AGT-001' AND assigned_by = 'rule'",
        "p05-label_orphan": ORPHAN,
        "p05-topic_without_label": PROMOTED,
        "p05-projection_lag": "UPDATE label_rules SET status = 'retired' WHERE id = 1",
        "p05-low_confidence_assignment": ASSIGNED.format("confidence = 0.1", "agents"),
        "p05-stale_candidate": PROMOTED,
        "p05-conflicting_parentage": SECOND_ROOT,
        "p05-unregistered_axis": "UPDATE axis_registry SET status = 'retired'"
        " WHERE axis_code = 'topic'",
        "p05-axis_assignment_missing": ASSIGNED.format("status = 'retired'", "tasks"),
        "p05-ui_visible_unapproved": "DELETE FROM axis_object_ownership"
        " WHERE object_ref = 'agents'",
        "p05-coverage_rule_missing": RETIRE.format("responsibility"),
        "p05-total": ORPHAN,
        "p06-scans": "SELECT fn_governance_scan("
        "'TEST_CLONE_topic_promo_2026-06-03', 'n')",
        "p07-shaped": "UPDATE event_type_registry SET active = true"
        " WHERE event_type = 'input.untrusted_source'",
        "p07-event-log": "UPDATE governance_event_log SET emitted = true"
        " WHERE log_id = (SELECT min(log_id) FROM governance_event_log)",
        "p08-topic-tree": TOPIC.format("parent_value_code = 'workflow'", "ai-ops"),
        "p08-lane": "DELETE FROM axis_object_ownership WHERE object_ref = 'tasks'",
        "p08-review-queue": ASSIGNED.format("zone = 'approved'", "agents"),
        "p08-browser-and-findings": "DELETE FROM governance_drift_state"
        " WHERE detector_code = 'stale_candidate'",
        "p08-dashboard": DASHBOARD,
    },
    "F": {
        "f01-decisions": DECIDED.format("accept_quarantine_hold"),
        "f01-divergent": DECIDED.format("accept_orthogonal_facet"),
        "f01-projection_gap": DECIDED.format("accept_projection_pending"),
        "f02-kg-domain-x": TOPIC.format(
            "provenance = provenance - 'prior_kind'", "kg-domain-x"
        ),
        "f03-census": TOPIC.format("status = 'candidate'", "kg-domain-x"),
        "f04-containment": "DELETE FROM axis_object_ownership"
        " WHERE axis_code = 'containment' AND object_ref = 'agents'",
        "f04-distribution": "UPDATE axis_assignment SET value_code = 'GRP-AI'"
        " WHERE axis_code = 'containment' AND object_ref = 'tasks'",
        "f04-guards": RETIRE.format("containment"),
        "f06-lag-agents": PROJECTED.format("'2026-03-21'", 1),
        "f06-lag-modules": PROJECTED.format("'2026-03-28'", 4),
        "f06-lag-tasks": PROJECTED.format("'2026-04-04'", 2),
        "f06-lag-workflows": "UPDATE entity_labels SET rule_id = 3,"
        " assigned_by = 'rule'"
        " WHERE entity_code = 'AGT-001'",
        "f06-fresh": PROJECTED.format("'2026-06-02'", 5),
        "f07-detectors": SECOND_ROOT,
        "f07-scans": "SELECT fn_governance_scan("
        "'TEST_CLONE_finalization_2026-06-03', 'n')",
        "f08-verified": DASHBOARD,
    },
}

# Checks that act: (check, stage, what is broken, arguments, what it has to say).
ACTS: tuple[tuple[str, str, str, tuple[Any, ...], str], ...] = (
    *(
        (
            "test_a_generalized_gap_is_the_canonical",
            "A",
            OTHER_GAP,
            (),
            "seed deleted: cells differ: [('generalized', 'collection', 'agents'",
        ),
        (
            "test_b_child_needs_its_parent",
            "B",
            "ALTER TABLE axis_value"
            " DROP CONSTRAINT axis_value_axis_code_parent_value_code_fkey",
            (),
            "accepted, though axis_value_axis_code_parent_value_code_fkey",
        ),
        (
            "test_b_activation_and_back",
            "B",
            RETIRE.format("topic"),
            (),
            "required and gap, active: expected (214, 4), found (210, 0)",
        ),
    ),
    *(
        ("test_c_fails_closed", "C", f"ALTER TABLE {table} {change}", arguments, rule)
        for table, change, rule, arguments in (
            (
                "axis_assignment",
                "DROP CONSTRAINT axis_assignment_zone_check",
                "accepted, though axis_assignment_zone_check",
                (acts.ZONE, acts.ASSIGN, ("agents", "topic", "workflow", "o", "{}")),
            ),
            (
                "axis_assignment",
                "DROP CONSTRAINT chk_axis_assignment_provenance",
                "accepted, though chk_axis_assignment_provenance",
                (
                    acts.PROVENANCE,
                    acts.ASSIGN,
                    ("agents", "topic", "workflow", "approved", None),
                ),
            ),
            (
                "axis_object_ownership",
                "DROP CONSTRAINT axis_object_ownership_owner_kind_check",
                "accepted, though axis_object_ownership_owner_kind_check",
                (acts.KIND, acts.OWN, ("modules", "topic", "workflow", "landlord")),
            ),
            (
                "axis_assignment",
                "DROP CONSTRAINT axis_assignment_axis_code_value_code_fkey",
                "accepted, though axis_assignment_axis_code_value_code_fkey",
                (acts.VALUE, acts.ASSIGN, ("agents", "topic", "x", "candidate", "{}")),
            ),
            (
                "axis_object_ownership",
                "ADD COLUMN gone text; DROP INDEX uq_axis_obj_accountable",
                "accepted, though uq_axis_obj_accountable",
                (
                    acts.TWO_OWNERS,
                    acts.OWN,
                    ("agents", "topic", "ai-ops", "accountable"),
                ),
            ),
        )
    ),
    *(
        (
            "test_e_conflicting_parents_are_seen",
            "E",
            TOPIC.format("parent_value_code = 'workflow'", "ai-ops"),
            (),
            "conflicts: []",
        ),
        (
            "test_e_events_are_refused",
            "E",
            "ALTER TABLE event_outbox DISABLE TRIGGER trg_event_outbox_type_validate",
            (),
            "accepted, though fn_event_type_validate",
        ),
        ("test_e_nothing_was_emitted", "E", EMITTED, (), "table public.event_outbox: "),
        (
            "test_z_drop_leaves_no_substrate",
            "drop",
            "CREATE TABLE coverage_rule ()",
            (),
            "something of it is left",
        ),
        (
            "test_p_quarantine_cannot_be_owned",
            "P",
            ASSIGNED.format(
                "zone = 'candidate', provenance = '{}'", "iu_staging_record"
            ),
            (),
            "gap: 0, cleared 0",
        ),
        (
            "test_p_scan_resolves_what_is_gone",
            "P",
            "UPDATE coverage_rule SET confidence_threshold = 0.91"
            " WHERE axis_code = 'topic'",
            (),
            "new and resolved: [(2, 0)]",
        ),
        (
            "test_f_lifecycle_rolls_back",
            "F",
            TOPIC.format("status = 'retired'", "governance"),
            (),
            "retired",
        ),
    ),
    *(
        (
            "test_f_containment_fails_closed",
            "F",
            f"ALTER TABLE {table} DROP CONSTRAINT {rule}",
            arguments,
            f"accepted, though {rule}",
        )
        for table, rule, arguments in (
            (
                "axis_assignment",
                "axis_assignment_axis_code_value_code_fkey",
                (
                    acts.VALUE,
                    acts.ASSIGN,
                    ("agents", "containment", "G", "approved", "{}"),
                ),
            ),
            (
                "axis_assignment",
                "chk_axis_assignment_provenance",
                (
                    acts.PROVENANCE,
                    acts.ASSIGN,
                    ("agents", "containment", "GRP-BUSINESS", "approved", None),
                ),
            ),
            (
                "axis_assignment",
                "axis_assignment_zone_check",
                (
                    acts.ZONE,
                    acts.ASSIGN,
                    ("agents", "containment", "GRP-BUSINESS", "o", "{}"),
                ),
            ),
            (
                "axis_object_ownership",
                "axis_object_ownership_owner_kind_check",
                (acts.KIND, acts.OWN, ("agents", "containment", "GRP-AI", "landlord")),
            ),
        )
    ),
    *(
        (
            "test_f_deleted_assignment_is_detected",
            "F",
            RETIRE.format("containment"),
            (),
            "missing: 0 -> 0",
        ),
        (
            "test_r_drop_leaves_no_substrate",
            "last drop",
            "DELETE FROM governance_object_ownership WHERE object_ref = 'GRP-AI'",
            (),
            "own, gap, conflict: expected (30, 0, 0), found (24, 6, 0)",
        ),
    ),
)
# Files that have to refuse: (check, part of the file, what stands there, what is said).
TEXTS = (
    (
        "test_a_files_refuse_what_is_no_clone",
        "",
        None,
        "ran on postgres, though it had",
    ),
    (
        "test_a_build_refuses_another_design",
        "'node_source'",
        "'no_such_column'",
        "(column pivots_ref)",
    ),
    (
        "test_a_build_refuses_an_existing_substrate",
        "IF present <> 0 THEN",
        "IF false THEN",
        "42P07 relation",
    ),
    (
        "test_z_drop_refuses_unmarked_rows",
        "IF unmarked <> 0 THEN",
        "IF false THEN",
        "though it had to refuse",
    ),
    (
        "test_p_substrate_cannot_be_dropped_under_it",
        "",
        None,
        "though it had to refuse",
    ),
)
# Fingerprints that differ: (check, the milestone that is taken as moved).
PRINTS = (
    ("test_z_drop_restores_the_schema", "drop", "schema "),
    ("test_z_drop_restores_the_content", "drop", "differences to 'start'"),
    ("test_r_rollback_runs_again", "rollback", "changed by a second run"),
    ("test_r_drop_restores_everything", "last drop", "schema "),
)
