"""Tests of signatures on seals and rehearsals: by ssh-keygen, where signers are set."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from pytest_oneroof.cli import main
from pytest_oneroof.ini import find_ini
from pytest_oneroof.pack import bundled
from pytest_oneroof.release.plan import SIGNATURE, open_packet
from tests.release.conftest import (
    APPROVAL,
    SEALS,
    Ended,
    Production,
    packet_statements,
    rehearsed,
)
from tests.release.reseal import SHIPPED

Run = Callable[..., Ended]
Sent = Callable[[], str]
INI = "[pytest]\noneroof_allowed_signers = signers\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that demands signatures of alice's key; mallory has one, too."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("alice", "mallory"):
        options = ("-q", "-t", "ed25519", "-N", "", "-C", name)
        subprocess.run(["ssh-keygen", *options, "-f", folder / name], check=True)
    public = (folder / "alice.pub").read_text()
    (folder / "signers").write_text(f"alice@example.org {public}")
    (folder / "pytest.ini").write_text(INI)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def packet(tmp_path: Path) -> Path:
    """A copy of the pinned packet, in a folder that can be written."""
    folder = tmp_path / "signed"
    shutil.copytree(SHIPPED / "ownership", folder)
    return folder


@pytest.fixture
def record(target: Production) -> Path:
    """The record of a rehearsal of that packet."""
    return rehearsed(open_packet("ownership", bundled()), target.url, target.log)


def sign(group: str, what: Path, key: Path) -> int:
    """Sign a packet's seal or a rehearsal's record; return the exit status."""
    words = [group, "sign", str(what), "--key", str(key), "--json"]
    result = CliRunner().invoke(main, words)
    if result.exit_code == 0:
        assert Path(json.loads(result.stdout)["signature"]).is_file()
    return result.exit_code


def order(production: Production, packet: Path, record: Path) -> list[str | Path]:
    """Return the words of a complete order to run it."""
    return [
        *("run", packet, *production.target, "--ratified-apr", APPROVAL),
        *("--seal", SEALS["ownership"], "--rehearsal", record),
    ]


def test_signed_by_an_allowed_signer_it_runs_and_goes_back(
    project: Path, packet: Path, record: Path, production: Production, oneroof: Run
) -> None:
    """With both signatures a packet runs; the way back needs the seal's."""
    assert sign("packet", packet, project / "alice") == 0
    assert sign("rollout", record, project / "alice") == 0
    ended = oneroof(*order(production, packet, record))
    assert ended.status == 0, ended
    assert ended.data["signers"] == str(project / "signers")
    seal = packet / SIGNATURE
    seal.rename(project / "kept")
    back = ["rollback", packet, *production.target]
    unsigned = oneroof(*back)
    assert unsigned.status == 3
    assert unsigned.data["findings"][0].startswith("SEAL_NOT_SIGNED ")
    shutil.copy(project / "kept", seal)
    assert oneroof(*back).status == 0


def test_an_unsigned_seal_is_refused_by_every_command(
    project: Path,
    packet: Path,
    record: Path,
    target: Production,
    oneroof: Run,
    sent: Sent,
) -> None:
    """Where signers are set, no packet is even read against a target unsigned: 3."""
    seen = sent()
    where = ("--target-url", target.url)
    for words in (
        order(target, packet, record),
        ("rollback", packet, *target.target),
        ("verify", packet, *where),
        ("plan", packet, *where),
        ("rehearse", packet, "--admin-url", target.url, "--from", "directus"),
    ):
        ended = oneroof(*words)
        assert ended.status == 3, words
        [finding] = ended.data["findings"]
        assert finding.startswith("SEAL_NOT_SIGNED manifest-sha256.txt: there is no")
    assert sent() == seen


def test_what_ssh_keygen_does_not_verify_is_no_signature(
    project: Path,
    packet: Path,
    record: Path,
    target: Production,
    oneroof: Run,
    sent: Sent,
) -> None:
    """Another key, another thing signed, a spoiled file: 3 for the seal."""
    words = order(target, packet, record)
    seal = packet / SIGNATURE
    assert sign("packet", packet, project / "mallory") == 0
    assert "is by nobody in" in oneroof(*words).data["findings"][0]
    assert sign("rollout", record, project / "alice") == 0
    shutil.copy(f"{record}.sig", seal)
    assert "does not verify" in oneroof(*words).data["findings"][0]
    seal.write_text("no signature\n")
    ended = oneroof(*words)
    assert (ended.status, len(ended.data["findings"])) == (3, 1)
    assert packet_statements(sent()) == []


def test_an_unsigned_rehearsal_is_held(
    project: Path,
    packet: Path,
    record: Path,
    target: Production,
    oneroof: Run,
    sent: Sent,
) -> None:
    """No signature, that of another key, or of other bytes: 10."""
    assert sign("packet", packet, project / "alice") == 0
    words = order(target, packet, record)

    def held() -> str:
        ended = oneroof(*words)
        assert ended.status == 10
        [hold] = ended.data["held"]
        assert hold["code"] == "rehearsal"
        return str(hold["found"])

    assert "there is no signature" in held()
    assert sign("rollout", record, project / "mallory") == 0
    assert "is by nobody in" in held()
    assert sign("rollout", record, project / "alice") == 0
    words[words.index(record)] = other = rehearsed(
        open_packet("ownership", bundled()), target.url, target.log
    )
    shutil.copy(f"{record}.sig", f"{other}.sig")
    assert "does not verify" in held()
    assert packet_statements(sent()) == []


def test_only_what_holds_is_signed(
    project: Path, packet: Path, record: Path, target: Production
) -> None:
    """A broken seal, an edited record, what is no record: not signed."""
    (packet / "02_verify.sql").write_text("SELECT 1;\n")
    assert sign("packet", packet, project / "alice") == 3
    record.write_text(record.read_text().replace("a_clone", "another"))
    assert sign("rollout", record, project / "alice") == 1
    assert sign("rollout", project / "pytest.ini", project / "alice") == 1
    assert not Path(f"{record}.sig").exists()


def test_expired_signers_and_missing_files_are_told(
    project: Path, packet: Path, record: Path, target: Production, oneroof: Run
) -> None:
    """What OpenSSH's file says of a key's time holds; a file that is not there is 2."""
    assert sign("packet", packet, project / "alice") == 0
    words = order(target, packet, record)
    signers = project / "signers"
    signers.write_text(
        signers.read_text().replace(" ssh-", ' valid-before="20200101" ssh-', 1)
    )
    assert oneroof(*words).status == 3
    signers.unlink()
    ended = oneroof(*words)
    assert ended.status == 2
    assert "there is no such file" in ended.told
    (project / "pytest.ini").write_text("[pytest]\noneroof_allowed_signers =\n")
    assert "is given, and is empty" in oneroof(*words).told


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", INI),
        (".pytest.ini", INI),
        ("tox.ini", INI),
        ("setup.cfg", INI.replace("[pytest]", "[tool:pytest]")),
        ("pyproject.toml", '[tool.pytest.ini_options]\noneroof_allowed_signers = "s"'),
        ("pyproject.toml", '[tool.pytest]\noneroof_allowed_signers = "s"'),
        ("pytest.toml", '[pytest]\noneroof_allowed_signers = "s"'),
    ],
)
def test_the_ini_file_is_the_one_that_pytest_reads(
    name: str, text: str, tmp_path: Path
) -> None:
    """Found from any folder of the project, past files that are none of pytest's."""
    (tmp_path / name).write_text(text)
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (below / "tox.ini").write_text("[tox]\n")
    (below / "pyproject.toml").write_text("[project]\n")
    found = find_ini(below)
    assert found.file == tmp_path / name
    assert str(found.get("allowed_signers")).startswith("s")
    assert found.path(Path("signers")) == tmp_path / "signers"
    (below / "pytest.ini").write_text("")
    assert find_ini(below).get("allowed_signers") is None
