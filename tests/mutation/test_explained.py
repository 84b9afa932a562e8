"""What the mutation tester is told about stands in the tree."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXPLAINED = tomllib.loads(Path(__file__).with_name("explained.toml").read_text())
PROJECT = ROOT / "pyproject.toml"


def source(function: str) -> str:
    """Return the lines of the module in which a function stands, without indents."""
    parts = function.split(".")
    while not (ROOT / "/".join(parts)).with_suffix(".py").is_file():
        parts.pop()
    spec = importlib.util.find_spec(".".join(parts))
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    return "\n".join(line.strip() for line in text.splitlines())


@pytest.mark.parametrize(
    "entry", EXPLAINED["mutant"], ids=lambda entry: entry["function"].rpartition(".")[2]
)
def test_explained_line_is_still_there(entry: dict[str, str]) -> None:
    """An explanation ends with the line that it is about."""
    assert f"\n{entry['was']}\n" in source(entry["function"])
    assert entry["is"] != entry["was"]
    assert entry["why"]


def test_each_mutant_is_explained_once() -> None:
    """No mutant has two reasons."""
    keys = [(e["function"], e["was"], e["is"]) for e in EXPLAINED["mutant"]]
    assert len(keys) == len(set(keys))


@pytest.mark.skipif(not PROJECT.is_file(), reason="no checkout: pyproject.toml is away")
def test_configured_files_are_there() -> None:
    """Modules that are changed and tests that are asked exist."""
    config: dict[str, Any] = tomllib.loads(PROJECT.read_text())["tool"]["mutmut"]
    for pattern in config["only_mutate"] + config["do_not_mutate"]:
        assert list(ROOT.glob(pattern)), pattern
    for name in config["pytest_add_cli_args_test_selection"]:
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize(
    "entry", EXPLAINED["mutant"], ids=lambda entry: entry["function"].rpartition(".")[2]
)
def test_document_names_each_explained_mutant(entry: dict[str, str]) -> None:
    """docs/mutation.md shows the line, its mutant and the reason."""
    page = (ROOT / "docs/mutation.md").read_text(encoding="utf-8")
    function = entry["function"].removeprefix("pytest_oneroof.")
    row = f"| `{function}` | `{entry['was']}` | `{entry['is']}` | {entry['why']} |"
    assert row in page.splitlines()
