"""Tests of orders that are not carried out: held, incomplete, or with a broken seal."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_oneroof import resources
from pytest_oneroof.cli import main
from pytest_oneroof.postgres.connect import with_database
from pytest_oneroof.postgres.embedded import EmbeddedServer
from tests.release.conftest import (
    APPROVAL,
    SEALS,
    Ended,
    Production,
    packet_statements,
)


@pytest.mark.parametrize("packet", ["full", "ownership"])
def test_run_is_held_at_a_closed_gate(
    packet: str, embedded: EmbeddedServer, oneroof: Callable[..., Ended], tmp_path: Path
) -> None:
    """On a greenfield production that nobody ratified: BLOCKED, 10, nothing written."""
    production = Production(
        embedded.url("directus"), tmp_path / "log", tmp_path / "rehearsed"
    )
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
        ("APR-0001", "REFUSING: approval APR-0001 is about something else"),
        ("APR-0015", "REFUSING: approval APR-0015 is not approved (status="),
        ("APR-NONE", "REFUSING: approval APR-NONE is not approved (status=no such"),
    ],
)
def test_unratified_code_is_held(
    code: str,
    said: str,
    production: Production,
    oneroof: Callable[..., Ended],
    sent: Callable[[], str],
) -> None:
    """A code that is not approved, or for something else, is held: 10, nothing sent."""
    words = [*production.run("full")]
    words[words.index(APPROVAL)] = code
    ended = oneroof(*words)
    assert ended.status == 10
    [hold] = ended.data["held"]
    assert hold["code"] == "ratification"
    assert hold["found"].startswith(said)
    assert packet_statements(sent()) == []
