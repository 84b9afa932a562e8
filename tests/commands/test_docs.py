"""What docs/clone.md and docs/release.md name exists, and nothing is left out."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from pytest_oneroof.cli import main
from pytest_oneroof.pack import bundled
from pytest_oneroof.production import gate
from pytest_oneroof.release import order, proof, rollout, standing

DOCS = Path(__file__).parents[2] / "docs"
CLONE, RELEASE = (
    (DOCS / f"{name}.md").read_text(encoding="utf-8") for name in ("clone", "release")
)
PAGES = {"clone": CLONE, "rollout": RELEASE}
ELSEWHERE = {"--content", "--admin-url", "--quiet", "--production-url", "--help"}


def commands(group: str) -> dict[str, click.Command]:
    """Return the commands of a group by their names."""
    found = main.get_command(click.Context(main), group)
    assert isinstance(found, click.Group)
    return found.commands


@pytest.mark.parametrize("group", list(PAGES))
def test_every_command_is_described(group: str) -> None:
    """Each command of the group stands in its document, and no other does."""
    named = set(re.findall(rf"oneroof {group} ([a-z-]+)", PAGES[group]))
    assert named <= set(commands(group)), named - set(commands(group))
    for name in commands(group):
        assert re.search(rf"`{name}\b|{group} {name}\b", PAGES[group]), name


@pytest.mark.parametrize("group", list(PAGES))
def test_every_option_that_is_named_exists(group: str) -> None:
    """An option in the document is one of the group's commands."""
    known = {o for c in commands(group).values() for p in c.params for o in p.opts}
    named = set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", PAGES[group]))
    own = {o for o in named if not o.startswith("--oneroof") and o not in ELSEWHERE}
    assert own <= known, own - known


def test_every_reason_of_a_hold_is_described() -> None:
    """Each code with which a rollout is held, and each of a proof, is explained."""
    sources = (Path(module.__file__) for module in (standing, order, rollout))
    text = "".join(file.read_text(encoding="utf-8") for file in sources)
    codes = set(re.findall(r"Hold\(\s*\"([a-z_]+)\"", text))
    assert {"identity", "typed", "standby", "gate", "done", "other_packet"} <= codes
    assert {"rehearsal", "schema", "record", "ratification"} <= codes
    for code in (*codes, "partial", "phase", "preflight"):
        assert f"`{code}`" in RELEASE, code
    for code in (proof.DID_NOT_MUTATE, proof.NOT_RESTORED):
        assert f"`{code}`" in RELEASE


def test_every_token_of_the_gate_is_described() -> None:
    """Each blocker of the monitor has its line in the table of situations."""
    blockers = [entry["token"] for entry in gate.Gate(bundled()).plan["conditions"]]
    assert len(blockers) == 9
    for token in blockers:
        assert f"`{token};`" in RELEASE, token
