"""The project's settings: a command reads what a run in the same folder reads."""

from __future__ import annotations

import importlib.metadata
import os
from pathlib import Path

import pytest

from pytest_oneroof import settings as s
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.ini import find_ini
from pytest_oneroof.run import options

READS_TOML = int(importlib.metadata.version("pytest").split(".")[0]) >= 9
INI = """\
{section}
oneroof_clone_pattern = shop_test_[0-9]+
oneroof_strict = true
oneroof_pg_version = 18
oneroof_productions =
    shop
    db.example.org:5432/shop, other
"""
OPTIONS = """\
[tool.pytest.ini_options]
oneroof_clone_pattern = "shop_test_[0-9]+"
oneroof_strict = true
oneroof_pg_version = 18
oneroof_productions = ["shop", "db.example.org:5432/shop", "other"]
"""
NATIVE = OPTIONS.replace("[tool.pytest.ini_options]", "[tool.pytest]")
LAYOUTS: dict[str, dict[str, str]] = {
    "pytest.ini": {"pytest.ini": INI.format(section="[pytest]")},
    "hidden": {".pytest.ini": INI.format(section="[pytest]")},
    "tox.ini": {"tox.ini": INI.format(section="[pytest]")},
    "setup.cfg": {"setup.cfg": INI.format(section="[tool:pytest]")},
    "pyproject.toml": {"pyproject.toml": OPTIONS},
    "an empty pytest.ini wins": {"pytest.ini": "", "pyproject.toml": OPTIONS},
    "pytest.ini before tox.ini": {
        "pytest.ini": INI.format(section="[pytest]"),
        "tox.ini": "[pytest]\noneroof_strict = false\n",
    },
    "files of other tools": {
        "sub/pyproject.toml": "[tool.ruff]\n",
        "sub/tox.ini": "[tox]\n",
        "sub/setup.cfg": "[metadata]\n",
        "pytest.ini": INI.format(section="[pytest]"),
    },
    "the nearest": {
        "pytest.ini": "[pytest]\noneroof_strict = false\n",
        "sub/pytest.ini": INI.format(section="[pytest]"),
    },
    "no file": {},
    "an empty list": {"pytest.ini": "[pytest]\noneroof_productions =\n"},
}
if READS_TOML:
    LAYOUTS |= {
        "pytest.toml": {
            "pytest.toml": OPTIONS.replace("tool.pytest.ini_options", "pytest")
        },
        "native tables": {"pyproject.toml": NATIVE},
    }


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, no variable of ours set."""
    for name in [name for name in os.environ if name.startswith("ONEROOF_")]:
        monkeypatch.delenv(name)
    return pytester.path


def write(folder: Path, files: dict[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_command_reads_what_pytest_reads(
    pytester: pytest.Pytester, folder: Path, files: dict[str, str]
) -> None:
    """From a folder below, too: the same file, and every setting the same."""
    write(folder, files)
    (folder / "sub").mkdir(exist_ok=True)
    for place in (folder, folder / "sub"):
        os.chdir(place)
        config = pytester.parseconfig(f"--rootdir={place}")
        run = options.read_settings(config)
        found = find_ini(place)
        command = s.resolve({}, {}, found.get)
        assert found.file == config.inipath
        for option in s.OPTIONS:
            name = option.name
            assert getattr(command, name) == getattr(run, name), name
            assert command.told(name) == run.told(name), name


@pytest.mark.parametrize("name", ["other.ini", "other.cfg", "other.toml"])
def test_another_file_can_be_named(
    pytester: pytest.Pytester, folder: Path, name: str
) -> None:
    """As pytest's --config-file: it is read instead of what would be found."""
    text = {
        "other.ini": INI.format(section="[pytest]"),
        "other.cfg": INI.format(section="[tool:pytest]"),
        "other.toml": OPTIONS,
    }[name]
    write(folder, {name: text, "pytest.ini": "[pytest]\noneroof_strict = false\n"})
    config = pytester.parseconfig("-c", str(folder / name))
    run = options.read_settings(config)
    found = find_ini(folder, folder / name)
    command = s.resolve({}, {}, found.get)
    assert command.clone_pattern == run.clone_pattern == "shop_test_[0-9]+"
    assert command.productions == run.productions


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("pytest.ini", "oneroof_strict = true\n", "cannot read "),
        ("pyproject.toml", "[tool.pytest\n", "cannot read "),
    ],
)
def test_a_file_that_cannot_be_read_is_told(
    folder: Path, name: str, text: str, told: str
) -> None:
    """A broken file is no empty one: it may hold the declared productions."""
    write(folder, {name: text})
    with pytest.raises(SettingsError, match=told):
        find_ini(folder)


def test_a_file_that_is_none_is_told(folder: Path) -> None:
    """A file of an unknown kind holds no settings."""
    write(folder, {"settings.yaml": "x"})
    with pytest.raises(SettingsError, match=r"there is no such \.ini, \.cfg or \.toml"):
        find_ini(folder, folder / "settings.yaml")
