"""The project's own settings, as pytest finds them: for the command line tool.

Searched as pytest searches (its documentation: "Initialization: determining rootdir
and configfile"), so that a command and a run in one folder read one file. No test of
the project and no conftest.py is imported.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import iniconfig

from pytest_oneroof.errors import SettingsError

PREFIX = "oneroof_"
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Ini:
    """The file that configures pytest here, if any, and our settings in it, raw."""

    file: Path | None = None
    values: Values = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """Return the raw value of a setting, None where it is not set."""
        return self.values.get(PREFIX + name)

    def path(self, path: Path) -> Path:
        """Return a path that the file gives, relative to the file's folder."""
        return path if self.file is None else self.file.parent / path


def find_ini(folder: Path, config: Path | None = None) -> Ini:
    """Return the settings of the project that a folder belongs to.

    :param config: the file to read instead, as pytest's --config-file.

    Raise SettingsError for a file that cannot be read.
    """
    if config is not None:
        return Ini(config, _ours(_given(config)))
    for base in (folder.absolute(), *folder.absolute().parents):
        for name, load in _loaders().items():
            file = base / name
            if file.is_file() and (found := _loaded(load, file)) is not None:
                return Ini(file, _ours(found))
    return Ini()


def _given(file: Path) -> Values:
    """Return what a file named by the user holds, by its name or its suffix."""
    by_suffix = {".ini": _ini, ".cfg": _cfg, ".toml": _any_toml}
    load = _loaders().get(file.name) or by_suffix.get(file.suffix)
    if not file.is_file() or load is None:
        raise SettingsError(
            f"--config {file}: there is no such .ini, .cfg or .toml file"
        )
    return _loaded(load, file) or {}


def _loaders() -> dict[str, Callable[[Path], Values | None]]:
    """Return how each file is read, in pytest's order; None: it does not configure."""
    loaders: dict[str, Callable[[Path], Values | None]] = {
        "pytest.ini": _pytest_ini,
        ".pytest.ini": _pytest_ini,
        "pyproject.toml": _pyproject,
        "tox.ini": _ini,
        "setup.cfg": _cfg,
    }
    if not _reads_toml():
        return loaders
    return {"pytest.toml": _pytest_toml, ".pytest.toml": _pytest_toml, **loaders}


def _loaded(load: Callable[[Path], Values | None], file: Path) -> Values | None:
    try:
        return load(file)
    except (OSError, ValueError, iniconfig.ParseError) as error:
        raise SettingsError(f"cannot read {file}: {error}") from error


def _pytest_ini(file: Path) -> Values | None:
    return _ini(file) or {}


def _ini(file: Path, section: str = "pytest") -> Values | None:
    parsed = iniconfig.IniConfig(str(file))
    return dict(parsed[section].items()) if section in parsed else None


def _cfg(file: Path) -> Values | None:
    return _ini(file, "tool:pytest")


def _pytest_toml(file: Path) -> Values | None:
    return _table(_toml(file), "pytest") or {}


def _pyproject(file: Path) -> Values | None:
    tables = _table(_table(_toml(file), "tool") or {}, "pytest") or {}
    options = _table(tables, "ini_options")
    native = {key: tables[key] for key in tables if key != "ini_options"}
    return (native if _reads_toml() else {}) or options


def _any_toml(file: Path) -> Values | None:
    own = _table(_toml(file), "pytest") if _reads_toml() else None
    return own if own is not None else _pyproject(file)


def _toml(file: Path) -> Values:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _table(values: Values, name: str) -> Values | None:
    found = values.get(name)
    return found if isinstance(found, dict) else None


def _reads_toml() -> bool:
    """Whether the pytest that is installed reads its settings as native TOML."""
    return int(version("pytest").split(".")[0]) >= 9


def _ours(values: Values) -> Values:
    return {key: value for key, value in values.items() if key.startswith(PREFIX)}
