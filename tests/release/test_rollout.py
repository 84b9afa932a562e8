"""Tests of `oneroof rollout` on productions of the tests' own, by its command."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pytest_oneroof import resources
from pytest_oneroof.cli import main
from pytest_oneroof.postgres.connect import connect, with_database
from pytest_oneroof.postgres.embedded import EmbeddedServer
from pytest_oneroof.release.plan import Packet, open_packet
from pytest_oneroof.release.proof import Pin, read_pin
from pytest_oneroof.release.standing import read_standing
from pytest_oneroof.release.steps import Where
from tests.release.conftest import APPROVAL

SEALS = {name: open_packet(name).sha256 for name in ("full", "ownership")}
# What a rollout writes, and what lies next to it.
NEAR = (
    *open_packet("full").touches,
    "public.os_proposal_approvals",
    "public.approval_requests",
    "public.apr_approvals",
    "public.event_outbox",
)


@dataclass(frozen=True)
class Ended:
    """One command that ended: its status, its JSON value, what it wrote on stderr."""

    status: int
    data: Any
    told: str


@pytest.fixture
def oneroof(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Run `oneroof rollout … --json` on the shared cache."""
    monkeypatch.setenv("ONEROOF_CACHE_DIR", str(cache))

    def run(*arguments: str | Path) -> Ended:
        words = ["rollout", *map(str, arguments), "--json"]
        result = CliRunner().invoke(main, words)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        data = json.loads(result.stdout) if result.stdout.strip() else None
        return Ended(result.exit_code, data, result.stderr)

    return run


@pytest.fixture
def production(ratified_url: str, tmp_path: Path) -> Iterator[Production]:
    """A ratified production at greenfield; the test has to leave it so."""
    made = Production(ratified_url, tmp_path / "log")
    before = made.pin(NEAR)
    yield made
    assert made.pin(NEAR).items() == before.items()


class Production:
    """A production: its URL, the options that name it, what it holds."""

    def __init__(self, url: str, log: Path) -> None:
        self.url = url
        self.log = log
        self.target = ("--target-url", url, "--database", "directus", "--log", log)

    def run(self, packet: str) -> tuple[str | Path, ...]:
        """Return the words of a complete order to run a packet."""
        return (
            *("run", packet, *self.target),
            *("--ratified-apr", APPROVAL, "--seal", SEALS[packet]),
        )

    def back(self, packet: str, *more: str | Path) -> tuple[str | Path, ...]:
        """Return the words of a complete order to roll a packet back."""
        return ("rollback", packet, *self.target, *more)

    def pin(self, relations: tuple[str, ...] | None = None) -> Pin:
        """Read schema and content, whole or of these relations."""
        with contextlib.closing(connect(self.url)) as connection:
            return read_pin(connection, relations)

    def write(self, statement: str) -> None:
        """Change it, as somebody else would."""
        with contextlib.closing(connect(self.url)) as connection:
            connection.execute(statement.encode())


def test_rehearse_full_shows_every_figure(oneroof: Callable[..., Ended]) -> None:
    """The whole rehearsal ends with the release's figures, in under 60 seconds."""
    began = time.perf_counter()
    ended = oneroof("rehearse", "full")
    assert ended.status == 0, ended
    assert time.perf_counter() - began < 60
    said = [n for run in ended.data["forward"]["steps"] for n in run["notices"]]
    planned = [s.says for s in (*open_packet("full").steps, *open_packet("full").reads)]
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


@pytest.mark.parametrize("packet", ["full", "ownership"])
def test_run_is_held_at_a_closed_gate(
    packet: str, embedded: EmbeddedServer, oneroof: Callable[..., Ended], tmp_path: Path
) -> None:
    """On a greenfield production that nobody ratified: BLOCKED, 10, nothing written."""
    production = Production(embedded.url("directus"), tmp_path / "log")
    before = production.pin()
    ended = oneroof(*production.run(packet))
    assert ended.status == 10
    assert [hold["code"] for hold in ended.data["held"]] == ["gate"]
    assert ended.data["held"][0]["found"] == "GATE: BLOCKED|ospa<1;"
    assert ended.data["written"] is False
    assert production.pin().items() == before.items()
    assert not production.log.exists()


LEFT_OUT = {
    "--target-url": "--target-url URL names the production",
    "--database": "--database NAME, the production's name typed by you",
    "--ratified-apr": "--ratified-apr CODE; never invent one",
    "--seal": "--seal SHA256 is the manifest that was rehearsed",
}


@pytest.mark.parametrize("option", list(LEFT_OUT))
def test_incomplete_order_is_wrong_use(
    option: str, oneroof: Callable[..., Ended], tmp_path: Path
) -> None:
    """Without URL, name, approval or seal nothing is even connected to: status 2."""
    words = list(Production("postgresql://nowhere/directus", tmp_path).run("full"))
    place = words.index(option)
    del words[place : place + 2]
    ended = oneroof(*words)
    assert (ended.status, ended.told) == (2, f"oneroof: missing: {LEFT_OUT[option]}\n")


def test_no_environment_variable_names_the_target(
    oneroof: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, ratified_url: str
) -> None:
    """The production to write to is given on the command line, and nowhere else."""
    for name in ("ONEROOF_TARGET_URL", "ONEROOF_PRODUCTION_URL", "DATABASE_URL"):
        monkeypatch.setenv(name, ratified_url)
    words = ("--database", "directus", "--ratified-apr", APPROVAL)
    ended = oneroof("run", "full", *words, "--seal", SEALS["full"])
    assert ended.status == 2


def test_there_is_no_force(oneroof: Callable[..., Ended]) -> None:
    """No command of a rollout knows an option that forces."""
    for name, command in main.get_command(None, "rollout").commands.items():  # type: ignore[arg-type,union-attr]
        words = [o for p in command.params for o in p.opts]
        assert not [w for w in words if re.search("force|skip|yes|unsafe", w)], name


def test_another_seal_is_refused(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """A manifest that is not the rehearsed one ends with 3, before any connection."""
    words = [*production.run("full")]
    words[words.index(SEALS["full"])] = SEALS["ownership"]
    ended = oneroof(*words)
    assert ended.status == 3
    assert ended.data["findings"][0].startswith("MANIFEST_PIN_MISMATCH ")
    assert not production.log.exists()


def _dash(folder: Path) -> None:
    file = folder / "30_ownership_seed.sql"
    file.write_bytes(file.read_bytes().replace(b"--", "\u2014".encode(), 1))


def _bytes(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data.replace(old, new))

    return edit


def _swapped(folder: Path) -> None:
    first, second = folder / "20_responsibility_axis.sql", folder / "40_containment.sql"
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "byte": (_bytes("90_verify.sql", b"-- Tier 8", b"-- tier 8"), "SHA256_MISMATCH"),
    "plan": (_bytes("plan.json", b'"never"', b'"Never"'), "SHA256_MISMATCH"),
    "order": (_swapped, "SHA256_MISMATCH"),
    "many": (lambda folder: (folder / "35_more.sql").touch(), "UNLISTED_FILE"),
    "few": (lambda folder: (folder / "standing.sql").unlink(), "MISSING_FILE"),
    "crlf": (_bytes("10_structure.sql", b"\n", b"\r\n"), "LENGTH_MISMATCH"),
    "bom": (
        _bytes("00_preflight.sql", b"-- T", b"\xef\xbb\xbf-- T"),
        "LENGTH_MISMATCH",
    ),
    "dash": (_dash, "LENGTH_MISMATCH"),
}


@pytest.mark.parametrize("kind", list(BROKEN))
def test_broken_packet_is_refused_before_any_connection(
    kind: str, oneroof: Callable[..., Ended], tmp_path: Path
) -> None:
    """Whatever was changed in a packet, no command of a rollout gets to a server."""
    folder = tmp_path / "packet"
    shutil.copytree(resources.path("sql/release/full"), folder)
    edit, code = BROKEN[kind]
    edit(folder)
    production = Production("postgresql://nowhere.invalid/directus", tmp_path / "log")
    for words in (
        (*production.run("full")[:1], folder, *production.run("full")[2:]),
        ("rollback", folder, *production.target),
        ("verify", folder, "--target-url", production.url),
        ("plan", folder, "--target-url", production.url),
        ("rehearse", folder, "--admin-url", production.url, "--from", "directus"),
    ):
        ended = oneroof(*words)
        assert ended.status == 3, words
        assert code in " ".join(ended.data["findings"])
    assert not production.log.exists()


def test_another_database_than_typed_is_held(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """The typed name has to be the database's, and the database the packet's target."""
    words = [*production.run("full")]
    words[words.index("directus")] = "directus2"
    ended = oneroof(*words)
    assert ended.status == 10
    assert [hold["code"] for hold in ended.data["held"]] == ["typed"]
    words = [*production.run("full")]
    words[words.index(production.url)] = with_database(production.url, "postgres")
    ended = oneroof(*words)
    assert ended.status == 10
    assert [h["code"] for h in ended.data["held"]] == ["identity", "typed"]
    assert ended.data["held"][0]["found"] == (
        "the database is 'postgres', the packet is for 'directus'"
    )


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("APR-0001", "REFUSING: approval APR-0001 is without its quorum"),
        ("APR-0015", "REFUSING: approval APR-0015 is not approved (status="),
        ("APR-NONE", "REFUSING: approval APR-NONE is not approved (status=no such"),
    ],
)
def test_unratified_code_is_held(
    code: str, said: str, production: Production, oneroof: Callable[..., Ended]
) -> None:
    """A code that is not approved with its quorum is held by the preflight: 10."""
    production.write(
        "UPDATE public.apr_approvals SET decision = 'abstain'"
        " WHERE apr_id = 1 AND approver = 'gpt'"
    )
    words = [*production.run("full")]
    words[words.index(APPROVAL)] = code
    ended = oneroof(*words)
    production.write(
        "UPDATE public.apr_approvals SET decision = 'approve'"
        " WHERE apr_id = 1 AND approver = 'gpt'"
    )
    assert ended.status == 10
    [hold] = ended.data["held"]
    assert hold["code"] == "preflight"
    assert hold["found"].startswith(said)


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
    assert back.data["pinned"] is True
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


def test_rollback_without_pin_says_so(
    production: Production, oneroof: Callable[..., Ended]
) -> None:
    """Where the run's log is not at hand, figures are compared, and that is said."""
    assert oneroof(*production.run("ownership")).status == 0
    words = [*production.back("ownership")]
    words[words.index(production.log)] = production.log / "elsewhere"
    ended = oneroof(*words)
    assert ended.status == 0
    assert ended.data["pinned"] is False


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
    packet: Packet = open_packet(name)
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
