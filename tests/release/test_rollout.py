"""Tests of `oneroof rollout` on productions of the tests' own, by its command."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof import resources
from pytest_oneroof.pack import bundled
from pytest_oneroof.postgres.connect import connect
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.release.plan import Packet, open_packet
from pytest_oneroof.release.records import load_record
from pytest_oneroof.release.standing import read_standing
from pytest_oneroof.release.step_log import load_log
from pytest_oneroof.release.steps import Where
from tests.release.conftest import (
    APPROVAL,
    SEALS,
    Ended,
    Production,
    packet_statements,
)


def test_rehearse_full_shows_every_figure(oneroof: Callable[..., Ended]) -> None:
    """The whole rehearsal ends with the release's figures."""
    ended = oneroof("rehearse", "full")
    assert ended.status == 0, ended
    said = [n for run in ended.data["forward"]["steps"] for n in run["notices"]]
    planned = [
        s.says
        for s in (
            *open_packet("full", bundled()).steps,
            *open_packet("full", bundled()).reads,
        )
    ]
    assert [s for s in said if s in planned] == planned
    assert "decisions=5" in said
    back = [n for run in ended.data["backward"]["steps"] for n in run["notices"]]
    assert back == ["ROLLBACK COMPLETE: own=0 gap=210 axis=0"]
    assert ended.data["shown"] == [
        "phase greenfield",
        "refused at a closed gate: REFUSING: ratification gate not met "
        "(os_proposal_approvals=0)",
        "gate READY on the clone only",
        "phase finalized",
        "refused a second time: REFUSING: axis substrate already present (6 tables)",
        "phase greenfield",
        "second rollback: held, and changed nothing",
    ]
    assert ended.data["proof"]["codes"] == []
    assert ended.data["moved"] == []
    assert "directus" in ended.data["watched"]
    assert ended.data["authorizes_production"] is False
    assert ended.data["target"] == "stand-in"
    log = load_log(Path(ended.data["log"]))
    assert log.database == ended.data["clone"]
    assert [run.step for run in log.steps] == [*"01234568", "U", "R"]
    # A run of another test may have the main clone: then it is told, not watched.
    kept = ended.data["snapshot"]
    assert (kept is not None) == (len(ended.data["watched"]) == 2)
    assert kept is None or Path(kept["seal"]).is_file()


def test_a_terminal_sees_what_goes_on(cache: Path) -> None:
    """On a terminal stderr tells each stage with its time; stdout stays plain."""
    controller, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "pytest_oneroof", "rollout", "verify", "ownership"],
        env={
            **os.environ,
            "ONEROOF_CACHE_DIR": str(cache),
            "TERM": "xterm",
            "COLUMNS": "120",
        },
        stdout=subprocess.PIPE,
        stderr=terminal,
        check=False,
        timeout=60,
    )
    os.close(terminal)
    os.set_blocking(controller, False)
    told = os.read(controller, 1 << 20).decode()
    os.close(controller)
    assert done.returncode == 1
    assert re.search(r"… running packet ownership [0-9.]+ s", told)
    assert b"\x1b" not in done.stdout
    assert done.stdout.decode().splitlines()[-1] == "ownership does not stand"


def test_rehearsal_drops_its_clone(
    embedded: EmbeddedServer, oneroof: Callable[..., Ended]
) -> None:
    """After a rehearsal neither its clone nor its roles are on the server."""
    ended = oneroof("rehearse", "ownership")
    assert ended.status == 0
    assert re.fullmatch(
        r"directus_gov_test_[0-9]{8}_rehearsal_[0-9a-f]{8}", ended.data["clone"]
    )
    with contextlib.closing(connect(embedded.url("postgres"))) as admin:
        names = admin.execute(
            "SELECT datname FROM pg_database UNION SELECT rolname FROM pg_roles"
        ).fetchall()
    nonce = ended.data["clone"][-8:]
    assert [name for (name,) in names if nonce in name] == []


def test_full_runs_to_finalized_and_back(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """READY → finalized → held → rollback → greenfield, each told and proved."""
    ended = oneroof(*production.run("full"))
    assert ended.status == 0, ended
    assert ended.data["complete"] is True
    assert ended.data["standing"]["phase"] == "finalized"
    log = json.loads(Path(ended.data["log"]).read_text())
    assert [step["step"] for step in log["steps"]] == [*"01234568", "U"]
    assert log["probes"].keys() == {"entry", "middle"}
    assert log["manifest_sha256"] == SEALS["full"]
    assert oneroof("verify", "full", "--target-url", production.url).status == 0
    again = oneroof(*production.run("full"))
    assert again.status == 10
    assert [hold["code"] for hold in again.data["held"]] == ["done", "gate"]
    assert again.data["held"][0]["way"] == (
        "the way back: oneroof rollout rollback full"
    )
    other = oneroof(*production.run("ownership"))
    assert [hold["code"] for hold in other.data["held"]] == ["phase", "gate"]
    wrong = oneroof(*production.back("ownership"))
    assert (wrong.status, wrong.data["held"][0]["code"]) == (10, "other_packet")
    back = oneroof(*production.back("full", "--seal", SEALS["full"]))
    assert back.status == 0, back
    assert back.data["proof"]["codes"] == []
    assert back.data["standing"]["phase"] == "greenfield"


def test_rollback_that_undoes_nothing_fails(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """At greenfield a rollback holds, changes nothing, and fails by its code."""
    assert oneroof(*production.run("ownership")).status == 0
    assert oneroof(*production.back("ownership")).status == 0
    ended = oneroof(*production.back("ownership"))
    assert ended.status == 1
    assert ended.data["proof"]["codes"] == ["ROLLBACK_APPLY_DID_NOT_MUTATE"]


def test_rollback_that_does_not_restore_fails(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """What is left otherwise than the pin of before is told, and fails."""
    assert oneroof(*production.run("ownership")).status == 0
    production.write("SELECT nextval('public.governance_object_ownership_id_seq')")
    ended = oneroof(*production.back("ownership"))
    assert ended.status == 1
    assert ended.data["proof"]["codes"] == ["ROLLBACK_NOT_RESTORED_TO_PIN"]
    production.write(
        "SELECT setval('public.governance_object_ownership_id_seq', 1, false)"
    )


def test_tier_by_tier_and_drift_of_others(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """Undone tier by tier; what others changed since the run is told, and stays."""
    assert oneroof(*production.run("full")).status == 0
    production.write("COMMENT ON VIEW public.v_object_owner_gap IS 'theirs'")
    ended = oneroof(*production.back("full", "--tier-by-tier"))
    assert ended.status == 0, ended
    assert [step["step"] for step in ended.data["steps"]] == [
        *("R6", "R5", "R4", "R3", "R2", "R1")
    ]
    assert ended.data["proof"]["drift"] == ["comment view public.v_object_owner_gap"]
    production.write(
        "COMMENT ON VIEW public.v_object_owner_gap IS 'Cells of inventory and active "
        "scopes without an accountable owner.'"
    )


def test_rollback_without_the_record_of_its_run_is_held(
    production: Production, oneroof: Callable[..., Ended], sent: Callable[[], str]
) -> None:
    """Where no run is recorded nothing is taken back; with its record it is."""
    assert oneroof(*production.run("ownership")).status == 0
    words = [*production.back("ownership")]
    words[words.index(production.log)] = production.log / "elsewhere"
    before = len(packet_statements(sent()))
    ended = oneroof(*words)
    assert ended.status == 10
    [hold] = ended.data["held"]
    assert hold["code"] == "record"
    assert hold["found"].startswith("no run of ownership on 'directus' (oid ")
    assert "--record FILE" in hold["way"]
    assert len(packet_statements(sent())) == before
    [record] = production.log.glob("*/rollout_ownership_run_*.json")
    assert oneroof(*words, "--record", record).status == 0


def test_tier_by_tier_of_a_packet_without_tiers_is_its_one_way_back(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """--tier-by-tier on ownership takes it back whole, and proves it."""
    assert oneroof(*production.run("ownership")).status == 0
    ended = oneroof(*production.back("ownership", "--tier-by-tier"))
    assert ended.status == 0, ended
    assert [step["step"] for step in ended.data["steps"]] == ["R"]


def test_what_was_rehearsed_runs(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """A rehearsal of the same schema, of this day, is found by itself: no option."""
    assert oneroof("rehearse", "ownership").status == 0
    words = [*production.run("ownership")]
    del words[words.index("--rehearsal") :]
    ended = oneroof(*words)
    assert ended.status == 0, ended
    record = load_record(Path(ended.data["log"]))
    assert record.evidence["ratified"] == APPROVAL
    assert oneroof(*production.back("ownership")).status == 0
    assert load_record(record.file).evidence["undone"]


def test_seeded_production_refuses_full(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """full refuses a seeded production and names the way back."""
    assert oneroof(*production.run("ownership")).status == 0
    ended = oneroof(*production.run("full"))
    assert ended.status == 10
    hold = ended.data["held"][0]
    assert hold["found"] == ("full begins at greenfield, the database stands at seeded")
    assert hold["way"] == "the way back: oneroof rollout rollback ownership"
    plan = oneroof("plan", "full", "--target-url", production.url)
    assert plan.data["standing"]["phase"] == "seeded"
    assert oneroof(*production.back("ownership")).status == 0


def test_verify_fails_where_the_packet_does_not_stand(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """Verification only reads, and fails on a greenfield production."""
    ended = oneroof("verify", "full", "--target-url", production.url)
    assert ended.status == 1
    assert ended.data["stopped"] == (
        "step 8 (verify) stopped: TIER 8 VERIFY FAIL: the release does not stand"
    )
    stand_in = oneroof("verify", "ownership")
    assert stand_in.status == 1
    assert stand_in.data["target"] == "stand-in"
    assert stand_in.told == "oneroof: no target given: this is the embedded stand-in\n"


DIFFER = "owners differ from the ratified map: "
GRANTED = "(active), in force, approved"


@pytest.mark.parametrize(
    ("breaks", "undoes", "says"),
    [
        pytest.param(
            "UPDATE governance_object_ownership SET owner_gov_code = 'GOV-SIV'",
            "",
            f"240 {DIFFER}GRP-AI/approval: expected GOV-DOT {GRANTED}, found GOV-SIV "
            f"{GRANTED}; ",
            id="another body",
        ),
        pytest.param(
            "UPDATE governance_object_ownership SET owner_gov_code = CASE"
            " owner_gov_code WHEN 'GOV-COUNCIL' THEN 'GOV-KG-SYS' WHEN 'GOV-KG-SYS'"
            " THEN 'GOV-COUNCIL' ELSE owner_gov_code END",
            "",
            f"192 {DIFFER}GRP-GOVERNANCE/approval: expected GOV-COUNCIL {GRANTED}, "
            f"found GOV-KG-SYS {GRANTED}; ",
            id="two groups swapped",
        ),
        pytest.param(
            "UPDATE governance_object_ownership SET effective_to = now()",
            "",
            "inventory=35 gap=210 conflict=0, expected 35, 0 and 0",
            id="all ended",
        ),
        pytest.param(
            "UPDATE governance_object_ownership SET approval_ref = 'APR-OF-NOBODY'",
            "",
            f"30 {DIFFER}GRP-AI/approval: expected GOV-DOT {GRANTED}, found GOV-DOT "
            "(active), in force, its approval APR-OF-NOBODY is no request; ",
            id="an approval gone",
        ),
        pytest.param(
            "UPDATE governance_registry SET status = 'draft' WHERE code = 'GOV-DOT'",
            "UPDATE governance_registry SET status = 'active' WHERE code = 'GOV-DOT'",
            f"12 {DIFFER}GRP-AI/approval: expected GOV-DOT {GRANTED}, found GOV-DOT "
            "(draft), in force, approved; ",
            id="an owner out of office",
        ),
    ],
)
def test_verify_names_who_owns_wrongly(
    production: Production,
    oneroof: Callable[..., Ended],
    breaks: str,
    undoes: str,
    says: str,
) -> None:
    """Thirty anchors are not enough: group, scope, expected and found are told."""
    assert oneroof(*production.run("ownership")).status == 0
    verify = ("verify", "ownership", "--target-url", production.url)
    assert oneroof(*verify).status == 0
    production.write(breaks)
    ended = oneroof(*verify)
    assert ended.status == 1
    assert says in ended.data["stopped"]
    production.write(undoes or "SELECT")
    assert oneroof(*production.back("ownership")).status == 0


def test_log_that_cannot_be_written_stops_before_the_run(
    production: Production, oneroof: Callable[..., Ended], tmp_path: Path
) -> None:
    """Without a log there is no run."""
    (tmp_path / "file").write_text("")
    words = [*production.run("full")]
    words[words.index(production.log)] = tmp_path / "file" / "log"
    ended = oneroof(*words)
    assert ended.status == 1
    assert "cannot be written" in ended.told
    assert "nothing was written" in ended.told


@pytest.mark.parametrize("name", ["full", "ownership"])
def test_files_run_under_plain_psql(
    name: str, production: Production, embedded: EmbeddedServer
) -> None:
    """The same files run under psql, forth and back, as the runbook says."""
    folder = resources.path("sql/release") / name
    packet: Packet = open_packet(name, bundled())
    psql = embedded.programs.folder / "psql"

    def run(file: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [psql, "-X", "-v", "ON_ERROR_STOP=1", "-f", folder / file, production.url],
            env={"PGOPTIONS": f"-c oneroof.ratified_apr={APPROVAL}"},
            capture_output=True,
            text=True,
            check=False,
        )

    forward = [s.file for s in packet.steps] if name != "full" else ["99_run_all.sql"]
    for file in forward:
        done = run(file)
        assert done.returncode == 0, done.stderr
    if name == "full":
        assert "ROLLOUT COMPLETE — ALL TIERS PASSED" in done.stdout
        assert "TIER 8 VERIFY PASS" in done.stderr
        assert re.search(r"kg_domain_x +\| active", done.stdout)
        again = run("99_run_all.sql")
        assert again.returncode == 3
        assert "axis substrate already present (6 tables)" in again.stderr
        assert "ROLLOUT COMPLETE" not in again.stdout
    assert run(packet.rollback[0].file).returncode == 0
    standing = read_standing(Where(production.url), packet)
    assert standing.phase.name == "greenfield"
