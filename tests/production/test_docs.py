"""What docs/production.md and docs/ci.md name exists, and says what it does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_oneroof import resources
from pytest_oneroof.cli import COMMANDS
from pytest_oneroof.pack import bundled
from pytest_oneroof.production.gate import Gate
from pytest_oneroof.production.preflight import ChannelRules
from pytest_oneroof.settings import OPTIONS

DOCS = Path(__file__).parents[2] / "docs"


def document(name: str) -> str:
    """Return the text of a document of the repository."""
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["production.md", "ci.md"])
def test_options_and_commands_exist(name: str) -> None:
    """Every option, variable, ini value and command that is named exists."""
    text = document(name)
    options = {option.name: option for option in OPTIONS}
    for flag in re.findall(r"--oneroof-([a-z-]+)", text):
        assert not options[flag.replace("-", "_")].ini_only
    for variable in re.findall(r"\bONEROOF_([A-Z_]+)\b", text):
        assert not options[variable.lower()].ini_only
    for command in re.findall(r"\boneroof ([a-z]+) [-\"]", text):
        assert command in COMMANDS
    for path in re.findall(r"\b((?:sql|fixtures)/[a-z_/]+\.(?:sql|json))", text):
        assert resources.path(path).is_file(), path


def test_the_gate_is_described_as_it_is() -> None:
    """Every token and the predicate stand in the document, in their order."""
    text = document("production.md")
    conditions = resources.read_json("fixtures/gate.json")["conditions"]
    table = text[text.index("| token |") :]
    positions = [table.index(f"`{condition['token']};`") for condition in conditions]
    assert positions == sorted(positions)
    assert f"```sql\n{Gate(bundled()).predicate()}\n```" in text


def test_the_limits_are_described_as_they_are() -> None:
    """Rows and times in the document are the channel's own."""
    text = document("production.md")
    rules = ChannelRules()
    assert f"| rows | {rules.rows} in a result |" in text
    assert (
        f"statement {rules.statement_timeout // 1000} s, lock "
        f"{rules.lock_timeout // 1000} s, idle in transaction "
        f"{rules.idle_timeout // 1000} s; the transaction "
        f"{rules.transaction_timeout // 1000} s" in text
    )


def test_every_phase_is_described() -> None:
    """Each phase of the fixture has its row."""
    text = document("production.md")
    for phase in resources.read_json("fixtures/phases.json")["phases"]:
        figures = phase["figures"]
        row = f"| {phase['name']} | {figures['own']} | {figures['gap']} | "
        assert row + str(figures["axis_tables"]) in text
