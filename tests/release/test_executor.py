"""Tests of the executor on clones: gates, guards, failures, logs, proofs."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pytest_oneroof.clone.host import Host
from pytest_oneroof.errors import OneroofError
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.release.executor import LOCK, end_log, run_steps
from pytest_oneroof.release.identity import identify
from pytest_oneroof.release.plan import Packet, Step, open_packet
from pytest_oneroof.release.proof import (
    DID_NOT_MUTATE,
    NOT_RESTORED,
    Pin,
    pins_from_data,
    pins_to_data,
    prove,
    read_pin,
)
from pytest_oneroof.release.standing import hold_run, read_standing
from pytest_oneroof.release.step_log import load_log, new_log
from pytest_oneroof.release.steps import StepFailed, Where, open_target, run_step

FULL, OWNERSHIP = open_packet("full", bundled()), open_packet("ownership", bundled())
STEPS = {step.step: step for step in FULL.steps}
CHANGES = [step.step for step in FULL.steps if step.kind == "change"]
GATED = [step for step in FULL.steps if step.step in "023456"] + list(
    OWNERSHIP.steps[:2]
)
CLOSED = "REFUSING: ratification gate not met (os_proposal_approvals=0)"


def quiet(line: str) -> None:
    """Say nothing."""


def pin(where: Where) -> Pin:
    """Read schema and content of the clone, whole."""
    with contextlib.closing(open_target(where)) as connection:
        return read_pin(connection)


def write(where: Where, statement: str) -> None:
    """Change the clone, as somebody else would."""
    with contextlib.closing(open_target(where, writes=True)) as connection:
        connection.execute(statement.encode())


def is_guarded(path: str) -> bool:
    """Whether a file guards itself: all SQL but the includes and what only SELECTs."""
    others = ("99_run_all.sql", "standing.sql", "baseline_probe.sql")
    return path.endswith(".sql") and not path.endswith(others)


def refusal(where: Where, packet: Packet, step: Step) -> str:
    """Return the words with which a step is refused."""
    with pytest.raises(StepFailed) as failed:
        run_step(where, packet, step)
    return failed.value.said


@pytest.fixture
def at_greenfield(open_clone: Where) -> Iterator[Where]:
    """The open clone at greenfield; rolled back again after the test."""
    yield open_clone
    assert run_steps(open_clone, FULL, FULL.rollback, quiet).failed is None


@pytest.mark.parametrize("step", GATED, ids=lambda step: step.file)
def test_gated_step_refuses_at_a_closed_gate(step: Step, closed_clone: Where) -> None:
    """Each gated file refuses by itself while nobody has signed."""
    packet = FULL if step in FULL.steps else OWNERSHIP
    assert refusal(closed_clone, packet, step) == CLOSED


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("2", "REFUSING: tier 1 does not stand, axis_registry is missing"),
        ("3", "REFUSING: tier 2 does not stand, axis_registry is missing"),
        ("4", "REFUSING: tier 3 does not stand, own=0 gap=210"),
        ("5", "REFUSING: tier 4 does not stand, axis_registry is missing"),
        ("6", "REFUSING: tier 5 does not stand, governance_scan_run is missing"),
        ("8", "TIER 8 VERIFY FAIL: the release does not stand"),
    ],
)
def test_tier_refuses_out_of_its_order(
    number: str, said: str, open_clone: Where
) -> None:
    """A tier whose predecessor does not stand aborts itself."""
    assert refusal(open_clone, FULL, STEPS[number]) == said


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ("", "", "REFUSING: no ratified approval given (oneroof.ratified_apr='')"),
        ("", "APR NOT", "REFUSING: no ratified approval given "
         "(oneroof.ratified_apr='APR NOT')"),
        ("", "APR-9999", "REFUSING: approval APR-9999 is not approved "
         "(status=no such request)"),
        ("", "APR-BOOT-AUTHMODEL-1", "REFUSING: approval APR-BOOT-AUTHMODEL-1 is not "
         "approved (status=pending)"),
        ("DELETE FROM public.apr_approvals WHERE approver = 'council-2 (rehearsal)'",
         "APR-REHEARSAL-ONLY", "REFUSING: approval APR-REHEARSAL-ONLY is without its "
         "quorum (president=1 council=1 rejects=0)"),
        ("UPDATE public.apr_approvals SET decision = 'reject'"
         " WHERE approver = 'council-2 (rehearsal)'",
         "APR-REHEARSAL-ONLY", "REFUSING: approval APR-REHEARSAL-ONLY is without its "
         "quorum (president=1 council=1 rejects=1)"),
        ("UPDATE public.approval_requests SET source_context ="
         " '{\"created_by\": \"president\"}'"
         " WHERE code = 'APR-REHEARSAL-ONLY'",
         "APR-REHEARSAL-ONLY", "REFUSING: approval APR-REHEARSAL-ONLY is without its "
         "quorum (president=0 council=2 rejects=0)"),
        ("UPDATE public.os_proposal_approvals SET status = 'draft'",
         "APR-REHEARSAL-ONLY", "REFUSING: ratification gate not met "
         "(os_proposal_approvals=1)"),
        ("UPDATE public.os_proposal_approvals SET esignature_agreement = NULL",
         "APR-REHEARSAL-ONLY", "REFUSING: ratification gate not met "
         "(os_proposal_approvals=1)"),
        ("UPDATE public.os_proposal_approvals SET signature_text = E' \\t'",
         "APR-REHEARSAL-ONLY", "REFUSING: ratification gate not met "
         "(os_proposal_approvals=1)"),
    ],
    ids="none words unknown pending council reject proposer draft agreed blank".split(),
)  # fmt: skip
def test_what_does_not_ratify_is_refused(
    change: str, code: str, said: str, open_clone: Where
) -> None:
    """Only an approved request with its quorum, and a full signature, open a step."""
    text = FULL.files["00_preflight.sql"].decode()
    inside = text.replace(", READ ONLY;", ";").replace(
        "-- Ratified?", f"{change};\n-- Ratified?"
    )
    where = replace(open_clone, ratified=code)
    with contextlib.closing(open_target(where, writes=True)) as connection:
        with pytest.raises(psycopg.errors.RaiseException) as error:
            connection.execute(inside.encode())
        assert error.value.diag.message_primary == said


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("", "REFUSING: {name} is not production directus"),
        ("directus", "REFUSING: {name} is not production directus"),
        ("directus_gov_test_20260602", "REFUSING: {name} is not the target "
         "directus_gov_test_20260602"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", [p for p in FULL.files if is_guarded(p)])
def test_every_file_refuses_a_database_that_is_not_meant(
    path: str, target: str, said: str, closed_clone: Where
) -> None:
    """Each file refuses a clone unless the setting names exactly that clone."""
    with contextlib.closing(
        open_target(Where(closed_clone.url, target), writes=True)
    ) as connection:
        with pytest.raises(psycopg.errors.RaiseException) as error:
            connection.execute(FULL.files[path])
        expected = said.format(name=closed_clone.target)
        assert error.value.diag.message_primary == expected


def test_a_clone_without_marker_is_no_target(host: Host) -> None:
    """A database that only bears a clone's name is refused: it has no marker."""
    name = "directus_gov_test_20260602_unmarked"
    created = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    host.admin.execute(created)
    try:
        with contextlib.closing(
            open_target(Where(host.url(name), name), writes=True)
        ) as connection:
            with pytest.raises(psycopg.errors.RaiseException) as error:
                connection.execute(FULL.files["10_structure.sql"])
            assert error.value.diag.message_primary == (
                f"REFUSING: {name} is neither production directus nor a marked clone"
            )
    finally:
        host.admin.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))


def test_another_database_than_admitted_is_sent_nothing(closed_clone: Where) -> None:
    """A URL that leads elsewhere by now, to whatever bears the name, is refused."""
    with contextlib.closing(connect(closed_clone.url)) as connection:
        admitted = identify(connection)
    for change in ({"oid": 7}, {"system_identifier": "7"}, {"database": "other"}):
        where = dataclasses.replace(
            closed_clone, identity=dataclasses.replace(admitted, **change)
        )
        with pytest.raises(OneroofError, match="nothing was sent there"):
            open_target(where, writes=True)
    open_target(dataclasses.replace(closed_clone, identity=admitted)).close()


def test_no_search_path_of_the_role_reaches_our_statements(
    closed_clone: Where,
) -> None:
    """What is sent to a target finds PostgreSQL's own names, whatever the URL says."""
    url = f"{closed_clone.url}&options=-c%20search_path%3Dpublic"
    with contextlib.closing(open_target(Where(url))) as connection:
        row = connection.execute("SHOW search_path").fetchone()
    assert row == ("pg_catalog, pg_temp",)


def test_production_is_refused_while_a_clone_is_meant(host: Host) -> None:
    """With a clone set as the target, directus itself is refused."""
    where = Where(host.url("directus"), "directus_gov_test_20260602")
    assert refusal(where, FULL, STEPS["1"]) == (
        "REFUSING: directus is not the target directus_gov_test_20260602"
    )


def test_the_gate_is_opened_on_no_production(host: Host) -> None:
    """The file that opens a rehearsal's gate refuses production and unmarked names."""
    opens = bundled().read_text(bundled().needed("release", "open_gate"))
    with connect(host.url("directus")) as production:
        with pytest.raises(psycopg.errors.RaiseException) as error:
            production.execute(opens.encode())
        assert error.value.diag.message_primary == (
            "REFUSING TO RUN: directus is not a clone."
        )


@pytest.mark.parametrize("number", CHANGES)
def test_failing_tier_leaves_nothing_of_itself(
    number: str, at_greenfield: Where, edited: Callable[..., Packet], tmp_path: Path
) -> None:
    """A tier made to fail before its COMMIT leaves the tiers before it, and no more."""
    file = STEPS[number].file
    packet = edited("full", file, "\nCOMMIT;", "\nSELECT 1 / 0;\n\nCOMMIT;")
    before = pin(at_greenfield)
    log = new_log(tmp_path / "log", packet, "run", "test")
    outcome = run_steps(at_greenfield, packet, packet.steps, quiet, log)
    assert end_log(log, outcome) == ""
    assert outcome.failed is not None
    assert str(outcome.failed).startswith(f"step {number} ")
    assert outcome.failed.said == "division by zero"
    standing = read_standing(at_greenfield, packet)
    stands = [s.step for s in standing.present if s.packet == "full"]
    assert stands == CHANGES[: CHANGES.index(number)]
    assert {s.state for s in standing.present} <= {"whole"}
    if number == "1":
        assert standing.phase.name == "greenfield"
        assert pin(at_greenfield).items() == before.items()
    else:
        assert standing.phase.name == "partial"
        told = [str(hold) for hold in hold_run(packet, standing)]
        assert "the way back: oneroof rollout rollback full" in told[0]
        again = run_steps(at_greenfield, FULL, FULL.steps, quiet)
        assert again.failed is not None
        assert again.failed.step.step == "0"
        applied = pin(at_greenfield)
        assert run_steps(at_greenfield, FULL, FULL.rollback, quiet).passed
        proof = prove("full", before, applied, pin(at_greenfield))
        assert proof.holds, proof.lines()
    kept = load_log(log.file)
    assert (
        kept.stopped
        == f"step {number} ({STEPS[number].name}) stopped: division by zero"
    )
    assert kept.stopped_at == packet.steps[CHANGES.index(number) + 1]
    assert kept.steps == outcome.runs


def test_side_effect_aborts_the_step(
    at_greenfield: Where, edited: Callable[..., Packet]
) -> None:
    """A step that writes beside its plan is aborted, and the table is named."""
    packet = edited(
        "ownership",
        "01_seed_commit.sql",
        "ORDER BY\n  seed.group_code",
        "ORDER BY\n  -- an issue writes a birth and an event\n  seed.group_code",
    )
    assert run_steps(at_greenfield, packet, packet.steps, quiet).passed
    assert run_steps(at_greenfield, packet, packet.rollback, quiet).passed
    packet = edited(
        "ownership",
        "01_seed_commit.sql",
        "INSERT INTO public.governance_object_ownership (",
        "SELECT public.fn_log_issue('t', 'info', 't', 't', 't', 't', 't', '{}', 't');\n"
        "INSERT INTO public.governance_object_ownership (",
    )
    outcome = run_steps(at_greenfield, packet, packet.steps, quiet)
    assert outcome.failed is not None
    assert outcome.failed.said.startswith("REFUSING: side effect on public.")
    assert "public.system_issues" in outcome.failed.said
    assert read_standing(at_greenfield, packet).phase.name == "greenfield"


def test_step_log_tells_time_rows_and_locks(at_greenfield: Where) -> None:
    """A run tells what each step wrote and locked, and nothing of another step."""
    outcome = run_steps(at_greenfield, FULL, FULL.steps, quiet)
    runs = {run.step: run for run in outcome.runs}
    assert list(runs) == [step.step for step in FULL.steps]
    assert runs["0"].rows == runs["1"].rows == runs["8"].rows == {}
    assert runs["3"].rows == {"public.governance_object_ownership": (30, 0, 0)}
    assert runs["4"].rows == {
        "public.axis_assignment": (35, 0, 0),
        "public.axis_object_ownership": (35, 0, 0),
        "public.axis_registry": (1, 0, 0),
        "public.axis_value": (5, 0, 0),
        "public.coverage_rule": (1, 0, 0),
    }
    assert runs["6"].rows["public.governance_scan_run"] == (1, 1, 0)
    held = runs["3"].locks["public.governance_object_ownership"]
    assert "ShareRowExclusiveLock" in held
    assert "ShareRowExclusiveLock" in runs["1"].locks["public.taxonomy"]
    readers = {mode for modes in runs["8"].locks.values() for mode in modes}
    assert readers == {"AccessShareLock"}
    assert all(run.seconds > 0 for run in outcome.runs)
    assert "INSERT 0 30" in runs["3"].tags
    assert all(run.began <= after.began for run, after in pairwise(outcome.runs))


def test_rollback_tier_by_tier_proves_itself(at_greenfield: Where) -> None:
    """Undone tier by tier the clone is as before, and each tier asks for its order."""
    before = pin(at_greenfield)
    assert run_steps(at_greenfield, FULL, FULL.steps, quiet).passed
    applied = pin(at_greenfield)
    assert refusal(at_greenfield, FULL, FULL.tiers_back[1]) == (
        "REFUSING: tier 6 stands, take it back first"
    )
    outcome = run_steps(at_greenfield, FULL, FULL.tiers_back, quiet)
    assert [run.step for run in outcome.runs] == ["R6", "R5", "R4", "R3", "R2", "R1"]
    proof = prove("full", before, applied, pin(at_greenfield))
    assert proof.holds, proof.lines()


def test_rows_and_views_of_others_are_not_dropped(at_greenfield: Where) -> None:
    """A rollback refuses what others added, names it, and drops nothing of theirs."""
    assert run_steps(at_greenfield, FULL, FULL.steps, quiet).passed
    write(
        at_greenfield,
        "INSERT INTO public.axis_value (axis_code, value_code, provenance, created_by)"
        " VALUES ('topic', 'theirs', '{}', 'somebody')",
    )
    assert refusal(at_greenfield, FULL, FULL.rollback[0]) == (
        "REFUSING: table axis_value holds rows of somebody, nothing dropped"
    )
    write(at_greenfield, "DELETE FROM public.axis_value WHERE created_by = 'somebody'")
    write(at_greenfield, "CREATE VIEW public.theirs AS SELECT * FROM public.v_ui_lane")
    said = refusal(at_greenfield, FULL, FULL.rollback[0])
    assert said == (
        "cannot drop desired object(s) because other objects depend on them"
    )
    assert read_standing(at_greenfield, FULL).phase.name == "finalized"
    write(at_greenfield, "DROP VIEW public.theirs")


def test_anchors_of_others_stop_the_rollback(at_greenfield: Where) -> None:
    """A rollback that would not end at own 0 aborts and says whose rows remain."""
    assert run_steps(at_greenfield, OWNERSHIP, OWNERSHIP.steps, quiet).passed
    write(
        at_greenfield,
        "UPDATE public.governance_object_ownership SET created_by = 'somebody'"
        " WHERE object_ref = 'GRP-AI' AND scope = 'audit'",
    )
    with pytest.raises(StepFailed) as failed:
        run_step(at_greenfield, OWNERSHIP, OWNERSHIP.rollback[0])
    assert failed.value.said == "post-state own=1 gap=209, expected 0 and 210"
    assert failed.value.hint == "rows of somebody"
    write(at_greenfield, "DELETE FROM public.governance_object_ownership")


def test_sequence_that_others_drew_from_is_left(at_greenfield: Where) -> None:
    """The anchors' sequence goes back only while nobody else has drawn from it."""
    before = pin(at_greenfield)
    assert run_steps(at_greenfield, OWNERSHIP, OWNERSHIP.steps, quiet).passed
    write(
        at_greenfield,
        "SELECT nextval('public.governance_object_ownership_id_seq')",
    )
    run = run_step(at_greenfield, OWNERSHIP, OWNERSHIP.rollback[0])
    assert run.notices[0].startswith("sequence left at ")
    after = pin(at_greenfield)
    proof = prove("ownership", before, before, after)
    assert proof.codes == (DID_NOT_MUTATE, NOT_RESTORED)
    [difference] = proof.differences
    assert difference.startswith(
        "sequence public.governance_object_ownership_id_seq: expected at "
    )
    write(
        at_greenfield,
        "SELECT setval('public.governance_object_ownership_id_seq', 1, false)",
    )


def test_two_rollouts_do_not_run_at_once(at_greenfield: Where) -> None:
    """While one rollout holds the target, another is told to wait."""
    with contextlib.closing(open_target(at_greenfield)) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        with pytest.raises(OneroofError) as error:
            run_steps(at_greenfield, FULL, FULL.steps, quiet)
    assert str(error.value).startswith(
        f"another rollout runs on '{at_greenfield.target}'\n"
    )


def test_packets_are_alternatives(at_greenfield: Where) -> None:
    """full refuses a seeded database and names the way back; ownership a finalized."""
    assert run_steps(at_greenfield, OWNERSHIP, OWNERSHIP.steps, quiet).passed
    outcome = run_steps(at_greenfield, FULL, FULL.steps, quiet)
    assert outcome.failed is not None
    assert outcome.failed.said == "REFUSING: pre-state own=30, expected 0"
    assert outcome.failed.hint == (
        "seeded by F6_OWNERSHIP_SEED_COMMIT; the way back: "
        "oneroof rollout rollback ownership"
    )
    assert run_steps(at_greenfield, OWNERSHIP, OWNERSHIP.rollback, quiet).passed
    assert run_steps(at_greenfield, FULL, FULL.steps, quiet).passed
    outcome = run_steps(at_greenfield, OWNERSHIP, OWNERSHIP.steps, quiet)
    assert outcome.failed is not None
    assert outcome.failed.said == "REFUSING: axis substrate already present (6 tables)"
    assert outcome.failed.hint == (
        "greenfield only; the way back: oneroof rollout rollback full"
    )


def test_proof_codes_and_drift(at_greenfield: Where) -> None:
    """An apply without effect, a restore that is not one, and drift are told apart."""
    before = pin(at_greenfield)
    assert run_steps(at_greenfield, OWNERSHIP, OWNERSHIP.steps, quiet).passed
    applied = pin(at_greenfield)
    assert prove("x", before, before, before).codes == (DID_NOT_MUTATE,)
    assert prove("x", before, applied, applied).codes == (DID_NOT_MUTATE, NOT_RESTORED)
    assert prove("x", before, applied, before, met=before).codes == (DID_NOT_MUTATE,)
    write(at_greenfield, "COMMENT ON VIEW public.v_object_owner_gap IS 'theirs'")
    met = pin(at_greenfield)
    assert run_steps(at_greenfield, OWNERSHIP, OWNERSHIP.rollback, quiet).passed
    now = pin(at_greenfield)
    assert prove("x", before, applied, now).codes == (NOT_RESTORED,)
    proof = prove("x", before, applied, now, met=met)
    assert proof.holds
    assert proof.drift == ("comment view public.v_object_owner_gap",)
    kept = json.dumps(pins_to_data({"before": before, "applied": applied}))
    loaded = pins_from_data(json.loads(kept))
    assert loaded["before"].digest == before.digest
    assert loaded["applied"].items() == applied.items()


@pytest.mark.parametrize("data", [[], {"before": {}}, {"before": None}, "x"])
def test_damaged_pins_are_refused(data: Any) -> None:
    """What holds no pins is told as such."""
    with pytest.raises(ValueError, match="no pins"):
        pins_from_data(data)
