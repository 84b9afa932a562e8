"""Gate: READY and BLOCKED, each blocker token on its own and together.

The gate is opened here inside the guarded transaction, which is rolled back; it
stays closed everywhere else. Each situation starts from greenfield with a ratified
approval, asks the monitor's SQL and the package's own decision, and both agree.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from pytest_oneroof.suites.figures import Connection, compare, tell
from pytest_oneroof.suites.rules import assert_rules
from pytest_oneroof.suites.support import PACK, rows, sql, value

from pytest_oneroof.production.gate import Gate
from pytest_oneroof.statements.read import read

CHECK = "gate/gate_check.sql"
TOKENS = (
    "db<>directus;",
    "ospa<1;",
    "esign_missing;",
    "own<>0;",
    "gap<>210;",
    "conflict<>0;",
    "gov_emit<>0;",
    "axis_present;",
    "prereq_missing;",
)

GREENFIELD = "DELETE FROM public.governance_object_ownership"
TARGET = "SELECT set_config('oneroof.target_database', current_database(), true)"
APPROVAL = (
    "INSERT INTO public.os_proposal_approvals"
    " (id, status, esignature_agreement, signature_text)"
    " VALUES (left(gen_random_uuid()::text, 36), {})"
)
SIGNED = APPROVAL.format("'published', true, 'Gate Check'")
SEVENTH_SCOPE = (
    "INSERT INTO public.governance_responsibility_scope (scope_code, status)"
    " VALUES ('gate_check', 'active')"
)
SUPPORTING = (
    "INSERT INTO public.governance_object_ownership (object_type, object_ref, scope,"
    " owner_kind, owner_gov_code, is_inherited_anchor, lifecycle_status, created_by)"
    " SELECT 'group', 'GRP-AI', 'audit', 'supporting', 'GOV-DOT', false, 'active',"
    " 'GATE_CHECK'"
)
SEED = (
    "INSERT INTO public.governance_object_ownership (object_type, object_ref, scope,"
    " owner_kind, owner_gov_code, is_inherited_anchor, lifecycle_status, created_by)"
    " SELECT DISTINCT 'group', edge.parent_ref, scope.scope_code, 'accountable',"
    " 'GOV-COUNCIL', true, 'active', 'GATE_CHECK'"
    " FROM public.v_governance_object_containment AS edge"
    " CROSS JOIN public.governance_responsibility_scope AS scope"
)
# The unique index keeps a genuine conflict out: the view is made to tell one.
CONFLICT = (
    "CREATE OR REPLACE VIEW public.v_object_owner_conflict AS"
    " SELECT 'collection'::text AS object_type, 'agents'::text AS object_ref,"
    " 'audit'::text AS scope, 2::bigint AS owners"
)
ACTIVATE = (
    "UPDATE public.event_type_registry SET active = true"
    " WHERE event_domain = 'governance' AND event_type = 'coverage.scan_completed'"
)
EMIT = (
    "INSERT INTO public.event_outbox (event_domain, event_type, event_stream,"
    " delivery_lane, event_severity, event_subject_table, event_subject_ref,"
    " canonical_address, actor_ref, source_system)"
    " SELECT event_domain, event_type, event_stream, delivery_lane, 'info',"
    " 'v_object_owner_gap', 'gate', 'collection:agents', 'gov:gate-check', 'gate_check'"
    " FROM public.event_type_registry"
    " WHERE event_domain = 'governance' AND event_type = 'coverage.scan_completed'"
)
SUBSTRATE = "CREATE TABLE public.{} (id bigint)"
AXIS_TABLES = (
    "axis_registry",
    "axis_value",
    "axis_assignment",
    "coverage_rule",
    "axis_object_ownership",
    "axis_candidate_finding",
)
PREREQUISITES = (
    "v_governance_object_inventory",
    "v_governance_object_containment",
    "v_object_effective_owner",
    "v_object_owner_gap",
    "v_object_owner_conflict",
)
# What the situations write: its rules are those of the database that is judged.
WRITTEN = (
    "os_proposal_approvals",
    "governance_object_ownership",
    "governance_responsibility_scope",
    "event_type_registry",
    "event_outbox",
)
# Renamed, so that the views built on it keep working, and only it is missing.
MISSING = "ALTER VIEW public.{} RENAME TO gate_check_moved"


@dataclass(frozen=True)
class Situation:
    """Statements after greenfield, and the blockers that have to be told."""

    steps: tuple[str, ...]
    blockers: str
    target: bool = True


def unsigned(values: str) -> Situation:
    """Return the situation of one approval that does not count."""
    return Situation((APPROVAL.format(values),), "esign_missing;")


SITUATIONS = {
    "not-ratified": Situation((), "ospa<1;"),
    "ratified-clean": Situation((SIGNED,), ""),
    "ratified-drifted-gap": Situation((SIGNED, SEVENTH_SCOPE), "gap<>210;"),
    "ratified-drifted-axis": Situation(
        (SIGNED, SUBSTRATE.format("axis_registry")), "axis_present;"
    ),
    "partially-applied": Situation(
        (SIGNED, *map(SUBSTRATE.format, AXIS_TABLES)), "axis_present;"
    ),
    "seeded": Situation((SIGNED, SEED), "own<>0;gap<>210;"),
    "signed-among-drafts": Situation(
        (APPROVAL.format("'draft', false, NULL"), SIGNED), ""
    ),
}
ALONE = {
    "db": Situation((SIGNED,), "db<>directus;", target=False),
    "ospa": Situation((), "ospa<1;"),
    "esign-draft": unsigned("'draft', true, 'Gate Check'"),
    "esign-archived": unsigned("'archived', true, 'Gate Check'"),
    "esign-disagreed": unsigned("'published', false, 'Gate Check'"),
    "esign-agreement-null": unsigned("'published', NULL, 'Gate Check'"),
    "esign-unsigned": unsigned("'published', true, NULL"),
    "esign-empty": unsigned("'published', true, ''"),
    "esign-blank": unsigned("'published', true, E' \\t\\r\\n'"),
    "own": Situation((SIGNED, SUPPORTING), "own<>0;"),
    "gap": Situation((SIGNED, SEVENTH_SCOPE), "gap<>210;"),
    "conflict": Situation((SIGNED, CONFLICT), "conflict<>0;"),
    "gov-emit": Situation((SIGNED, ACTIVATE, EMIT), "gov_emit<>0;"),
    **{
        f"axis-{name}": Situation((SIGNED, SUBSTRATE.format(name)), "axis_present;")
        for name in AXIS_TABLES
    },
    **{
        f"prereq-{name}": Situation((SIGNED, MISSING.format(name)), "prereq_missing;")
        for name in PREREQUISITES
    },
}
DRIFTED = (
    SUPPORTING,
    SEVENTH_SCOPE,
    CONFLICT,
    ACTIVATE,
    EMIT,
    SUBSTRATE.format("axis_registry"),
    MISSING.format("v_governance_object_containment"),
)


def check(connection: Connection, situation: Situation) -> None:
    """Make a situation, and assert what monitor and package say of it."""
    connection.execute(GREENFIELD.encode())
    if situation.target:
        connection.execute(TARGET.encode())
    for step in situation.steps:
        connection.execute(step.encode())
    status = "BLOCKED" if situation.blockers else "READY"
    expected = {"gate_status": status, "blockers": situation.blockers}
    # The details come first, the verdict last.
    *_, verdict = read(sql(CHECK).decode())
    told = dict(
        zip(
            ("gate_status", "blockers", "ospa", "resp_gap", "resp_ownership"),
            rows(connection, verdict.text)[0],
            strict=True,
        )
    )
    tell(compare(expected, told), "the monitor's SQL")
    decided = Gate(PACK).judge(connection).to_dict()
    tell(compare(told, decided), "the package's decision, by the SQL")


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(oneroof_clone: Connection, name: str) -> None:
    """A release's situations are told: wait, run, investigate, or roll back."""
    check(oneroof_clone, SITUATIONS[name])


@pytest.mark.parametrize("name", ALONE)
def test_token_alone(oneroof_clone: Connection, name: str) -> None:
    """One condition broken on an open gate gives its one blocker, no other."""
    check(oneroof_clone, ALONE[name])


@pytest.mark.parametrize("ratification", ["none", "unsigned"])
def test_tokens_together(oneroof_clone: Connection, ratification: str) -> None:
    """All conditions broken at once give all blockers, each once, in their order."""
    draft = APPROVAL.format("'draft', false, NULL")
    steps = DRIFTED if ratification == "none" else (draft, *DRIFTED)
    left_out = "esign_missing;" if ratification == "none" else "ospa<1;"
    tokens = "".join(token for token in TOKENS if token != left_out)
    check(oneroof_clone, Situation(steps, tokens, target=False))


def test_clone_without_setting(oneroof_clone: Connection) -> None:
    """Another database's name in the setting does not make this one the target."""
    assert_rules(oneroof_clone, *WRITTEN)
    oneroof_clone.execute("SELECT set_config('oneroof.target_database', 'other', true)")
    name = value(oneroof_clone, "SELECT current_database()::text")
    assert name != "other"
    check(oneroof_clone, Situation((SIGNED,), "db<>directus;", target=False))
