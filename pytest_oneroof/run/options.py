"""The settings as pytest options and ini values."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_oneroof import settings as s
from pytest_oneroof.errors import SettingsError
from pytest_oneroof.run.readonly import BOTH_TARGETS, selects_readonly

if TYPE_CHECKING:
    from pytest_oneroof.pack import Pack

_INI_TYPES: dict[str, Any] = {
    "list": "linelist",
    "pairs": "linelist",
    "flag": "bool",
    "number": "int",
}


def add_options(parser: pytest.Parser) -> None:
    """Teach pytest every setting of `settings.OPTIONS`."""
    group = parser.getgroup("oneroof", "guarded clone of production (oneroof)")
    for option in s.OPTIONS:
        if not option.ini_only:
            _add_option(group, option)
        parser.addini(
            f"oneroof_{option.name}",
            option.help,
            type=_INI_TYPES.get(option.kind, "string"),
            default=None,
        )


def _add_option(group: Any, option: s.Option) -> None:
    flag = f"--oneroof-{option.name.replace('_', '-')}"
    dest = f"oneroof_{option.name}"
    if option.kind == "flag":
        group.addoption(
            flag, dest=dest, action="store_true", default=None, help=option.help
        )
    else:
        action = "append" if option.kind == "pairs" else "store"
        group.addoption(
            flag,
            dest=dest,
            action=action,
            default=None,
            metavar=option.metavar,
            help=option.help,
        )


def read_settings(config: pytest.Config) -> s.Settings:
    """Return the run's settings; raise pytest.UsageError for a wrong value.

    The environment counts only where the run asks something of this plugin: a
    variable set for other jobs, right or wrong, must not break a run that does not.
    """
    given = {
        option.name: config.getoption(f"oneroof_{option.name}", None)
        for option in s.OPTIONS
    }

    def ini(name: str) -> Any:
        try:
            return config.getini(f"oneroof_{name}")
        except (TypeError, ValueError, pytest.UsageError) as error:
            # pytest converts by itself, and does not say which setting is wrong.
            raise SettingsError(
                f"oneroof_{name} in the ini file must be {s.wanted(name)} ({error})"
            ) from error

    try:
        environ = os.environ if _asks(config, given, ini) else {}
        settings = s.resolve(given, environ, ini)
        return _on_target(config, settings) if settings.target else settings
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from error


def _on_target(config: pytest.Config, settings: s.Settings) -> s.Settings:
    """Return the settings with the URLs that this run needs of its target.

    An acceptance is given no clone, and a rehearsal no production.
    """
    from pytest_oneroof.targets import read_target

    assert settings.target is not None
    target = read_target(config.inipath, settings.target)
    readonly = selects_readonly(config.option.markexpr)
    if settings.clone:
        # By its administrator alone: the newest clone of that server.
        target.require("clone_url", "admin_url")
        keys = ("clone_url", "admin_url", *(() if readonly else ("production_url",)))
    elif readonly:
        target.require("production_url")
        keys = ("production_url",)
    elif settings.told("target").startswith("--"):
        raise SettingsError(
            "--oneroof-target needs a run on it: --oneroof-clone, or -m readonly"
        )
    else:
        return settings
    return target.applied(settings, os.environ, keys)


def _asks(
    config: pytest.Config, given: Mapping[str, Any], ini: Callable[[str], Any]
) -> bool:
    """Whether a run asks for a clone or a production, or gives any option of ours."""
    if any(value is not None for value in given.values()) or ini("clone"):
        return True
    if s.is_on(os.environ.get("ONEROOF_CLONE", "")):
        return True
    return selects_readonly(config.option.markexpr) and any(
        f"ONEROOF_{name.upper()}" in os.environ or ini(name)
        for name in ("production_url", "target")
    )


def read_pack(config: pytest.Config, settings: s.Settings) -> Pack:
    """Return the pack that the settings name; raise pytest.UsageError for none."""
    from pytest_oneroof.pack import open_pack

    try:
        return open_pack(settings.pack or s.DEFAULT_PACK, base_of(config, settings))
    except SettingsError as error:
        raise pytest.UsageError(str(error)) from error


def base_of(config: pytest.Config, settings: s.Settings) -> Path:
    """Return what a pack's folder is relative to: in the ini file, that file's."""
    in_ini = settings.told("pack").endswith("ini file")
    return config.rootpath if in_ini else config.invocation_params.dir


def check_combination(config: pytest.Config, settings: s.Settings) -> None:
    """Raise pytest.UsageError for settings that contradict each other."""
    readonly = selects_readonly(config.option.markexpr)
    if readonly and settings.clone and settings.production_url:
        raise pytest.UsageError(BOTH_TARGETS)
    accepts = readonly and settings.production_url
    if settings.suite and not (settings.clone or accepts):
        raise pytest.UsageError(
            "--oneroof-suite needs a target: --oneroof-clone, or -m readonly with "
            "--oneroof-production-url URL"
        )
    told = settings.told("clone_url")
    if settings.clone_url and not settings.clone and told.startswith("--"):
        raise pytest.UsageError("--oneroof-clone-url needs --oneroof-clone")
    if settings.clone_url and not settings.admin_url and _distributes(config):
        raise pytest.UsageError(
            "-n needs a clone for each worker, copied by the server's administrator: "
            "--oneroof-admin-url URL"
        )
    if not 15 <= settings.pg_version <= 18:
        raise pytest.UsageError(
            f"{settings.told('pg_version')}: PostgreSQL 15 to 18 is supported, given: "
            f"{settings.pg_version}"
        )


def _distributes(config: pytest.Config) -> bool:
    return bool(getattr(config.option, "numprocesses", None))
