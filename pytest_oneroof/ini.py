"""The ini file of the project, for commands: found and read as pytest does.

pytest's own reader is private to it (docs.pytest.org, "Configuration", has the rules).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import iniconfig

from pytest_oneroof.errors import SettingsError

_ALWAYS = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"})
_NAMES = (
    *("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"),
    *("pyproject.toml", "tox.ini", "setup.cfg"),
)


@dataclass(frozen=True)
class Ini:
    """An ini file and what it sets for pytest; without a file it sets nothing."""

    file: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """Return the value of a setting of ours, or None."""
        return self.values.get(f"oneroof_{name}")

    def path(self, path: Path) -> Path:
        """Return a path that the file gives, relative to the file's folder."""
        return path if self.file is None else self.file.parent / path


def find_ini(folder: Path) -> Ini:
    """Return the ini file that a pytest run in `folder` would use.

    Raise SettingsError for one that cannot be read.
    """
    for above in (folder, *folder.parents):
        for file in (above / name for name in _NAMES):
            if file.is_file():
                values = _read(file)
                if values is not None:
                    return Ini(file, values)
    return Ini()


def _read(file: Path) -> Mapping[str, Any] | None:
    """Return the file's section of pytest; None where it has none."""
    try:
        text = file.read_text(encoding="utf-8")
        found = list(_sections(file, text))
    except (OSError, ValueError, iniconfig.ParseError) as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    if found:
        return found[0]
    return {} if file.name in _ALWAYS else None


def _sections(file: Path, text: str) -> Iterator[Mapping[str, Any]]:
    if file.suffix == ".toml":
        tables = tomllib.loads(text)
        if file.name == "pyproject.toml":
            tables = tables.get("tool", {})
        if "pytest" in tables:
            yield {**tables["pytest"], **tables["pytest"].get("ini_options", {})}
        return
    ini = iniconfig.IniConfig(str(file), data=text)
    section = "tool:pytest" if file.name == "setup.cfg" else "pytest"
    if section in ini:
        yield dict(ini[section].items())
