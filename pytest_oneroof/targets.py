"""Environments of one project: which environment variables hold the URLs of each.

A section `[oneroof:NAME]` of the ini file, or a table `[tool.oneroof.targets.NAME]` of
pyproject.toml, names variables and never URLs, so that no secret stands in a file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import iniconfig

from pytest_oneroof.errors import SettingsError
from pytest_oneroof.redaction import Url
from pytest_oneroof.settings import Settings

KEYS = ("clone_url", "admin_url", "production_url")
SECTION = "oneroof:"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Target:
    """One environment: the environment variable that holds each of its URLs."""

    name: str
    variables: Mapping[str, str]

    def applied(
        self, settings: Settings, environ: Mapping[str, str], keys: Iterable[str]
    ) -> Settings:
        """Return the settings with the URLs of these keys as this environment has them.

        Raise SettingsError where one was given beside, or its variable is not set.
        """
        values: dict[str, Any] = {}
        sources = dict(settings.sources)
        for key in keys:
            self._refuse_both(settings, key)
            if (variable := self.variables.get(key)) is not None:
                values[key] = _url(self.name, key, variable, environ)
                sources[key] = f"target {self.name}: {variable}"
        return replace(settings, **values, sources=sources)

    def require(self, *keys: str) -> None:
        """Raise SettingsError where none of these URLs is named."""
        if not any(key in self.variables for key in keys):
            raise SettingsError(
                f"the target {self.name!r} names no {keys[0]}, which this run needs\n"
                f"to fix this, add to it: {keys[0]} = NAME_OF_AN_ENVIRONMENT_VARIABLE"
            )

    def _refuse_both(self, settings: Settings, key: str) -> None:
        source = settings.sources.get(key, "")
        if source.startswith(("--oneroof-", "ONEROOF_")):
            raise SettingsError(
                f"two sources say where the {key} is: {source}, and the target "
                f"{self.name!r} ({settings.told('target')})\n"
                "to fix this, give one of them: two environments are never mixed"
            )


def read_target(file: Path | None, name: str) -> Target:
    """Return an environment by its name; raise SettingsError where there is none."""
    targets = _read(file) if file is not None else {}
    if name not in targets:
        where = f"in {file}" if file else "as there is no ini file"
        known = ", ".join(sorted(targets)) or "none"
        raise SettingsError(
            f"no target is called {name!r} {where}; there are: {known}\n"
            f"to fix this, write a section [{SECTION}{name}]"
        )
    values = targets[name]
    for key, value in values.items():
        _check(f"{file}, target {name!r}", key, value)
    return Target(name, dict(values))


def _read(file: Path) -> Mapping[str, Mapping[str, Any]]:
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".toml":
        tables = tomllib.loads(text)
        tables = tables.get("tool", {}) if file.name == "pyproject.toml" else tables
        found: Mapping[str, Any] = tables.get("oneroof", {}).get("targets", {})
        return found
    return {
        section.name.removeprefix(SECTION): dict(section.items())
        for section in iniconfig.IniConfig(str(file), data=text)
        if section.name.startswith(SECTION)
    }


def _check(where: str, key: str, value: Any) -> None:
    if key not in KEYS:
        raise SettingsError(f"{where}: unknown key {key} (known: {', '.join(KEYS)})")
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        # Not repeated: it may be a URL with its password.
        raise SettingsError(
            f"{where}: {key} takes the name of an environment variable, and what "
            "stands there is none: no URL stands in a file"
        )


def _url(name: str, key: str, variable: str, environ: Mapping[str, str]) -> Url:
    value = environ.get(variable, "").strip()
    if not value:
        raise SettingsError(
            f"the target {name!r} has its {key} in {variable}, which is not set"
        )
    return Url(value)
