"""Tests of packets that an attacker would hand in: made by himself, or spoiled.

Each is refused by its seal, and the server, which logs every statement, has seen
nothing of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from pytest_oneroof.pack import bundled
from pytest_oneroof.release import plan, rollout
from pytest_oneroof.release.plan import MANIFEST, PLAN, open_packet
from pytest_oneroof.release.seals import pinned_seals
from tests.release.conftest import (
    APPROVAL,
    Ended,
    Production,
    rehearsed,
    reseal,
    seal_of,
)
from tests.release.reseal import SHIPPED

Run = Callable[..., Ended]
Remade = Callable[..., Path]
Sent = Callable[[], str]
YES = ("02_verify.sql", "RAISE EXCEPTION 'VERIFY FAIL: own", "RAISE NOTICE 'own")


def named(remade: Remade) -> Path:
    """Return a packet of somebody's own, under a name of its own."""
    return remade("ownership", PLAN, '"packet": "ownership"', '"packet": "mine"')


def edited_read(remade: Remade) -> Path:
    """Return a packet that writes where it should say how it stands."""
    text = "FROM public.governance_object_ownership\nWHERE created_by"
    return remade("ownership", "standing.sql", text, f"{text[:-10]}; DELETE {text}")


def verify_says_yes(remade: Remade) -> Path:
    """Return a packet whose verification never fails."""
    return remade("ownership", *YES)


def no_gate(remade: Remade) -> Path:
    """Return a packet that does not ask for ratification."""
    return remade("ownership", "01_seed_commit.sql", "found.refusal <> ''", "false")


SELF_MADE = (named, edited_read, verify_says_yes, no_gate)


def orders(production: Production, folder: Path) -> dict[str, tuple[str | Path, ...]]:
    """Return every command of a rollout on a folder, with its seal as typed."""
    seal = seal_of(folder)
    target = ("--target-url", production.url)
    return {
        "plan": ("plan", folder, *target),
        "run": (
            *("run", folder, *production.target, "--ratified-apr", APPROVAL),
            *("--seal", seal),
        ),
        "rollback": ("rollback", folder, *production.target, "--seal", seal),
        "verify": ("verify", folder, *target),
        "rehearse": ("rehearse", folder, "--admin-url", production.url, "--from", "x"),
    }


def test_self_made_packet_is_refused(
    remade: Remade, target: Production, oneroof: Run, sent: Sent
) -> None:
    """A packet that nobody pinned: 3 by every command, and nothing reaches a server."""
    for make in SELF_MADE:
        for words in orders(target, make(remade)).values():
            ended = oneroof(*words)
            assert ended.status == 3, words
            [finding] = ended.data["findings"]
            assert finding.startswith("SEAL_NOT_PINNED manifest-sha256.txt: ")
    assert "statement: " not in sent()
    assert not target.log.exists()


def link(folder: Path) -> None:
    """Put a link to the same bytes where a file was."""
    file = folder / "02_verify.sql"
    file.rename(folder.parent / "elsewhere.sql")
    file.symlink_to(folder.parent / "elsewhere.sql")


def linked_folder(folder: Path) -> None:
    """Put a link to the same folder where a folder was."""
    (folder / "verify").rename(folder.parent / "verify")
    (folder / "verify").symlink_to(folder.parent / "verify")


def outside(folder: Path) -> None:
    """Have the manifest name a file beside the folder."""
    manifest = folder / MANIFEST
    (folder.parent / "02_verify.sql").write_bytes(
        (folder / "02_verify.sql").read_bytes()
    )
    text = manifest.read_text().replace("  02_verify.sql", "  ../02_verify.sql")
    manifest.write_text(text)


def unlisted(folder: Path) -> None:
    """Add a file that is not sealed."""
    (folder / "04_more.sql").write_text("SELECT 1;\n")


SPOILED: Mapping[str, tuple[str, Callable[[Path], None], str]] = {
    "link": ("ownership", link, "SYMLINK"),
    "linked folder": ("full", linked_folder, "SYMLINK"),
    "path": ("ownership", outside, "PATH_TRAVERSAL"),
    "unlisted": ("ownership", unlisted, "UNLISTED_FILE"),
}


def test_spoiled_folder_is_refused(
    tmp_path: Path, target: Production, oneroof: Run, sent: Sent
) -> None:
    """Links, paths that leave the folder, a file too many: 3, and nothing is sent."""
    for kind, (packet, spoil, code) in SPOILED.items():
        folder = tmp_path / kind / packet
        shutil.copytree(SHIPPED / packet, folder)
        spoil(folder)
        for words in orders(target, folder).values():
            ended = oneroof(*words)
            assert ended.status == 3, words
            assert code in " ".join(ended.data["findings"])
    assert "statement: " not in sent()


def test_the_reviewed_bytes_run_from_anywhere(
    tmp_path: Path, target: Production, oneroof: Run
) -> None:
    """A copy of the pinned packet is the packet: its seal decides, not its folder."""
    folder = tmp_path / "copy"
    shutil.copytree(SHIPPED / "ownership", folder)
    assert oneroof("plan", folder, "--target-url", target.url).status == 0


def test_bytes_that_changed_after_the_seal_was_read_are_not_sent(
    remade: Remade, production: Production, monkeypatch: pytest.MonkeyPatch, sent: Sent
) -> None:
    """What is sent are the bytes that were compared, whatever the folder holds then."""
    folder = remade("ownership", "00_preflight.sql", "-- Stop:", "-- Stop :")
    pins = {**pinned_seals(bundled()), "ownership": seal_of(folder)}
    monkeypatch.setattr(plan, "pinned_seals", lambda pack: pins)
    packet = open_packet(str(folder), bundled())
    for file in folder.glob("*.sql"):
        file.write_text("SELECT 'swapped';\n")
    reseal(folder)
    rehearsed(packet, production.url, production.log)
    order = rollout.Order(packet, production.url, "directus", production.log, APPROVAL)
    assert rollout.run(order, quiet).status == 0
    assert rollout.roll_back(order, quiet).status == 0
    assert "swapped" not in sent()


def quiet(line: str) -> None:
    """Say nothing."""
